"""Rows of a sheet, and the words for where in it something is wrong."""

from __future__ import annotations

from typing import Any, NamedTuple

from hca_core.errors import ArgumentError

__all__ = ["Row", "SheetError", "column_letters"]


class Row(NamedTuple):
    """The cells of a row, which is counted from 1; the last cells of a row may be missing."""

    number: int
    cells: list[Any]


class SheetError(ArgumentError):
    """A metadata sheet cannot be used. `row` counts from 1, `column` from 0; None if the problem is not in one."""

    def __init__(
        self,
        problem: str,
        *,
        sheet: str,
        row: int | None = None,
        column: int | None = None,
        header: str = "",
        hint: str | None = None,
    ) -> None:
        place = [sheet]
        if row is not None:
            place.append(f"row {row}")
        if column is not None:
            place.append(f"column {column_letters(column)}" + (f" ({header})" if header else ""))
        super().__init__(f"{', '.join(place)}: {problem}.", hint=hint)
        self.sheet, self.row, self.column = sheet, row, column


def column_letters(index: int) -> str:
    """Return what spreadsheets call a column, of which 0 is the first."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
