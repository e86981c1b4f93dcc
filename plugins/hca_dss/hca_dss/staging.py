"""Where files are put for the DSS to take, and what is said about them there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from hca_core.errors import ArgumentError

if TYPE_CHECKING:
    from hca_core.transfer.digest import Checksums

__all__ = ["REPLICAS", "Staging", "file_uuid", "tags"]

_REPLICA_OF_SCHEME = {"s3": "aws", "gs": "gcp"}
REPLICAS = tuple(_REPLICA_OF_SCHEME.values())


@dataclass(frozen=True)
class Staging:
    """A bucket, and what its keys begin with."""

    scheme: str
    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Staging:
        """Read `bucket`, `bucket/prefix` or `s3://bucket/prefix`.

        Raises:
            ArgumentError: it is none of them.
        """
        scheme, found, rest = text.partition("://")
        if not found:
            scheme, rest = "s3", text
        bucket, _, prefix = rest.strip("/").partition("/")
        if not bucket or scheme not in _REPLICA_OF_SCHEME:
            raise ArgumentError(f"{text!r} is not a staging bucket.", hint="Give a name, or s3://bucket/prefix.")
        return cls(scheme, bucket, prefix and f"{prefix}/")

    @property
    def replica(self) -> str:
        """The replica in whose cloud the bucket is."""
        return _REPLICA_OF_SCHEME[self.scheme]

    def key(self, file_uuid: str, name: str) -> str:
        """Return the key of a file: `<file uuid>/<base name>`.

        The base name is there for people only; characters that mean something in a URL become `_`.
        """
        return f"{self.prefix}{file_uuid}/{re.sub(r'[^A-Za-z0-9._+=@-]', '_', name.rpartition('/')[2])}"

    def url(self, key: str) -> str:
        """Return the URL of a key."""
        return f"{self.scheme}://{self.bucket}/{key}"


def file_uuid(bundle_uuid: str, name: str) -> str:
    """Return the UUID of a file of a bundle, whose versions differ in content: the same however often it is asked."""
    return str(uuid5(UUID(bundle_uuid), name))


def tags(sums: Checksums) -> dict[str, str]:
    """Return the object tags in which the DSS expects the checksums."""
    return {f"hca-dss-{kind}": getattr(sums, kind) for kind in ("crc32c", "s3_etag", "sha1", "sha256")}
