"""The content type of a file that is uploaded, with the `dcp-type` that tells data from metadata."""

from __future__ import annotations

import re

from hca_core.transfer.media_type import guess_type
from hca_upload.errors import UploadRefused

__all__ = ["content_type"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PRINTABLE = re.compile(r"[ -~]+")


def content_type(name: str, dcp_type: str) -> str:
    """Return the media type that a file's name promises, with the parameter `dcp-type`.

    It is quoted unless it is one word: `application/json; dcp-type="metadata/sample"`.

    Raises:
        UploadRefused: `dcp_type` cannot be in a content type.
    """
    if not _PRINTABLE.fullmatch(dcp_type):
        raise UploadRefused(f"{dcp_type!r} is not a dcp-type.", hint="It is like data, or metadata/sample.")
    value = dcp_type if _TOKEN.fullmatch(dcp_type) else '"{}"'.format(re.sub(r'(["\\])', r"\\\1", dcp_type))
    return f"{guess_type(name)}; dcp-type={value}"
