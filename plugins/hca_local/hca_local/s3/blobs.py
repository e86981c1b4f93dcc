"""Files that hold bytes under names nobody chose: written whole or not at all, kept while somebody reads them."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from hca_core.paths import private_dir
from hca_local.s3.errors import S3Error
from hca_local.s3.model import Piece

BLOCK = 256 * 1024

_SHARDS = [f"{number:02x}" for number in range(256)]


class Readable(Protocol):
    """Anything with `read`: fewer bytes than asked for are fine, none mean the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Blob:
    """A file that was just written; `md5` in hexadecimal."""

    name: str
    size: int
    md5: str


class Blobs:
    """The folder of byte files; `in_use(name)` says whether a record refers to one, and is asked before any removal."""

    def __init__(self, root: Path, in_use: Callable[[str], bool]) -> None:
        self._incoming = private_dir(root / "incoming")
        self._folder = private_dir(root / "blobs")
        self._in_use = in_use
        # Re-entrant: a forgotten reader may be collected, and so released, in the middle of any other step.
        self._lock = threading.RLock()
        self._leases: Counter[str] = Counter()
        self._condemned: set[str] = set()
        self._closed = False
        for shard in _SHARDS:
            (self._folder / shard).mkdir(mode=0o700, exist_ok=True)
        _sync_folder(self._folder)

    def write(self, stream: Readable, *, expected_md5: str | None, expected_size: int | None) -> Blob:
        """Store everything `stream` gives; durable, but without a record it is rubbish that the next start removes.

        Raises:
            S3Error: size or MD5 (hexadecimal) are not the expected ones, or the stream itself refuses its bytes.
        """
        name = secrets.token_hex(16)
        temporary, path = self._incoming / name, self._path(name)
        try:
            blob = _write_file(temporary, name, stream)
            _check_received(blob, expected_md5, expected_size)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return blob

    def open(self, find: Callable[[], Sequence[Piece]]) -> PieceReader:
        """A reader of the pieces that `find` returns; nothing can remove their files between finding and closing."""
        with self._lock:
            pieces = find()
            self._leases.update({piece.blob for piece in pieces})
        return PieceReader(pieces, self._path, lambda: self._release({piece.blob for piece in pieces}))

    def discard(self, names: Iterable[str]) -> None:
        """Remove the files that no record refers to any more; those being read go when their last reader closes.

        Not to be called inside a transaction: the removal cannot be rolled back.
        """
        with self._lock:
            for name in names:
                if self._leases[name] > 0:
                    self._condemned.add(name)
                elif not self._in_use(name):
                    self._path(name).unlink(missing_ok=True)

    def sweep(self, referenced: Callable[[str], set[str]]) -> None:
        """Remove what a crash left behind; `referenced` gives the names in use that start with two given digits."""
        for path in self._incoming.iterdir():
            path.unlink()
        for shard in _SHARDS:
            wanted = referenced(shard)
            for path in (self._folder / shard).iterdir():
                if path.name not in wanted:
                    path.unlink()

    def close(self) -> None:
        """Remove nothing from now on: what is still being read is left to the next start."""
        with self._lock:
            self._closed = True

    def _release(self, names: set[str]) -> None:
        with self._lock:
            self._leases.subtract(names)
            idle = {name for name in names if self._leases[name] <= 0}
            for name in idle:
                del self._leases[name]
            rubbish = idle & self._condemned
            self._condemned -= rubbish
            if not self._closed:
                self.discard(rubbish)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


class PieceReader(io.RawIOBase):
    """The bytes of several pieces as one seekable file."""

    def __init__(self, pieces: Sequence[Piece], path_of: Callable[[str], Path], on_close: Callable[[], None]) -> None:
        super().__init__()
        self._pieces = [piece for piece in pieces if piece.size]
        self._starts = [0, *accumulate(piece.size for piece in self._pieces)]
        self._path_of = path_of
        self._on_close = on_close
        self._position = 0
        self._file: io.FileIO | None = None
        self._file_index = -1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        position = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._starts[-1]}[whence] + offset
        if position < 0:
            raise ValueError(f"cannot seek to {position}")
        self._position = position
        return position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # no other buffer is passed
        if self._position >= self._starts[-1]:
            return 0
        index = bisect_right(self._starts, self._position) - 1
        piece, offset = self._pieces[index], self._position - self._starts[index]
        file = self._select(index)
        file.seek(piece.start + offset)
        count = file.readinto(memoryview(buffer)[: piece.size - offset])
        if not count:
            raise OSError(f"{self._path_of(piece.blob)} is shorter than its record says")
        self._position += count
        return count

    def pieces(self, start: int, size: int) -> list[Piece]:
        """What `size` bytes from `start` are made of."""
        found = []
        for piece, first in zip(self._pieces, self._starts, strict=False):
            low, high = max(start, first), min(start + size, first + piece.size)
            if low < high:
                found.append(Piece(piece.blob, piece.start + low - first, high - low))
        return found

    def close(self) -> None:
        if not self.closed:
            if self._file:
                self._file.close()
            self._on_close()
        super().close()

    def _select(self, index: int) -> io.FileIO:
        if self._file is None or self._file_index != index:
            if self._file:
                self._file.close()
            self._file, self._file_index = io.FileIO(self._path_of(self._pieces[index].blob)), index
        return self._file


def _write_file(path: Path, name: str, stream: Readable) -> Blob:
    size, digest = 0, hashlib.md5(usedforsecurity=False)
    with open(path, "xb", opener=_open_private) as file:
        while block := stream.read(BLOCK):
            digest.update(block)
            file.write(block)
            size += len(block)
        file.flush()
        os.fsync(file.fileno())
    return Blob(name, size, digest.hexdigest())


def _check_received(blob: Blob, expected_md5: str | None, expected_size: int | None) -> None:
    if expected_size is not None and blob.size != expected_size:
        raise S3Error("IncompleteBody", f"{blob.size} bytes arrived instead of {expected_size}.")
    if expected_md5 is not None and blob.md5 != expected_md5:
        raise S3Error("BadDigest", "The bytes that arrived do not have the Content-MD5 that was announced.")


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
