"""How the files of an area are listed for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["list_lines"]

_CHECKSUM_NAMES = {"s3_etag": "S3_Etag", "crc32c": "CRC32C", "sha1": "SHA1", "sha256": "SHA256"}


def list_lines(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines that show files as `UploadArea.list` describes them."""
    for file in found:
        yield _one_line(file["name"])
        yield from (f"\t{label:<12} {_one_line(value)}" for label, value in _details(file))


def _one_line(value: Any) -> str:
    # Whoever can write to the area can give a file a name that would look like several.
    return str(value).replace("\n", "\\n").replace("\t", "\\t")


def _details(file: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "size" not in file:
        return
    yield "size", f"{file['size']} bytes"
    yield "URL", file.get("url", "")
    yield "Content-Type", file.get("content_type", "")
    checksums = file.get("checksums")
    if not isinstance(checksums, Mapping):
        yield "Checksums", file.get("checksum_status", "pending")
        return
    yield from ((label, checksums[name]) for name, label in _CHECKSUM_NAMES.items() if checksums.get(name))
