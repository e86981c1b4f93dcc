"""Where areas and files are in the bucket, and what a file may be called."""

from __future__ import annotations

from hca_core.errors import TransferError
from hca_core.paths import check_name
from hca_local.upload.errors import illegal

__all__ = ["BUCKET", "area_uri", "check_file_name", "file_key", "file_url", "prefix"]

BUCKET = "org-humancellatlas-upload-local"  # clients take what follows the last hyphen for the stage

_RESERVED = frozenset({"checksums", "credentials", "files_info", "validate", "validations"})


def prefix(area: str) -> str:
    """Return what the keys of all objects in an area begin with."""
    return f"{area}/"


def file_key(area: str, name: str) -> str:
    """Return the key of a file."""
    return prefix(area) + name


def area_uri(bucket: str, area: str) -> str:
    """Return the address of an area, which ends in a slash."""
    return f"s3://{bucket}/{prefix(area)}"


def file_url(bucket: str, area: str, name: str) -> str:
    """Return the address of a file."""
    return f"s3://{bucket}/{file_key(area, name)}"


def check_file_name(name: str) -> None:
    """Refuse a name that no file in an area can have.

    Raises:
        Problem: it has a slash, is a word of the API, or is not fit to be a file name everywhere.
    """
    reason = _problem(name)
    if reason:
        raise illegal("Invalid file name", f"A file cannot be called {name[:300]!r}: {reason}")


def _problem(name: str) -> str | None:
    if name in _RESERVED:
        return "the API uses that word for something else."
    # The server leaves an encoded slash as it is.
    if "/" in name or "%2f" in name.lower():
        return "there are no folders in an upload area."
    try:
        check_name(name)
    except TransferError as error:
        return error.message
    return None
