"""The checksums that S3 clients announce in x-amz-checksum-* headers and trailers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol

import google_crc32c

from hca_local.s3.errors import S3Error


class Checksum(Protocol):
    """A running checksum, as in hashlib."""

    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


class Crc32:
    """zlib's CRC-32 as a running checksum."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


# Others (crc64nvme) are taken as they come: they cost a dependency, and no client sends nothing else.
ALGORITHMS: dict[str, Callable[[], Checksum]] = {
    "x-amz-checksum-crc32": Crc32,
    "x-amz-checksum-crc32c": google_crc32c.Checksum,
    "x-amz-checksum-sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
}


def decode(text: str) -> bytes:
    """The digest that a base64 header value stands for."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise S3Error("InvalidDigest", f"{text!r} is not a base64 checksum.") from None
