"""The four checksums under which the data store knows a file, and the one that downloads are verified with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hca_core.errors import TransferError
from hca_core.transfer.ring import BLOCK, Ring, Stage

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["EMPTY_SHA256", "MIB", "Checksums", "checksum_of", "checksums", "part_size", "sha256_of"]

MIB = 1024 * 1024
EMPTY_SHA256 = hashlib.sha256().hexdigest()
_PART = 64 * MIB
_MAX_PARTS = 10_000

Extend = Callable[[int, memoryview], int]  # (CRC so far, more bytes) -> CRC


@dataclass(frozen=True)
class Checksums:
    """Checksums of one file: lower-case hex, `crc32c` big-endian; `s3_etag` ends in `-<parts>` above 64 MiB."""

    crc32c: str
    s3_etag: str
    sha1: str
    sha256: str


def part_size(size: int) -> int:
    """Return the bytes per part of an object of `size` bytes: 64 MiB, or as many whole MiB as 10 000 parts need."""
    if size <= _MAX_PARTS * _PART:
        return _PART
    return -(-size // (_MAX_PARTS * MIB)) * MIB


def checksums(
    source: Path | BinaryIO,
    size: int | None = None,
    *,
    part: int | None = None,
    on_bytes: Callable[[int], object] | None = None,
    on_part: Callable[[str], object] | None = None,
) -> Checksums:
    """Return the checksums of a file, or of the next `size` bytes of a stream, which are read once.

    Each is computed in a thread of its own, so that two cores are busy. `on_bytes` is told of each further piece, and
    `on_part`, in another thread, of the MD5 of each part of `part` bytes (by default those of the data store), of
    which the s3_etag is made; an empty source has one part.

    Raises:
        TransferError: the source has more or fewer bytes than `size` says, for example because it is being written.
    """
    if isinstance(source, Path):
        with source.open("rb", buffering=0) as file:
            found = os.fstat(file.fileno()).st_size if size is None else size
            return checksums(file, found, part=part, on_bytes=on_bytes, on_part=on_part)
    if size is None:
        raise TypeError("the size of a stream is needed before its first byte: it decides the parts of the s3_etag")
    etag = _Etag(part or part_size(size), on_part)
    sha256, sha1, crc = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), _Crc()
    read = _feed(source, (sha256.update, etag.update, sha1.update, crc.update), size, on_bytes)
    if read != size:
        name = getattr(source, "name", "the stream")
        raise TransferError(f"{name} has {read} bytes instead of {size}: it changed while it was read.")
    return Checksums(crc.hexdigest(), etag.hexdigest(), sha1.hexdigest(), sha256.hexdigest())


def _feed(source: BinaryIO, stages: Sequence[Stage], size: int, on_bytes: Callable[[int], object] | None) -> int:
    total = 0
    # One byte more than expected, so that a small source that is too long is noticed by its first block.
    ring = Ring(*stages, block=min(BLOCK, size + 1))
    try:
        while total <= size and (count := source.readinto(ring.buffer())):  # type: ignore[attr-defined]
            ring.pass_on(count)
            total += count
            if on_bytes:
                on_bytes(count)
        ring.drain()
    finally:
        ring.close()
    return total


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    return checksum_of(path, "sha256")


def checksum_of(path: Path, algorithm: str) -> str:
    """Return the checksum of a file, in hex, by an algorithm that `hashlib` knows."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    block = memoryview(bytearray(MIB))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(block[:count])
    return digest.hexdigest()


class _Etag:
    """What S3 calls an ETag: the MD5 of a small object, an MD5 of MD5s of one that was sent in parts."""

    def __init__(self, part: int, on_part: Callable[[str], object] | None = None) -> None:
        self._part = part
        self._room = part
        self._current = _md5()
        self._done: list[bytes] = []
        self._on_part = on_part

    def update(self, block: memoryview) -> None:
        while block:
            if not self._room:
                self._end_part()
                self._current, self._room = _md5(), self._part
            piece, block = block[: self._room], block[self._room :]
            self._current.update(piece)
            self._room -= len(piece)

    def hexdigest(self) -> str:
        """Return the ETag; nothing may follow."""
        self._end_part()
        if len(self._done) == 1:
            return self._done[0].hex()
        return f"{_md5(b''.join(self._done)).hexdigest()}-{len(self._done)}"

    def _end_part(self) -> None:
        self._done.append(self._current.digest())
        if self._on_part:
            self._on_part(self._done[-1].hex())


class _Crc:
    """CRC-32C with the interface of a hash."""

    def __init__(self) -> None:
        self._value = 0
        self._extend = _with_google() or _with_crcmod()

    def update(self, block: memoryview) -> None:
        self._value = self._extend(self._value, block)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def _md5(data: bytes = b"") -> _Hash:
    return hashlib.md5(data, usedforsecurity=False)


def _with_google() -> Extend | None:
    try:
        import google_crc32c
    except ImportError:
        return None
    if google_crc32c.implementation != "c":
        return None
    # It takes nothing but bytes; the copy costs a tenth of what SHA-1 costs.
    return lambda crc, block: int(google_crc32c.extend(crc, bytes(block)))


def _with_crcmod() -> Extend:
    from crcmod.predefined import mkPredefinedCrcFun

    function = mkPredefinedCrcFun("crc-32c")
    return lambda crc, block: int(function(block, crc))
