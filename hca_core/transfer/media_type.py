"""What a file is, as far as its name tells."""

from __future__ import annotations

import mimetypes
from functools import cache

__all__ = ["guess_type"]

_UNKNOWN = "application/octet-stream"
_COMPRESSED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "compress": "application/x-compress",
    "br": "application/x-brotli",
}


@cache
def _types() -> mimetypes.MimeTypes:
    # Python's own table, without that of the machine: a repeated upload must guess the same from elsewhere.
    return mimetypes.MimeTypes()


def guess_type(name: str) -> str:
    """Return the media type that a file's base name suggests; a compressed file has the type of its compression."""
    found, compression = _types().guess_type(f"./{name}")  # `data:` at the beginning would make it a URL
    if compression:
        return _COMPRESSED.get(compression, _UNKNOWN)
    return found or _UNKNOWN
