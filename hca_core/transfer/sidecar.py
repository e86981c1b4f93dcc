"""The note beside a partial file that says what it is a part of, so that a later run may continue it."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from hca_core.transfer.job import TransferJob
from hca_core.transfer.private import beside, replacing

__all__ = ["Sidecar", "left_behind", "load", "part_path", "save", "sidecar_path"]

_FORMAT = "hca-partial-1"


@dataclass(frozen=True)
class Sidecar:
    """What the bytes of a partial file are, and who is writing them.

    `validator` is the ETag under which the server sent them; `resumable` is false when the server encoded them on
    the way, so that offsets mean nothing; `owner` is random for every fetch.
    """

    identity: str
    size: int | None
    sha256: str | None
    owner: str
    validator: str | None = None
    resumable: bool = True

    @property
    def continuable(self) -> bool:
        """Whether the bytes may be continued: only if a checksum or the ETag can show that the rest belongs to them."""
        return self.resumable and bool(self.sha256 or self.validator)

    def fits(self, job: TransferJob) -> bool:
        """Tell whether the bytes may be continued for `job`."""
        same = (self.identity, self.size, self.sha256) == (job.identity, job.size, job.sha256)
        return same and self.continuable


def part_path(target: Path) -> Path:
    """Return where the bytes of `target` are gathered until they are complete."""
    return beside(target, ".part")


def sidecar_path(target: Path) -> Path:
    """Return where the note on the partial file of `target` is."""
    return beside(target, ".part.json")


def load(path: Path) -> Sidecar | None:
    """Return the note at `path`, or None if there is none that this version understands."""
    try:
        data = json.loads(path.read_bytes())
        if data.pop("format") != _FORMAT:
            return None
        note = Sidecar(**data)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return note if _well_typed(note) else None


def left_behind(job: TransferJob) -> int:
    """Return how many bytes an earlier run has left with which `job` can begin."""
    note = load(sidecar_path(job.target))
    if note is None or not note.fits(job):
        return 0
    try:
        there = part_path(job.target).lstat()
    except OSError:
        return 0
    usable = stat.S_ISREG(there.st_mode) and (job.size is None or there.st_size <= job.size)
    return there.st_size if usable else 0


def _well_typed(note: Sidecar) -> bool:
    texts = (note.sha256, note.validator)
    return (
        isinstance(note.identity, str)
        and isinstance(note.owner, str)
        and isinstance(note.resumable, bool)
        and all(text is None or isinstance(text, str) for text in texts)
        and (note.size is None or type(note.size) is int)
    )


def save(path: Path, note: Sidecar) -> None:
    """Write the note so that a reader sees all of it or none.

    It is not forced to the disk: after a power failure a lost note costs a second download, nothing else.
    """
    with replacing(path) as (fresh, _):
        fresh.write_text(json.dumps({"format": _FORMAT, **asdict(note)}))
