"""Reads metadata sheets that are text: comma-separated or tab-separated values."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from hca_gen3.rows import Row, SheetError

__all__ = ["read_delimited"]

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HINT = "Save it as a workbook (.xlsx), or as CSV in UTF-8."


def read_delimited(path: Path, label: str) -> Iterator[Row]:
    """Yield the rows of a file; a row is counted by the line on which it begins.

    A `.csv` file may have semicolons or tabs instead of commas, as some spreadsheet programs write; its first line
    tells. UTF-16 is read if the file says so by its first bytes.

    Raises:
        SheetError: the file is not text in UTF-8, or its quotation marks are not in pairs.
        OSError: it cannot be read.
    """
    with path.open(encoding=_encoding(path), newline="") as file:
        try:
            separator = _separator(path, file.readline())
            file.seek(0)
            yield from _rows(file, separator, label)
        except UnicodeError as error:
            raise SheetError("it is not text in UTF-8", sheet=label, row=_wrong_line(path), hint=_HINT) from error


def _rows(file: TextIO, separator: str, label: str) -> Iterator[Row]:
    reader = csv.reader(file, delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            yield Row(line, list(cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise SheetError(f"it cannot be read as a table ({error})", sheet=label, row=line, hint=_HINT) from error


def _wrong_line(path: Path) -> int | None:
    """Return the number of the first line that is not UTF-8; None if there is none, as in bad UTF-16."""
    with path.open("rb") as file:
        return next((number for number, line in enumerate(file, 1) if not _is_utf8(line)), None)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in _UTF16 else "utf-8-sig"


def _separator(path: Path, header: str) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=header.count)
