"""What the upload service answers instead of a result, under the titles that its clients know."""

from __future__ import annotations

from hca_local.problem import Problem
from hca_local.s3.errors import S3Error

__all__ = ["denied", "illegal", "mismatch", "no_area", "no_event", "no_file", "not_writable", "refused"]


def no_area(uuid: str) -> Problem:
    """There is no such area."""
    return Problem(404, "not_found", "Upload Area Not Found", detail=f"There is no upload area {uuid}.")


def no_file(area: str, name: str) -> Problem:
    """There is no such file in the area."""
    return Problem(404, "not_found", "No such file", detail=f"There is no file {name[:300]!r} in upload area {area}.")


def no_event(what: str, area: str, id: str) -> Problem:
    """There is no such checksum computation or validation in the area."""
    return Problem(404, "not_found", f"No such {what}", detail=f"Upload area {area} has no {what} {id[:100]!r}.")


def not_writable(uuid: str, status: str) -> Problem:
    """The area takes no files."""
    detail = f"Upload area {uuid} is {status} and takes no files."
    return Problem(409, "not_writable", "Upload Area is Not Writable", detail=detail)


def denied() -> Problem:
    """The key is wrong."""
    return Problem(401, "unauthorized", "Access Denied.", detail="The Api-Key is not the one of this service.")


def illegal(title: str, detail: str, code: str = "illegal_arguments") -> Problem:
    """The request makes no sense."""
    return Problem(400, code, title, detail=detail)


def mismatch(name: str, claimed: str, computed: str) -> Problem:
    """A file is not what its sender says."""
    detail = f"The crc32c of {name[:300]!r} is {computed}, but its sender says {claimed[:100]!r}."
    return Problem(500, "checksum_mismatch", "Checksums do not match", detail=detail)


def refused(error: S3Error) -> Problem:
    """The object store does not take a file."""
    return Problem(error.status, "illegal_arguments", "The file cannot be stored", detail=error.message)
