"""Submits files of records: in parts, the links that point forward too, and with a file of those that were refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from hca_core.errors import ApiError, ArgumentError, AuthError, HcaError, NetworkError, TransferError
from hca_core.transfer.job import Progress, Silent
from hca_gen3.commons import Commons
from hca_gen3.exporter import write
from hca_gen3.records_file import Record, RecordsFile, open_records
from hca_gen3.sender import Sender, Settled, Target
from hca_gen3.transaction import Complaint

__all__ = ["CHUNK", "Refusal", "Submission", "submit"]

CHUNK = 100
"""How many records are sent together."""

_NAMED = 5  # refused records that a message names


@dataclass(frozen=True)
class Refusal:
    """A record that was not accepted, and why."""

    file: RecordsFile
    record: Record
    complaints: tuple[Complaint, ...]

    def __str__(self) -> str:
        what = f"{self.record.name} ({self.file.path.name}, {self.file.unit} {self.record.place})"
        return f"{what.strip()}: {'; '.join(complaint.message for complaint in self.complaints)}"

    @property
    def dangling(self) -> bool:
        """Whether only records that it links to are missing."""
        return all(complaint.type == "INVALID_LINK" for complaint in self.complaints)

    def as_record(self) -> dict[str, Any]:
        """Return the refusal as JSON data."""
        errors = [complaint.as_record() for complaint in self.complaints]
        return {
            "file": str(self.file.path),
            self.file.unit: self.record.place,
            "submitter_id": self.record.name or None,
            "errors": errors,
        }


@dataclass
class _Part:
    """A file and how far it is: `accepted` has a one for each record that the commons has, in the file's order."""

    file: RecordsFile
    failed: Path
    accepted: bytearray
    bytes: int
    names: frozenset[str]
    refusals: dict[int, Refusal] = field(default_factory=dict)
    pending: int = 0

    def knows(self, record: Record) -> bool:
        return bool(self.accepted[record.number]) or record.number in self.refusals

    def as_record(self) -> dict[str, Any]:
        counts = {"records": len(self.accepted), "accepted": sum(self.accepted), "refused": len(self.refusals)}
        kept = str(self.failed) if self.failed.exists() else None
        return {"file": str(self.file.path), **counts, "failed": kept}


@dataclass
class Submission:
    """What became of all records; `stopped` is what kept the rest of them from being sent."""

    target: Target
    parts: list[_Part]
    created: int = 0
    updated: int = 0
    stopped: HcaError | None = None

    @property
    def total(self) -> int:
        """How many records the files have."""
        return sum(len(part.accepted) for part in self.parts)

    @property
    def accepted(self) -> int:
        """How many of them the commons is known to have."""
        return sum(sum(part.accepted) for part in self.parts)

    @property
    def kept_in(self) -> str:
        """The files with the records that were not accepted; empty if there are none."""
        return ", ".join(str(part.failed) for part in self.parts if part.failed.exists() and not all(part.accepted))

    @property
    def refusals(self) -> list[Refusal]:
        """The records that the commons does not want, in the order of the files."""
        return [part.refusals[index] for part in self.parts for index in sorted(part.refusals)]

    def as_record(self) -> dict[str, Any]:
        """Return everything as JSON data."""
        total, accepted = self.total, self.accepted
        pending = sum(part.pending for part in self.parts)
        return {
            "project": f"{self.target.program}-{self.target.project}",
            "dry_run": self.target.dry_run,
            "records": total,
            "created": self.created,
            "updated": self.updated,
            "unchanged": max(0, accepted - pending - self.created - self.updated),
            **({"pending": pending} if self.target.dry_run else {}),
            "refused": len(self.refusals),
            "unsent": total - accepted - len(self.refusals),
            "files": [part.as_record() for part in self.parts],
            "refusals": [refusal.as_record() for refusal in self.refusals],
        }

    def raise_for_failures(self) -> None:
        """Raise what stopped the submission, or a TransferError that names refused records, if there are any."""
        where = self.kept_in
        if self.stopped is not None:
            self.stopped.hint = " ".join(filter(None, [self.stopped.hint, _advice(where)]))
            raise self.stopped
        if not self.refusals:
            return
        words = "; ".join(map(str, self.refusals[:_NAMED]))
        if len(self.refusals) > _NAMED:
            words += f"; and {len(self.refusals) - _NAMED} more"
        raise TransferError(
            f"{len(self.refusals)} of {self.total} records were refused: {words}",
            report=self,
            hint=f"Correct the records that failed and submit them again: they are in {where}." if where else None,
        )


