"""What the DSS keeps: files, the bundles that list them, and how both are written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hca_core.transfer.digest import Checksums

__all__ = ["REPLICAS", "SCHEMES", "Bundle", "Entry", "File"]

REPLICAS = ("aws", "gcp")
SCHEMES = {"aws": "s3", "gcp": "gs"}


@dataclass(frozen=True)
class File:
    """One version of a file: immutable bytes and what is known about them."""

    uuid: str
    version: str
    creator_uid: int
    content_type: str
    size: int
    checksums: Checksums

    @property
    def blob_key(self) -> str:
        """Where its bytes are, in the bucket of each replica."""
        return blob_key(self.checksums)

    def headers(self) -> dict[str, str]:
        """What HEAD and GET tell about it."""
        return {
            "X-DSS-CREATOR-UID": str(self.creator_uid),
            "X-DSS-VERSION": self.version,
            "X-DSS-CONTENT-TYPE": self.content_type,
            "X-DSS-SIZE": str(self.size),
            "X-DSS-CRC32C": self.checksums.crc32c,
            "X-DSS-S3-ETAG": self.checksums.s3_etag,
            "X-DSS-SHA1": self.checksums.sha1,
            "X-DSS-SHA256": self.checksums.sha256,
        }


@dataclass(frozen=True)
class Entry:
    """A file in a bundle, under the name it has there; `indexed` files are searched as metadata."""

    name: str
    indexed: bool
    file: File

    def document(self, *, etag_key: str) -> dict[str, Any]:
        """The entry as JSON; `etag_key` is `s3-etag` in manifests and `s3_etag` in answers."""
        return {
            "name": self.name,
            "uuid": self.file.uuid,
            "version": self.file.version,
            "content-type": self.file.content_type,
            "size": self.file.size,
            "indexed": self.indexed,
            "crc32c": self.file.checksums.crc32c,
            etag_key: self.file.checksums.s3_etag,
            "sha1": self.file.checksums.sha1,
            "sha256": self.file.checksums.sha256,
        }


@dataclass(frozen=True)
class Bundle:
    """One version of a bundle, or a part of it: entries in the order in which they were given."""

    uuid: str
    version: str
    creator_uid: int
    entries: tuple[Entry, ...]

    def manifest(self) -> dict[str, Any]:
        """The bundle as it is stored and searched."""
        return {
            "format": "0.0.1",
            "version": self.version,
            "files": [entry.document(etag_key="s3-etag") for entry in self.entries],
            "creator_uid": self.creator_uid,
        }

    def answer(self, urls: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The bundle as it is shown to users; `urls` are addresses by file name."""
        files = [entry.document(etag_key="s3_etag") for entry in self.entries]
        if urls is not None:
            files = [{**file, "url": urls[file["name"]]} for file in files]
        return {"uuid": self.uuid, "version": self.version, "creator_uid": self.creator_uid, "files": files}


def blob_key(checksums: Checksums) -> str:
    """Return the key under which bytes with these checksums are kept."""
    return f"blobs/{checksums.sha256}.{checksums.sha1}.{checksums.s3_etag}.{checksums.crc32c}"
