"""Parts of a file, and each of them as a file of its own for a library that sends files."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hca_core.errors import TransferError
from hca_core.transfer.digest import MIB

__all__ = ["Part", "Slice", "cut"]

_BUFFER = 256 * 1024  # bytes that are read at a time
_TOLD = MIB  # bytes after which somebody is told


@dataclass(frozen=True)
class Part:
    """A part of a file, counted from 1; `start` and `length` in bytes."""

    number: int
    start: int
    length: int


def cut(size: int, part: int) -> Iterator[Part]:
    """Yield the parts of `part` bytes of which a file of `size` bytes consists; the last one may be shorter."""
    for number, start in enumerate(range(0, size, part), start=1):
        yield Part(number, start, min(part, size - start))


class Slice(io.RawIOBase):
    """A part of a file as a file, with its own position; `on_bytes` is told how far it is read, and of going back."""

    def __init__(self, path: Path, part: Part, on_bytes: Callable[[int], object]) -> None:
        self._path, self._part, self._on_bytes = path, part, on_bytes
        self._file = path.open("rb", buffering=_BUFFER)
        self._file.seek(part.start)
        self._position = self._told = 0

    def __len__(self) -> int:
        return self._part.length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._part.length}[whence]
        self._position = base + offset
        self._file.seek(self._part.start + self._position)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = self._part.length - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._file.read(wanted)
        if len(data) < wanted:
            raise TransferError(f"{self._path} became shorter while it was sent.")
        self._position += len(data)
        # Only the next read shows whether a seek was for sending again, or for measuring.
        if wanted == left or abs(self._position - self._told) >= _TOLD:
            self._tell()
        return data

    def take_back(self) -> None:
        """Say that nothing was read: what was sent did not arrive."""
        self._position = 0
        self._tell()

    def close(self) -> None:
        self._file.close()
        super().close()

    def _tell(self) -> None:
        if self._position != self._told:
            self._on_bytes(self._position - self._told)
            self._told = self._position