def submit(
    commons: Commons,
    files: Sequence[str | os.PathLike[str]],
    program: str,
    project: str,
    *,
    chunk_size: int = CHUNK,
    create_only: bool = False,
    dry_run: bool = False,
    failed_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Submission:
    """Submit the records of files in their order, `chunk_size` at a time, and return what became of them.

    Records that exist are updated, unless `create_only`, which refuses them; so a submission can be repeated. Those
    that link to later ones are sent again when these are there. What is not accepted is written to
    `<name>.failed.<suffix>` beside each file, or in `failed_dir`, and can be submitted as it is. `dry_run` has the
    commons check everything and writes nothing, neither there nor here; records that only miss others of this
    submission are counted as `pending`.

    Raises:
        ArgumentError: a file cannot be read, or is none of records; nothing was sent.
        KeyboardInterrupt: `progress` was told how far it is.
    """
    if chunk_size < 1:
        raise ArgumentError(f"chunk_size={chunk_size} is not at least 1.")
    parts = _plan([Path(file) for file in files], Path(failed_dir) if failed_dir else None, dry_run=dry_run)
    found = Submission(Target(commons, program, project, create_only, dry_run), parts)
    progress = progress or Silent()
    try:
        _send_and_keep(found, chunk_size, progress)
    except (ApiError, AuthError, NetworkError) as error:
        found.stopped = error
    except KeyboardInterrupt:
        if not dry_run:
            progress.note(f"{found.accepted} of {found.total} records were accepted. {_advice(found.kept_in)}".strip())
        raise
    return found


def _advice(where: str) -> str:
    return f"What was not accepted is in {where}: submit that." if where else ""


def _send_and_keep(found: Submission, chunk_size: int, progress: Progress) -> None:
    """Send everything; whatever happens, what the commons does not have is kept."""
    try:
        _Run(found, chunk_size, progress).run()
    finally:
        if not found.target.dry_run:
            _keep_failed(found.parts)


def _plan(files: Sequence[Path], failed_dir: Path | None, *, dry_run: bool) -> list[_Part]:
    """Read all files once, so that nothing is sent if one of them is wrong."""
    parts = [_part(open_records(path), failed_dir) for path in files]
    if not any(part.accepted for part in parts):
        raise ArgumentError(f"There is nothing to submit in {', '.join(map(str, files)) or 'no files'}.")
    sources = {path.resolve() for path in files}
    for part in parts:
        if part.failed.resolve() in sources:
            raise ArgumentError(
                f"{part.failed} is to be submitted, and is also where failed records of {part.file.path} go.",
                hint="Submit it alone, or rename it.",
            )
    failed = [part.failed.resolve() for part in parts]
    twice = next((path for path in failed if failed.count(path) > 1), None)
    if twice:
        raise ArgumentError(f"Two files have the same name, so their failed records would both go to {twice}.")
    if not dry_run:
        for folder in {part.failed.parent for part in parts}:
            _refuse_unwritable(folder)
    return parts


def _part(file: RecordsFile, failed_dir: Path | None) -> _Part:
    records = size = 0
    names = set[str]()
    for record in file.records():
        records += 1
        size += _size(record)
        names.add(record.name)
    failed = (failed_dir or file.path.parent) / f"{file.path.stem}.failed{file.path.suffix}"
    return _Part(file, failed, bytearray(records), size, frozenset(names))


def _refuse_unwritable(folder: Path) -> None:
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise ArgumentError(
            f"Failed records could not be kept in {folder}: it is no folder that you can write to.",
            hint="Choose another one for them.",
        )


class _Run:
    """Sends everything, and enters what became of it."""

    def __init__(self, found: Submission, chunk_size: int, progress: Progress) -> None:
        self._found, self._chunk_size, self._progress = found, chunk_size, progress
        self._sender = Sender(found.target)
        self._names = frozenset[str]().union(*(part.names for part in found.parts))

    def run(self) -> None:
        for part in self._found.parts:
            self._progress.add(part.file.path.name, part.bytes)
        for part in self._found.parts:
            self._send(part, part.file.records())
            self._progress.done(part.file.path.name)
        if not self._found.target.dry_run:
            while self._send_dangling():
                pass

    def _send(self, part: _Part, records: Iterable[Record]) -> None:
        for chunk in _chunks(records, self._chunk_size):
            for settled in self._sender.settle(part.file, chunk):
                self._enter(part, settled)

    def _send_dangling(self) -> bool:
        """Send the records again whose links led nowhere; return whether one of them was accepted now."""
        before = self._found.accepted
        for part in self._found.parts:
            again = [part.refusals[index].record for index in sorted(part.refusals) if part.refusals[index].dangling]
            self._send(part, [record for record in again if record.links & self._names])
        return self._found.accepted > before

    def _enter(self, part: _Part, settled: Settled) -> None:
        self._found.created += settled.created
        self._found.updated += settled.updated
        fresh = [record for record in settled.records if not part.knows(record)]
        for record in settled.records:
            refusal = Refusal(part.file, record, settled.complaints) if settled.complaints else None
            waits = refusal and refusal.dangling and self._found.target.dry_run and record.links & self._names
            if refusal and not waits:
                part.refusals[record.number] = refusal
            else:
                part.refusals.pop(record.number, None)
                part.accepted[record.number] = 1
                part.pending += bool(waits)
        self._progress.advance(part.file.path.name, sum(map(_size, fresh)))


def _size(record: Record) -> int:
    return len(repr(record.content))


def _chunks(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    rest = iter(records)
    while chunk := list(islice(rest, size)):
        yield chunk


def _keep_failed(parts: Iterable[_Part]) -> None:
    """Write the records that the commons does not have, and remove what an earlier run left of them."""
    for part in parts:
        if all(part.accepted):
            part.failed.unlink(missing_ok=True)
            continue
        missing = (record for record in part.file.records() if not part.accepted[record.number])
        write([part.file.body(missing, for_people=True)], part.failed)
