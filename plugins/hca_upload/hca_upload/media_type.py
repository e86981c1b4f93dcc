"""The content type of a file that is uploaded, with the `dcp-type` that tells data from metadata."""

from __future__ import annotations

import mimetypes
import re

__all__ = ["guess", "with_dcp_type"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_UNKNOWN = "application/octet-stream"


def guess(name: str) -> str:
    """Return the media type that a file's name promises; the same on every machine."""
    found, encoding = mimetypes.MimeTypes(filenames=()).guess_type(name, strict=False)
    if encoding:
        return _COMPRESSED.get(encoding, _UNKNOWN)
    return found or _UNKNOWN


def with_dcp_type(media_type: str, dcp_type: str) -> str:
    """Return `media_type` with the parameter `dcp-type`, quoted if it is not one word: `"metadata/sample"`."""
    value = dcp_type if _TOKEN.fullmatch(dcp_type) else '"{}"'.format(re.sub(r'(["\\])', r"\\\1", dcp_type))
    return f"{media_type}; dcp-type={value}"
