"""What there is to upload in a folder: which files, under which names, of which type."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hca_core.errors import ArgumentError, HcaError, TransferError
from hca_core.paths import check_name
from hca_core.transfer.media_type import guess_type
from hca_core.transfer.walk import walk

_SHOWN = 5


class Source(NamedTuple):
    """A file to upload: `name` is its path below `folder`, with `/` between the parts; `size` is in bytes.

    It is small, as there may be very many.
    """

    name: str
    folder: Path
    size: int

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / self.name

    @property
    def indexed(self) -> bool:
        """Whether the DSS indexes the file as metadata."""
        return self.name.endswith(".json")

    @property
    def content_type(self) -> str:
        """The media type its name suggests; a compressed file has the type of its compression."""
        return guess_type(self.name.rpartition("/")[2])


@dataclass(frozen=True)
class Sources:
    """The files of a folder, sorted by name, and the symbolic links to folders that were not followed."""

    files: tuple[Source, ...]
    skipped: tuple[Path, ...]


def _is_readable(path: Path) -> bool:
    return os.access(path, os.R_OK)


def find(folder: Path, *, is_readable: Callable[[Path], bool] = _is_readable) -> Sources:
    """List the files below `folder`.

    Raises:
        ArgumentError: there are none.
        TransferError: some cannot be read, or have names that a bundle cannot hold; every such file is counted and the
            first are named.
    """
    skipped: list[Path] = []
    files = sorted(_walk(folder, skipped), key=lambda source: source.name)
    if not files:
        raise ArgumentError(f"There is nothing to upload: {folder} has no files.")
    _refuse("cannot be read", [str(source.path) for source in files if not is_readable(source.path)])
    _refuse("have names that a bundle cannot hold", [source.name for source in files if _is_refused(source.name)])
    return Sources(tuple(files), tuple(skipped))


def _walk(folder: Path, skipped: list[Path]) -> Iterator[Source]:
    if not folder.is_dir():
        raise ArgumentError(f"There is nothing to upload: {folder} is not a folder.")
    for path in walk(folder, skipped):
        if not path.is_file():
            raise TransferError(f"{path} cannot be uploaded: it is not a regular file, or a link to nothing.")
        yield Source(path.relative_to(folder).as_posix(), folder, path.stat().st_size)


def _refuse(problem: str, names: list[str]) -> None:
    if names:
        shown = ", ".join(repr(name) for name in names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise TransferError(
            f"Nothing was uploaded: {len(names)} files {problem}: {shown}{more}.",
            hint="Rename, mend or move these files, then upload again.",
        )


def _is_refused(name: str) -> bool:
    """Return whether the DSS refuses the name, or a download of the bundle would."""
    # The DSS refuses hidden files in sub-folders, and `./` anywhere, even after a harmless dot.
    if re.search(r"\./|/\.", name):
        return True
    try:
        check_name(name)
    except HcaError:
        return True
    return False
