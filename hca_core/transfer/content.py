"""What is in a file: its checksums and the MD5 of each of its parts, which become known while it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from hca_core.transfer.digest import MIB, Checksums, checksums, part_size
from hca_core.transfer.job import Progress

__all__ = ["Content", "Reading", "read_content", "read_visibly"]

_LONG_READING = 64 * MIB  # bytes from which on reading a file is worth a bar of its own


@dataclass(frozen=True)
class Content:
    """What a file of `size` bytes was when it was read; `md5s` has one MD5 in hex for each part of `part` bytes."""

    size: int
    part: int
    checksums: Checksums
    md5s: tuple[str, ...]


def read_content(
    path: Path, size: int, *, part: int | None = None, on_bytes: Callable[[int], object] | None = None
) -> Content:
    """Read a file of `size` bytes, which are cut into parts of `part` bytes, by default those of the data store.

    Raises:
        TransferError: it has another size.
        OSError: it cannot be read.
    """
    part = part or part_size(size)
    md5s: list[str] = []
    sums = checksums(path, size, part=part, on_bytes=on_bytes, on_part=md5s.append)
    return Content(size, part, sums, tuple(md5s))


def read_visibly(path: Path, size: int, name: str, progress: Progress) -> Content:
    """Read a file, and show how far that is if it takes long; raises as `read_content`."""
    if size < _LONG_READING:
        return read_content(path, size)
    label = f"checksums of {name}"
    progress.add(label, size)
    try:
        return read_content(path, size, on_bytes=lambda count: progress.advance(label, count))
    finally:
        progress.done(label)


class Reading:
    """A file that is read in a thread of its own, while others ask for what is known already and wait for the rest.

    Leaving the context stops the reading. Nothing is read if the `content` is known.
    """

    def __init__(self, path: Path, size: int, part: int, content: Content | None = None) -> None:
        self._path, self._size, self._part = path, size, part
        self._stopped = threading.Event()
        self._whole: Future[Checksums] = Future()
        self._md5s: list[Future[str]] = [Future() for _ in range(max(1, -(-size // part)))]
        if content is None or (content.size, content.part) != (size, part):
            threading.Thread(target=self._read, name="hca-reading", daemon=True).start()
        else:
            for known, md5 in zip(self._md5s, content.md5s, strict=True):
                known.set_result(md5)
            self._whole.set_result(content.checksums)

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()

    def md5(self, number: int) -> str:
        """Return the MD5 of a part, in hex, as soon as it is known; parts are counted from 1.

        Raises:
            TransferError, OSError: the file cannot be read, or has changed.
        """
        return self._md5s[number - 1].result()

    def checksums(self) -> Checksums:
        """Return the checksums as soon as they are known. Raises as `md5`."""
        return self._whole.result()

    def _read(self) -> None:
        waiting = iter(self._md5s)

        def found(md5: str) -> None:
            next(waiting).set_result(md5)

        try:
            sums = checksums(self._path, self._size, part=self._part, on_bytes=self._check, on_part=found)
            self._whole.set_result(sums)
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
            self._whole.set_exception(error)
            for future in waiting:
                future.set_exception(error)

    def _check(self, _: int) -> None:
        if self._stopped.is_set():
            raise CancelledError
