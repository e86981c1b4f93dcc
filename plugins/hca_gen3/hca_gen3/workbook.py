"""Reads the first sheet of a workbook (.xlsx) row by row, and refuses workbooks that are not what they seem.

The program that reads workbooks, openpyxl, is imported when one is read. It neither tells which cells are merged nor
which formulas were never calculated, and both look empty to it; so the sheet's XML is searched for them first.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

from hca_gen3.cells import Unreadable
from hca_gen3.rows import Row, SheetError, column_letters

if TYPE_CHECKING:
    from openpyxl.reader.excel import ExcelReader

__all__ = ["check_workbook", "read_workbook"]

T = TypeVar("T")

_OLD_FORMAT = b"\xd0\xcf\x11\xe0"
_MOST_BYTES = 2 << 30  # of all XML together
_MOST_BYTES_AT_ONCE = 256 << 20  # of XML that is not read row by row
_MOST_PARTS = 10_000
_MOST_RATIO = 600  # a sheet of nothing but equal rows has 340, a bomb 1000
_NO_MATTER = 32 << 20  # bytes, up to which any ratio will do
_MOST_ROWS = 1 << 20  # of a sheet, by Excel's own limit
_MOST_MERGED = 1000
_MOST_UNCALCULATED = 100_000
_BATCH = 500  # rows
_CHUNK = 1 << 20
_OVERLAP = 1 << 12  # longer than what is searched for, except for monstrous formulas
_HINT = "Open it in a spreadsheet program and save it as .xlsx."
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^<>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
# A cell whose formula has no result. What repeats ends where it must, or time would grow with the square of the blanks
# and attributes that a hostile sheet has; so the attributes are looked at afterwards.
_WITHOUT_VALUE = re.compile(
    rb"""<(?:\w+:)?c(\s[^<>]*)>\s*
         <(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)
         (?:\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>))?\s*</(?:\w+:)?c>""",
    re.VERBOSE,
)
_ADDRESS = re.compile(rb'\sr="([A-Z]{1,3})(\d{1,7})"')
_TEXT = re.compile(rb'\st="str"')


class _Block(NamedTuple):
    """Cells from (`top`, `left`) to (`bottom`, `right`), rows counted from 1, columns from 0."""

    top: int
    left: int
    bottom: int
    right: int


def read_workbook(path: Path, label: str) -> Iterator[Row]:
    """Yield the rows of the first sheet; cells whose values are not known are `Unreadable`.

    Memory does not grow with the number of rows, but for some 100 bytes each.

    Raises:
        SheetError: the file is no workbook, or one that pretends to be harmless.
        OSError: it cannot be read.
    """
    check_workbook(path, label)
    with _opened(path, label) as reader:
        part = _quietly(lambda: _first_sheet(reader), label)
        unknown = _unknown(reader.archive, part, label)
        rows = _quietly(lambda: _rows(reader), label)
        for number, cells in enumerate(_in_batches(rows, label), 1):
            if cells:
                yield Row(number, unknown.put_into(number, list(cells)))


def check_workbook(path: Path, label: str) -> None:
    """Refuse a file that is no workbook, or one that would fill the memory.

    Raises:
        SheetError: with the reason.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) == _OLD_FORMAT:
            problem = "it is in the format of Excel 97-2003, or protected by a password"
            raise SheetError(problem, sheet=label, hint=_HINT)
        _quietly(lambda: _check_archive(file, label), label)


def _check_archive(file: IO[bytes], label: str) -> None:
    with zipfile.ZipFile(file) as archive:
        _check_sizes(archive.infolist(), label)
        _check_markup(archive, label)


def _check_sizes(parts: list[zipfile.ZipInfo], label: str) -> None:
    total = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    at_once = max((part.file_size for part in parts if "/worksheets/" not in part.filename), default=0)
    if total > _MOST_BYTES or at_once > _MOST_BYTES_AT_ONCE or len(parts) > _MOST_PARTS:
        raise SheetError(
            f"it unpacks to {len(parts)} files of {total >> 20} MiB, which is too much",
            sheet=label,
            hint="Save such a sheet as CSV.",
        )
    if total > _NO_MATTER and total > packed * _MOST_RATIO:
        raise SheetError("it unpacks to far more than any sheet of its size would", sheet=label, hint=_HINT)


