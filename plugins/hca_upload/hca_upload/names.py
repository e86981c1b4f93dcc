"""What a file in an upload area may be called."""

from __future__ import annotations

from hca_core.errors import TransferError
from hca_core.paths import check_name
from hca_upload.errors import UploadRefused

__all__ = ["check_file_name", "name_problem"]

# Words of the API, which takes no file for what they name.
_RESERVED = frozenset({"checksums", "credentials", "files_info", "validate", "validations"})


def check_file_name(name: str) -> str:
    """Return the name if a file in an upload area can have it; otherwise raise an UploadRefused that says why not."""
    problem = name_problem(name)
    if problem:
        raise UploadRefused(
            f"A file in an upload area cannot be called {name!r}: {problem}.",
            hint="Give it a plain name, such as R1.fastq.gz.",
        )
    return name


def name_problem(name: str) -> str | None:
    """Return why no file in an upload area can have this name, or None if it can."""
    if name in _RESERVED:
        return "the upload service uses that word for something else"
    # Servers may take an encoded slash for a slash.
    if "/" in name or "%2f" in name.lower():
        return "there are no folders in an upload area"
    try:
        check_name(name)
    except TransferError as error:
        return error.message.rpartition(": ")[2].rstrip(".")
    return None
