"""The bytes of a request, checked while they pass: length, SHA-256 and announced checksums."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from hca_local.s3 import checksums
from hca_local.s3.blobs import BLOCK, Readable
from hca_local.s3.checksums import Checksum
from hca_local.s3.chunked import ChunkedBody
from hca_local.s3.errors import S3Error
from hca_local.s3.signing import UNSIGNED, Proof, same

_MAX_SIZE = 5 * 1024**4


class WholeBody:
    """The server's input; raises IncompleteBody when it ends early. `length` is None if it arrives in HTTP chunks."""

    def __init__(self, source: Readable, length: int | None) -> None:
        self._source = source
        self._remaining = length

    def read(self, size: int, /) -> bytes:
        if self._remaining is None:
            return self._read_http_chunks(size)
        size = min(size, self._remaining)
        data = self._source.read(size) if size else b""
        if size and not data:
            raise S3Error("IncompleteBody", "The connection ended before the whole body had arrived.")
        self._remaining -= len(data)
        return data

    def drain(self) -> bool:
        """Read what is left and forget it, as the next request begins behind it; False if the client stopped early."""
        while self._remaining and (data := self._source.read(min(BLOCK, self._remaining))):
            self._remaining -= len(data)
        return not self._remaining

    def _read_http_chunks(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except ValueError:
            raise S3Error("IncompleteBody", "The body is not in the chunked transfer coding.") from None


class CheckedBody:
    """A body whose digests are compared when it ends; each check is (running checksum, expected, error code)."""

    def __init__(self, source: Readable, checks: Sequence[tuple[Checksum, bytes, str]]) -> None:
        self._source = source
        self._checks = checks

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        for checksum, expected, code in self._checks:
            if data:
                checksum.update(data)
            elif checksum.digest() != expected:
                raise S3Error(code, "The bytes that arrived do not have the checksum that was announced.")
        return data


def content_length(headers: Mapping[str, str]) -> int | None:
    """The number of bytes on the wire, or None if they come in HTTP chunks.

    Raises:
        S3Error: InvalidArgument, the header is not a number.
    """
    if "transfer-encoding" in headers:
        return None
    return _number("content-length", headers.get("content-length", "0"))


def payload(source: Readable, headers: Mapping[str, str], proof: Proof) -> Readable:
    """The object's bytes in a request's body, checked against everything its headers announce."""
    announced = proof.payload
    if announced.startswith("STREAMING-"):
        return CheckedBody(_unwrap(source, headers, proof), _header_checks(headers))
    checks = _header_checks(headers)
    if announced != UNSIGNED:
        checks.append((hashlib.sha256(), _sha256(announced), "XAmzContentSHA256Mismatch"))
    return CheckedBody(source, checks)


def payload_size(headers: Mapping[str, str]) -> int:
    """The number of object bytes in the body.

    Raises:
        S3Error: MissingContentLength, or EntityTooLarge above 5 TiB.
    """
    name = "x-amz-decoded-content-length" if "x-amz-decoded-content-length" in headers else "content-length"
    if name not in headers:
        raise S3Error("MissingContentLength", "The Content-Length header is needed.")
    size = _number(name, headers[name])
    if size > _MAX_SIZE:
        raise S3Error("EntityTooLarge", "An object has at most 5 TiB.")
    return size


def read_all(source: Readable, limit: int) -> bytes:
    """A small body as a whole; raises EntityTooLarge when it has more than `limit` bytes."""
    blocks, size = [], 0
    while block := source.read(64 * 1024):
        blocks.append(block)
        size += len(block)
        if size > limit:
            raise S3Error("EntityTooLarge", f"This body may have {limit} bytes.")
    return b"".join(blocks)


def content_md5(headers: Mapping[str, str]) -> str | None:
    """The Content-MD5 header in hexadecimal, if there is one."""
    if "content-md5" not in headers:
        return None
    digest = checksums.decode(headers["content-md5"])
    if len(digest) != 16:
        raise S3Error("InvalidDigest", "The Content-MD5 is not the base64 of 16 bytes.")
    return digest.hex()


def check_md5(data: bytes, headers: Mapping[str, str]) -> None:
    """Compare a small body with its Content-MD5, if there is one."""
    expected = content_md5(headers)
    if expected is not None and not same(expected, hashlib.md5(data, usedforsecurity=False).hexdigest()):
        raise S3Error("BadDigest", "The body does not have the Content-MD5 that was announced.")


def _unwrap(source: Readable, headers: Mapping[str, str], proof: Proof) -> ChunkedBody:
    kinds = {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": (proof.chunks, False),
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": (proof.chunks, True),
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER": (None, True),
    }
    if proof.payload not in kinds:
        raise S3Error("NotImplemented", f"{proof.payload} is not supported.")
    signer, has_trailer = kinds[proof.payload]
    trailer = headers.get("x-amz-trailer", "").lower() if has_trailer else ""
    names = [name.strip() for name in trailer.split(",") if name.strip()]
    return ChunkedBody(source, size=payload_size(headers), signer=signer, trailer_names=names)


def _header_checks(headers: Mapping[str, str]) -> list[tuple[Checksum, bytes, str]]:
    names = [name for name in checksums.ALGORITHMS if name in headers]
    return [(checksums.ALGORITHMS[name](), checksums.decode(headers[name]), "BadDigest") for name in names]


def _sha256(text: str) -> bytes:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise S3Error("InvalidRequest", "The x-amz-content-sha256 is not one that S3 knows.")
    return bytes.fromhex(text)


def _number(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,4000}", text):
        raise S3Error("InvalidArgument", f"{name} is not a number.")
    return int(text)