def _check_markup(archive: zipfile.ZipFile, label: str) -> None:
    """Refuse document type definitions: workbooks have none, except to have entities that grow without bounds."""
    for part in archive.infolist():
        with archive.open(part) as file:
            if b"<!DOCTYPE" in file.read(_OVERLAP):
                raise SheetError("its XML has a document type definition", sheet=label, hint=_HINT)


@contextmanager
def _opened(path: Path, label: str) -> Iterator[ExcelReader]:
    from openpyxl.reader.excel import ExcelReader

    # Opened here, because openpyxl goes by the suffix of a name and leaves broken files open.
    with path.open("rb") as file:
        reader = _quietly(lambda: ExcelReader(file, read_only=True, data_only=True, keep_links=False), label)
        _quietly(reader.read, label)
        yield reader


def _first_sheet(reader: ExcelReader) -> str:
    """Return the part of the archive that is `reader.wb.worksheets[0]`."""
    there = set(reader.archive.namelist())
    sheets: Iterator[str] = (rel.target for _, rel in reader.parser.find_sheets() if "chartsheet" not in rel.Type)
    return next(part for part in sheets if part in there)


def _rows(reader: ExcelReader) -> Iterator[Any]:
    sheet: Any = reader.wb.worksheets[0]
    sheet.reset_dimensions()  # what a workbook says of its size is often wrong
    return iter(sheet.iter_rows(max_row=_MOST_ROWS, values_only=True))


def _in_batches(rows: Iterator[Any], label: str) -> Iterator[Any]:
    while batch := _quietly(lambda: list(islice(rows, _BATCH)), label):
        yield from batch


def _quietly(action: Callable[[], T], label: str) -> T:
    """Do something with openpyxl, which warns of what we do not need and raises whatever comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return action()
        except (OSError, SheetError):
            raise
        except Exception as error:
            raise SheetError("it is no workbook (.xlsx), or damaged", sheet=label, hint=_HINT) from error


class _Unknown:
    """Cells that look empty, but are not: formulas without results, and those that others were merged into."""

    def __init__(self, formulas: set[tuple[int, int]], merged: list[_Block]) -> None:
        self._formulas, self._merged = formulas, merged

    def put_into(self, row: int, cells: list[Any]) -> list[Any]:
        if not self._formulas and not self._merged:
            return cells
        for block in self._merged:
            if block.top <= row <= block.bottom:
                _cover(block, row, cells)
        for column, value in enumerate(cells):
            if value is None and (row, column) in self._formulas:
                cells[column] = Unreadable(
                    "its formula was never calculated; open and save it in a spreadsheet program"
                )
        return cells


def _cover(block: _Block, row: int, cells: list[Any]) -> None:
    first = f"{column_letters(block.left)}{block.top}"
    for column in range(block.left, min(block.right + 1, len(cells))):
        if (row, column) != (block.top, block.left):
            cells[column] = Unreadable(f"it is merged with {first}; a merged cell has no value of its own")


def _unknown(archive: zipfile.ZipFile, part: str, label: str) -> _Unknown:
    formulas, merged = set[tuple[int, int]](), set[_Block]()
    for text in _chunks(archive, part, label):
        formulas.update(_uncalculated(text))
        merged.update(
            _Block(int(found[2]), _index(found[1]), int(found[4]), _index(found[3])) for found in _MERGED.finditer(text)
        )
        if len(merged) > _MOST_MERGED:
            raise SheetError(f"it has more than {_MOST_MERGED} merged cells", sheet=label, hint="Unmerge them.")
        if len(formulas) > _MOST_UNCALCULATED:
            raise SheetError(f"more than {_MOST_UNCALCULATED} formulas were never calculated", sheet=label, hint=_HINT)
    return _Unknown(formulas, sorted(merged))


def _uncalculated(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield row and column of the cells whose formulas were never calculated; empty text is a result."""
    for cell in _WITHOUT_VALUE.finditer(text):
        address = _ADDRESS.search(cell[1])
        if address and not _TEXT.search(cell[1]):
            yield int(address[2]), _index(address[1])


def _chunks(archive: zipfile.ZipFile, part: str, label: str) -> Iterator[bytes]:
    rest = b""
    with _quietly(lambda: archive.open(part), label) as file:
        while more := _quietly(lambda: file.read(_CHUNK), label):
            yield rest + more
            rest = (rest + more)[-_OVERLAP:]


def _index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - ord("A") + 1
    return index - 1
