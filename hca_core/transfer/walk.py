"""Which files there are below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hca_core.errors import TransferError

__all__ = ["walk"]


def walk(folder: Path, skipped: list[Path]) -> Iterator[Path]:
    """Yield the path of everything below `folder` that is not a folder; links to folders are added to `skipped`.

    Raises:
        TransferError: a folder cannot be read.
    """
    for parent, folders, names in os.walk(folder, onerror=_raise):
        skipped.extend(path for name in sorted(folders) if (path := Path(parent, name)).is_symlink())
        for name in names:
            yield Path(parent, name)


def _raise(error: OSError) -> None:
    raise TransferError(f"Folder {error.filename} cannot be read: {error.strerror}.") from error
