"""What there is to upload: files here and objects in buckets, each with the name it gets in the area."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hca_core.transfer.walk import walk
from hca_upload.errors import UploadRefused
from hca_upload.names import check_file_name, name_problem

if TYPE_CHECKING:
    from hca_core.transfer.objects import ListedObject

__all__ = ["Paths", "Source", "Sources", "find"]

_SHOWN = 10
_S3 = "s3://"

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]  # one, or any number
ListObjects = Callable[[str, str], "Iterable[ListedObject]"]  # (bucket, prefix) -> objects


@dataclass(frozen=True)
class Source:
    """A file to upload: `name` is what it gets in the area, `size` is in bytes.

    It is at `path`, unless it is an object that is `listed` in a bucket of the same store.
    """

    name: str
    path: Path
    size: int
    listed: ListedObject | None = None

    @property
    def place(self) -> str:
        """Where it is, in words that people know."""
        return f"{_S3}{self.listed.bucket}/{self.listed.key}" if self.listed else str(self.path)


@dataclass(frozen=True)
class Sources:
    """What was found, in order of name, and the links to folders that were not followed."""

    files: tuple[Source, ...]
    skipped: tuple[Path, ...] = ()


def find(
    paths: Paths,
    list_objects: ListObjects,
    *,
    target_filename: str | None = None,
    file_extension: str | None = None,
) -> Sources:
    """Return what there is to upload: files, all files below folders, and objects whose URLs begin with an `s3://…`.

    The area has no folders, so each is called by its base name, or `target_filename` if there is only one. Of folders
    and buckets only what ends in `file_extension` is taken.

    Raises:
        UploadRefused: no path is given or one does not exist, or the options do not fit; there is nothing; two
            different files would get the same name, or one would get a name that it cannot have in the area.
        TransferError: a folder cannot be read.
    """
    # A text is also an iterable of texts: its letters, and among them may be the folder `/`.
    words = [os.fspath(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    _check_options(words, target_filename, file_extension)
    skipped: list[Path] = []
    found = [one for word in words for one in _expand(word, list_objects, skipped) if _ends(one, file_extension)]
    if not found:
        raise UploadRefused(f"There is nothing to upload: {_nothing(words, file_extension)}.")
    if target_filename is not None:
        found = [_renamed(found, target_filename)]
    _check_names(found)
    return Sources(tuple(sorted(_distinct(found), key=lambda source: source.name)), tuple(skipped))


def _check_options(words: Sequence[str], target_filename: str | None, file_extension: str | None) -> None:
    if not words:
        raise UploadRefused("There is nothing to upload: no path was given.")
    if target_filename is not None:
        check_file_name(target_filename)
    missing = [word for word in words if not word.startswith(_S3) and not os.path.exists(word)]  # noqa: PTH110
    if missing:
        raise UploadRefused(f"Nothing was uploaded, because these are not there: {_shown(map(repr, missing))}.")
    if target_filename is not None and (len(words) != 1 or os.path.isdir(words[0])):  # noqa: PTH112
        raise UploadRefused("Only a single file can be given another name, and no folder.")
    files = [word for word in words if not word.startswith(_S3) and not os.path.isdir(word)]  # noqa: PTH112
    if file_extension is not None and files:
        raise UploadRefused(f"A file extension is for folders and buckets, and {files[0]!r} is neither.")


def _expand(word: str, list_objects: ListObjects, skipped: list[Path]) -> Iterator[Source]:
    if word.startswith(_S3):
        bucket, _, prefix = word.removeprefix(_S3).partition("/")
        if not bucket:
            raise UploadRefused(f"{word!r} names no bucket.", hint="It looks like s3://bucket/the/beginning/of/keys.")
        for listed in list_objects(bucket, prefix):
            name = listed.key.rpartition("/")[2]
            if name:  # a key that ends in a slash is what programs make for an empty folder
                yield Source(name, Path(name), listed.size, listed)
        return
    path = Path(word)
    for file in walk(path, skipped) if path.is_dir() else [path]:
        yield Source(file.name, file, _size(file))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # what is wrong with it will be told when it is to be sent


def _ends(source: Source, extension: str | None) -> bool:
    return source.name.endswith(extension or "")


def _nothing(words: Sequence[str], extension: str | None) -> str:
    kind = f"file whose name ends in {extension!r}" if extension else "file"
    return f"there is no {kind} in {_shown(words)}"


def _renamed(found: Sequence[Source], name: str) -> Source:
    if len(found) > 1:
        raise UploadRefused(f"Only one file can be called {name!r}, and there are {len(found)}: {_places(found)}.")
    return Source(name, found[0].path, found[0].size, found[0].listed)


def _check_names(found: Sequence[Source]) -> None:
    wrong = {source.place: problem for source in found if (problem := name_problem(source.name))}
    if wrong:
        words = [f"{place!r}: {problem}" for place, problem in wrong.items()]
        raise UploadRefused(
            f"Nothing was uploaded, because an upload area cannot have files of these names: {_shown(words, '; ')}.",
            hint="Rename them, or upload them one by one, each with a target filename.",
        )


def _distinct(found: Sequence[Source]) -> list[Source]:
    """Return what was found, but once if it was found twice; refuse different files of one name."""
    by_name: dict[str, list[Source]] = {}
    for source in found:
        by_name.setdefault(source.name, []).append(source)
    clashes = [same for same in by_name.values() if len(same) > 1 and len({*map(_identity, same)}) > 1]
    if clashes:
        words = [f"{same[0].name!r} ({_places(same)})" for same in clashes]
        raise UploadRefused(
            "Nothing was uploaded, because an upload area has no folders and different files would get the same name: "
            f"{_shown(words)}.",
            hint="Rename them, or upload them one by one, each with a target filename.",
        )
    return [same[0] for same in by_name.values()]


def _identity(source: Source) -> str:
    return source.place if source.listed else os.path.realpath(source.path)


def _places(found: Sequence[Source]) -> str:
    return _shown([source.place for source in found])


def _shown(words: Iterable[str], separator: str = ", ") -> str:
    listed = [*words]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return separator.join(listed[:_SHOWN]) + more
