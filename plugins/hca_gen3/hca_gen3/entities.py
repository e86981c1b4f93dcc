"""Makes Gen3 records of the rows of a subjects, samples or manifest sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from hca_gen3.cells import kinds
from hca_gen3.conversion import UNKNOWN, Conversion, Place, Record, submitter_id
from hca_gen3.mapping import KEYS, PROPERTIES
from hca_gen3.rows import Row
from hca_gen3.sheets import Column, Sheet, Table

__all__ = ["make_records"]


def make_records(conversion: Conversion, name: str, sheet: Sheet) -> Iterator[Record]:
    """Yield the records of the rows of a sheet, where `name` is `subjects`, `samples` or `manifest`.

    Raises:
        SheetError: the sheet is malformed, or the dictionary does not want what is in it.
    """
    table = Table(sheet)
    table.require(PROPERTIES[name][KEYS[name]])
    columns = _columns(conversion, name, table)
    make = _Maker(conversion, name, sheet, columns)
    for row in table.rows():
        if sheet.is_text and len(row.cells) > table.width:
            _refuse_more(sheet, row, table.width)
        if any(make.cell(row, column) is not None for column in columns.values()):
            yield make.record(row)


def _columns(conversion: Conversion, name: str, table: Table) -> dict[str, Column]:
    """Return the columns by property."""
    names = conversion.names(name)
    table.refuse_twice(names)
    columns: dict[str, Column] = {}
    for header, column in table.columns.items():
        known = names.get(header)
        if known in columns:
            place = Place(table.sheet.label, table.header_row, column.index)
            raise place.error(f"columns {columns[known].title!r} and {column.title!r} mean the same")
        if known:
            columns[known] = column
        else:
            conversion.leave_out(name, column.title, f"{table.sheet.label}, row {table.header_row}")
    return columns


def _refuse_more(sheet: Sheet, row: Row, width: int) -> None:
    # In text, this is what a separator in a value that is not quoted looks like; all after it are in wrong columns.
    for column, value in enumerate(row.cells[width:], width):
        if value.strip():
            raise Place(sheet.label, row.number, column).error("there is a value, but no header above it")


class _Maker:
    """Makes the records of one sheet, whose `columns` are known by property."""

    def __init__(self, conversion: Conversion, name: str, sheet: Sheet, columns: Mapping[str, Column]) -> None:
        self._conversion, self._name, self._sheet, self._columns = conversion, name, sheet, columns
        self._node = conversion.node(name)

    def record(self, row: Row) -> Record:
        """Return the record of a row.

        Raises:
            SheetError: it is malformed.
        """
        record = self._begin(row)
        for name, schema in self._node.properties.items():
            if name in record:
                continue
            value = self._value(row, name, schema)
            if value is not None:
                record[name] = value
            elif self._node.is_required(name):
                record[name] = _unknown(schema)
        self._conversion.check(
            self._name,
            record,
            lambda name: self._place(row, name) if name in self._columns else None,
            Place(self._sheet.label, row.number),
        )
        return record

    def cell(self, row: Row, column: Column) -> Any:
        """Return what is in a column of a row; blank cells are None."""
        value = row.cells[column.index] if column.index < len(row.cells) else None
        return None if isinstance(value, str) and not value.strip() else value

    def _begin(self, row: Row) -> Record:
        key = self._key(row, KEYS[self._name])
        if self._name != "samples":
            return self._conversion.begin(self._name, self._new_id(row, key))
        subject = self._key(row, "subject_id")
        record = self._conversion.begin(self._name, self._new_id(row, f"{subject}-{key}"))
        del record["experiments"]
        return record | {"cases": [{"submitter_id": self._subject(row, subject)}]}

    def _key(self, row: Row, name: str) -> str:
        """Return a value that a record cannot be without."""
        value = self._value(row, name, {"type": "string"})
        if value is None or len(value.splitlines()) > 1:
            problem = "it is empty" if value is None else "it has more than one line"
            raise self._place(row, name).error(problem)
        return str(value)

    def _new_id(self, row: Row, key: str) -> str:
        """Return the submitter id of a row, and remember it.

        It is made of the row alone: with other rows or sheets beside it, a record must not become another one.
        """
        found = submitter_id(self._conversion.experiment, self._name, key)
        before = self._conversion.rows.get(found)
        if before:
            elsewhere = before.sheet != self._sheet.label
            where = f"row {before.row}" + (f" of {before.sheet}" if elsewhere else "")
            problem = f"its submitter id would be {found}, which is that of {where} already"
            named = PurePosixPath(self._sheet.label).parent / key
            hint = f"Name files that several folders have with their folder: {named}." if elsewhere else None
            raise self._place(row, KEYS[self._name]).error(problem, hint)
        self._conversion.rows[found] = Place(self._sheet.label, row.number)
        return found

    def _subject(self, row: Row, subject: str) -> str:
        found = submitter_id(self._conversion.experiment, "subjects", subject)
        if found not in self._conversion.rows:
            raise self._place(row, "subject_id").error(f"there is no subject {subject!r}")
        return found

    def _value(self, row: Row, name: str, schema: Mapping[str, Any]) -> Any:
        column = self._columns.get(name)
        cell = None if column is None else self.cell(row, column)
        return None if cell is None else self._place(row, name).fit(cell, schema)

    def _place(self, row: Row, name: str) -> Place:
        column = self._columns.get(name)
        if column is None:
            return Place(self._sheet.label, row.number)
        return Place(self._sheet.label, row.number, column.index, column.title)


def _unknown(schema: Mapping[str, Any]) -> Any:
    allowed = kinds(schema)
    return [UNKNOWN] if "array" in allowed and "string" not in allowed else UNKNOWN
