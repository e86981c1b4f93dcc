"""Makes finished files survive a power failure, many at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["flush"]


def flush(paths: Iterable[Path]) -> dict[Path, OSError]:
    """Force files, then their folders, to the disk; return those that could not be.

    One journal commit serves a whole batch, so doing this once per batch costs a fraction of doing it per file.
    """
    failed: dict[Path, OSError] = {}
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        try:
            _sync(path)
            folders.setdefault(path.parent, []).append(path)
        except OSError as error:
            failed[path] = error
    for folder, inside in folders.items():
        try:
            if os.name == "posix":  # elsewhere a folder cannot be opened
                _sync(folder)
        except OSError as error:
            failed.update(dict.fromkeys(inside, error))
    return failed


def _sync(path: Path) -> None:
    # Windows only syncs what is open for writing.
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
