"""The aws-chunked coding of a body: chunks with signatures, and checksums that follow at the end."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence

from hca_local.s3 import checksums
from hca_local.s3.blobs import Readable
from hca_local.s3.checksums import Checksum
from hca_local.s3.errors import S3Error
from hca_local.s3.signing import ChunkSigner, same

_MAX_LINE = 4096
_HEAD = re.compile(rb"([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?\r\n")
_SIGNATURE = "x-amz-trailer-signature"


class ChunkedBody:
    """The bytes inside an aws-chunked body of `size` decoded bytes.

    With a `signer` each chunk needs its signature; `trailer_names` are the headers announced to follow the last chunk.

    Raises:
        S3Error: on reading, when a signature, checksum or the length is wrong, or the coding itself is.
    """

    def __init__(
        self, source: Readable, *, size: int, signer: ChunkSigner | None, trailer_names: Sequence[str] = ()
    ) -> None:
        self._lines = io.BufferedReader(_Raw(source), 64 * 1024)
        self._missing = size
        self._signer = signer
        self._trailer_names = trailer_names
        self._sums = {name: checksums.ALGORITHMS[name]() for name in trailer_names if name in checksums.ALGORITHMS}
        self._in_chunk = 0
        self._signature = ""
        self._sha256: Checksum = hashlib.sha256()
        self._ended = False

    def read(self, size: int, /) -> bytes:
        if not self._in_chunk and not self._ended:
            self._begin_chunk()
        if self._ended or not size:
            return b""
        data = self._lines.read(min(size, self._in_chunk))
        if not data:
            raise _incomplete()
        self._take(data)
        return data

    def _take(self, data: bytes) -> None:
        self._in_chunk -= len(data)
        self._missing -= len(data)
        if self._missing < 0:
            raise _incomplete()
        if self._signer:
            self._sha256.update(data)
        for checksum in self._sums.values():
            checksum.update(data)
        if not self._in_chunk:
            self._end_chunk()
            if self._lines.read(2) != b"\r\n":
                raise _incomplete()

    def _begin_chunk(self) -> None:
        head = _HEAD.fullmatch(self._lines.readline(_MAX_LINE))
        if head is None:
            raise _incomplete()
        self._in_chunk = int(head[1], 16)
        self._signature = (head[2] or b"").decode()
        self._sha256 = hashlib.sha256()
        if not self._in_chunk:
            self._end_chunk()
            self._end()

    def _end_chunk(self) -> None:
        if self._signer and not same(self._signature, self._signer.chunk(self._sha256.digest().hex())):
            raise S3Error("SignatureDoesNotMatch", "The signature of a chunk is wrong.")

    def _end(self) -> None:
        if self._missing:
            raise _incomplete()
        trailer = self._read_trailer()
        if self._signer and self._trailer_names:
            self._check_trailer_signature(trailer)
        for name, checksum in self._sums.items():
            if name not in trailer:
                raise S3Error("MalformedTrailerError", f"The trailer {name} was announced but did not come.")
            if checksum.digest() != checksums.decode(trailer[name]):
                raise S3Error("BadDigest", f"The bytes that arrived do not have the {name} that was announced.")
        # This also reads the end of the HTTP chunks, behind which the next request begins.
        if self._lines.read(1):
            raise _incomplete()
        self._ended = True

    def _read_trailer(self) -> dict[str, str]:
        trailer: dict[str, str] = {}
        while line := self._lines.readline(_MAX_LINE).strip():
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or len(trailer) > len(self._trailer_names):
                raise S3Error("MalformedTrailerError", "What follows the last chunk is not what was announced.")
            trailer[name.strip().lower()] = value.strip()
        return trailer

    def _check_trailer_signature(self, trailer: dict[str, str]) -> None:
        assert self._signer is not None
        text = "".join(f"{name}:{value}\n" for name, value in trailer.items() if name != _SIGNATURE)
        expected = self._signer.trailer(hashlib.sha256(text.encode("latin-1")).hexdigest())
        if not same(trailer.get(_SIGNATURE, ""), expected):
            raise S3Error("SignatureDoesNotMatch", "The signature of the trailer is wrong.")


class _Raw(io.RawIOBase):
    """What BufferedReader needs; the server's own readline does not end on HTTP chunks."""

    def __init__(self, source: Readable) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # BufferedReader passes no other
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _incomplete() -> S3Error:
    return S3Error("IncompleteBody", "The body is not a complete aws-chunked one of the announced length.")
