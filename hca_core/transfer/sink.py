"""Where the bytes of a download are gathered until they are known to be the right ones."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hca_core.transfer.answer import Answer
from hca_core.transfer.job import TransferJob
from hca_core.transfer.private import create, give_name, is_at, remove, replacing, try_lock
from hca_core.transfer.ring import Ring
from hca_core.transfer.sidecar import Sidecar, load, part_path, save, sidecar_path

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["SMALL", "Buffered", "Partial", "Sink", "clear"]

SMALL = 1024 * 1024  # bytes; a file up to this size is not worth a partial file, a note and a lock

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Sink(Protocol):
    """Takes the bytes of one file in order; `position` is how many it has, `note` says what they are."""

    position: int
    note: Sidecar

    def begin(self, answer: Answer) -> None:
        """Forget all bytes; those of `answer` follow."""

    def buffer(self) -> memoryview:
        """Return where to put the next bytes."""

    def take(self, count: int) -> None:
        """Keep the first `count` bytes of `buffer()`."""

    def digest(self) -> str:
        """Return the checksum of all bytes, in hex, by the algorithm of the job's; SHA-256 if it has none."""

    def commit(self) -> bool:
        """Give the file its final name; False if somebody else took the bytes over and they must be fetched again."""

    def close(self, *, discard: bool = False) -> None:
        """Let go; what may be continued later stays, unless `discard`."""


class Buffered:
    """A small file, in memory until it is complete. `replace` is as for `Partial`."""

    def __init__(self, job: TransferJob, *, replace: bool = True) -> None:
        self.position = 0
        self.note = _note(job)
        self._job, self._target, self._replace = job, job.target, replace
        # One byte more than expected, so that a body that is too long is noticed.
        self._data = memoryview(bytearray((job.size or 0) + 1))

    def begin(self, answer: Answer) -> None:
        self.position = 0
        self.note = _described(self.note, answer)

    def buffer(self) -> memoryview:
        return self._data[self.position :]

    def take(self, count: int) -> None:
        self.position += count

    def digest(self) -> str:
        digest = _hasher(self._job)
        digest.update(self._data[: self.position])
        return digest.hexdigest()

    def commit(self) -> bool:
        keep = None if self._replace else self.position
        with replacing(self._target, keep=keep) as (_, file):
            _write(file, self._data[: self.position])
        return True

    def close(self, *, discard: bool = False) -> None:
        """Nothing is kept."""


class Partial:
    """A file that grows in `<target>.part`, with a note beside it, and is hashed in a second thread.

    Whoever does not get the lock of the `.part` file, or finds one that no note claims for us, works under a random
    name and leaves nothing behind. As locks are not to be trusted on network file systems, the note names its
    writer: once that is somebody else, our bytes are not used. Without `replace`, a target of the right size that
    somebody else has made meanwhile stays.
    """

    def __init__(self, job: TransferJob, *, replace: bool = True, lock: Callable[[int], bool] = try_lock) -> None:
        self.position = 0
        self.note = _note(job)
        self._job, self._target, self._replace = job, job.target, replace
        self._hash = _hasher(job)
        self._ring = Ring(self._update)
        self._noted = False
        self._path = part_path(job.target)
        job.target.parent.mkdir(parents=True, exist_ok=True)
        file = _claim(self._path, sidecar_path(job.target), lock)
        self._shared = file is not None
        if file is None:
            self._path, file = create(job.target)
        self._file = file

    def adopt(self, job: TransferJob, on_bytes: Callable[[int], object]) -> None:
        """Take over what an earlier run left, if it is the beginning of what `job` wants; it is read and hashed."""
        found = load(sidecar_path(self._target)) if self._shared else None
        size = _size(self._file)
        if found is None or not found.fits(job) or (job.size is not None and size > job.size):
            return
        self._claim_as(replace(found, owner=self.note.owner))
        while count := self._file.readinto(self._ring.buffer()):
            self._ring.pass_on(count)
            self.position += count
            on_bytes(count)

    def begin(self, answer: Answer) -> None:
        if not self._is_ours():
            self._go_private()
        self._ring.drain()
        self._hash = _hasher(self._job)
        self._file.seek(0)
        self._file.truncate()
        self.position = 0
        self._claim_as(_described(self.note, answer))

    def buffer(self) -> memoryview:
        return self._ring.buffer()

    def take(self, count: int) -> None:
        _write(self._file, self._ring.buffer()[:count])
        self._ring.pass_on(count)
        self.position += count

    def digest(self) -> str:
        self._ring.drain()
        return self._hash.hexdigest()

    def commit(self) -> bool:
        # A large file is forced to the disk before it gets its name: compared with fetching it that takes little, it
        # happens while others are being fetched, and then what bears a final name is whole whatever happens.
        os.fsync(self._file.fileno())
        if _size(self._file) != self.position or not self._is_ours():
            self._go_private()
            return False
        if sys.platform == "win32":  # which renames no open file; elsewhere the lock is held until the end
            self._file.close()
        give_name(self._path, self._target, keep=None if self._replace else self.position)
        self._file.close()
        if self._shared:
            remove(sidecar_path(self._target))
        else:
            clear(self._target)
        return True

    def close(self, *, discard: bool = False) -> None:
        self._ring.close()
        if self._file.closed:
            return
        if (discard or not self._shared or not _size(self._file)) and self._is_ours():
            remove(self._path)
            if self._shared:
                remove(sidecar_path(self._target))
        self._file.close()

    def _update(self, block: memoryview) -> None:
        self._hash.update(block)

    def _claim_as(self, note: Sidecar) -> None:
        self.note = note
        if self._shared:
            save(sidecar_path(self._target), note)
            self._noted = True

    def _is_ours(self) -> bool:
        if not is_at(self._file, self._path):
            return False
        if not self._noted:
            return True
        found = load(sidecar_path(self._target))
        return found is not None and found.owner == self.note.owner

    def _go_private(self) -> None:
        self._file.close()
        self._shared = self._noted = False
        self._path, self._file = create(self._target)


def clear(target: Path) -> None:
    """Remove what is left of partial files of a target that is whole, unless somebody is about to replace it."""
    note_path = sidecar_path(target)
    if not os.path.lexists(note_path):
        return
    file = _claim(part_path(target), note_path, try_lock)
    if file is not None:
        remove(note_path)
        remove(part_path(target))
        file.close()


def _hasher(job: TransferJob) -> _Hash:
    return hashlib.new(job.checksum[0] if job.checksum else "sha256", usedforsecurity=False)


def _note(job: TransferJob) -> Sidecar:
    return Sidecar(job.identity, job.size, job.sha256, owner=secrets.token_hex(8))


def _described(note: Sidecar, answer: Answer) -> Sidecar:
    return replace(note, validator=answer.validator, resumable=answer.resumable)


def _claim(path: Path, note_path: Path, lock: Callable[[int], bool]) -> io.FileIO | None:
    try:
        file = io.FileIO(os.open(path, _FLAGS, 0o666), "r+")
    except OSError:
        return None  # a link, a folder, another user's: if it is the disk, the private file will say so
    # Bytes without a note were never ours: it is written before the first of them. Somebody's file may well be
    # called `x.part`. And the file that was opened may have got its final name before its lock was free.
    known = not _size(file) or os.path.lexists(note_path)
    if lock(file.fileno()) and known and is_at(file, path):
        return file
    file.close()
    return None


def _size(file: io.FileIO) -> int:
    return os.fstat(file.fileno()).st_size


def _write(file: io.FileIO, data: memoryview) -> None:
    # A nearly full disk takes a part of the bytes before it refuses the rest.
    while data:
        data = data[file.write(data) :]
