"""Finds the metadata sheets of a SPARC dataset and reads them, each a workbook or text, as tables with a header."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from hca_core.errors import ArgumentError
from hca_gen3.cells import Unreadable
from hca_gen3.delimited import read_delimited
from hca_gen3.mapping import normalise
from hca_gen3.rows import Row, SheetError
from hca_gen3.workbook import read_workbook

__all__ = ["Column", "Sheet", "Table", "find_sheet", "find_sheets"]

_READERS = {".xlsx": read_workbook, ".csv": read_delimited, ".tsv": read_delimited}
_SUFFIXES = (*_READERS, ".xls")


@dataclass(frozen=True)
class Sheet:
    """A file with metadata; `label` is what people are told it is, its path in the dataset."""

    path: Path
    label: str

    @property
    def is_text(self) -> bool:
        """Whether it is no workbook."""
        return self.path.suffix.lower() != ".xlsx"

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are not blank.

        Raises:
            SheetError: the file is no sheet, or damaged.
        """
        try:
            for row in _READERS[self.path.suffix.lower()](self.path, self.label):
                if not all(_is_blank(value) for value in row.cells):
                    yield row
        except OSError as error:
            raise SheetError(f"it cannot be read: {error.strerror or error}", sheet=self.label) from error


@dataclass(frozen=True)
class Column:
    """A column with a header, which is called `title`; `index` counts from 0."""

    index: int
    title: str


class Table:
    """A sheet whose first row that is not blank names the columns; `columns` has them by their normalised headers.

    `width` is the number of cells in that row, also of those without a name.

    Raises:
        SheetError: it has no header.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._rows = sheet.rows()
        header = next(self._rows, None)
        if header is None:
            raise SheetError("it is empty", sheet=sheet.label)
        self.header_row, self.width = header.number, len(header.cells)
        self.columns: dict[str, Column] = {}
        self._twice: dict[str, Column] = {}
        for index, value in enumerate(header.cells):
            self._add(index, value)

    def _add(self, index: int, value: object) -> None:
        if isinstance(value, Unreadable):
            raise SheetError(value.reason, sheet=self.sheet.label, row=self.header_row, column=index)
        title = " ".join(str(value or "").split())
        name = normalise(title)
        if name:
            known = self._twice if name in self.columns else self.columns
            known[name] = Column(index, title)

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header that are not blank. This can be done once."""
        yield from self._rows

    def require(self, header: str) -> Column:
        """Return the column with a header.

        Raises:
            SheetError: there is none.
        """
        column = self.columns.get(normalise(header))
        if column is None:
            raise SheetError(f'there is no column "{header}"', sheet=self.sheet.label, row=self.header_row)
        return column

    def refuse_twice(self, names: Iterable[str]) -> None:
        """Raise a SheetError if one of these columns is there more than once."""
        for name in names:
            if again := self._twice.get(name):
                raise SheetError(
                    f"column {self.columns[name].title!r} is there twice",
                    sheet=self.sheet.label,
                    row=self.header_row,
                    column=again.index,
                )


def find_sheet(root: Path, name: str) -> Sheet | None:
    """Return the sheet with this name that is directly in `root`, if there is one.

    Raises:
        ArgumentError: `root` is no folder that can be read.
        SheetError: it is there more than once, or in a format that cannot be read.
    """
    return _one(root, root, name, _listing(root))


def find_sheets(root: Path, name: str) -> list[Sheet]:
    """Return the sheets with this name, one at most in each folder from `root` on down, in the order of their paths.

    Links to folders are not followed.

    Raises:
        ArgumentError: a folder cannot be read.
        SheetError: a folder has two of them, or one in a format that cannot be read.
    """
    folders = ((Path(folder), names) for folder, _, names in os.walk(root, onerror=_refuse))
    found = (_one(root, folder, name, names) for folder, names in folders)
    return sorted(filter(None, found), key=lambda sheet: sheet.path.relative_to(root).parts[:-1])


def _listing(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    raise ArgumentError(f"Folder {error.filename} cannot be read: {error.strerror}.") from error


def _one(root: Path, folder: Path, name: str, names: Iterable[str]) -> Sheet | None:
    """Return the sheet called `name` in a folder that holds `names`."""
    paths = sorted(folder / found for found in names if _is_sheet(Path(found), name))
    if not paths:
        return None
    label = paths[0].relative_to(root).as_posix()
    if len(paths) > 1:
        raise SheetError(f"there is also {paths[1].name}", sheet=label, hint="Keep the one that is right.")
    if paths[0].suffix.lower() not in _READERS:
        raise SheetError("the format of Excel 97-2003 cannot be read", sheet=label, hint="Save it as .xlsx.")
    return Sheet(paths[0], label)


def _is_sheet(path: Path, name: str) -> bool:
    return path.stem.lower() == name and path.suffix.lower() in _SUFFIXES


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
