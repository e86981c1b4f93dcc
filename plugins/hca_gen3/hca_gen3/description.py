"""Makes the Gen3 record of a dataset description, whose rows are elements with one or more values each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hca_gen3.cells import Unreadable, item_schema, kinds
from hca_gen3.conversion import UNKNOWN, Conversion, Place, Record
from hca_gen3.mapping import GROUPS, normalise
from hca_gen3.rows import Row
from hca_gen3.sheets import Column, Sheet, Table

__all__ = ["make_description"]

_NAME = "dataset_description"
_FIRST_VALUE = 3  # after the element, its description and an example


def make_description(conversion: Conversion, sheet: Sheet) -> Record:
    """Return the one record of a dataset description, in which each element is the list of its values.

    A contributor or related work without one of its values gets `NA`, if another one that comes later has one:
    otherwise that would move to the wrong contributor.

    Raises:
        SheetError: the sheet is malformed, or the dictionary does not want what is in it.
    """
    node = conversion.node(_NAME)
    elements = _elements(conversion, sheet)
    record = conversion.begin(_NAME, f"{conversion.experiment}-{_NAME}")
    for name, schema in node.properties.items():
        if name in record:
            continue
        values = _values(sheet, name, schema, elements[name]) if name in elements else []
        if values or node.is_required(name):
            record[name] = values if _is_list(schema) or len(values) != 1 else values[0]
    places = {name: Place(sheet.label, element.row) for name, element in elements.items()}
    conversion.check(_NAME, record, places.get, Place(sheet.label, 1))
    _compare_version(conversion, sheet, record)
    return record


class _Element(NamedTuple):
    """The row of an element: its `cells` are those with values, `first` is the column of the first of them."""

    row: int
    first: int
    cells: list[Any]


def _elements(conversion: Conversion, sheet: Sheet) -> dict[str, _Element]:
    """Return the rows by property."""
    names = conversion.names(_NAME)
    table = Table(sheet)
    element = table.require("Metadata element")
    first = _first_value(table)
    found: dict[str, _Element] = {}
    for row in table.rows():
        title = _title(sheet, row, element)
        name = names.get(normalise(title))
        if name in found:
            raise Place(sheet.label, row.number, element.index).error(f"element {title!r} is there twice")
        if name:
            found[name] = _Element(row.number, first, row.cells[first:])
        elif title:
            conversion.leave_out(_NAME, title, f"{sheet.label}, row {row.number}")
    return found


def _first_value(table: Table) -> int:
    return min((column.index for name, column in table.columns.items() if name == "value"), default=_FIRST_VALUE)


def _title(sheet: Sheet, row: Row, element: Column) -> str:
    value = row.cells[element.index] if element.index < len(row.cells) else None
    if isinstance(value, Unreadable):
        raise Place(sheet.label, row.number, element.index, element.title).error(value.reason)
    return " ".join(str(value or "").split())


def _values(sheet: Sheet, name: str, schema: Mapping[str, Any], element: _Element) -> list[Any]:
    """Return the values of an element, without gaps unless it is one of a group."""
    items = item_schema(schema) if _is_list(schema) else schema
    values = [
        Place(sheet.label, element.row, column).fit(cell, items)
        for column, cell in enumerate(element.cells, element.first)
    ]
    filled = [index for index, value in enumerate(values) if value is not None]
    if any(name in group for group in GROUPS) and filled:
        return [UNKNOWN if value is None else value for value in values[: filled[-1] + 1]]
    return [values[index] for index in filled]


def _is_list(schema: Mapping[str, Any]) -> bool:
    allowed = kinds(schema)
    return "array" in allowed or not (allowed or "enum" in schema)


def _compare_version(conversion: Conversion, sheet: Sheet, record: Record) -> None:
    said = record.get("metadata_version")
    said = said[0] if isinstance(said, list) and said else said
    if said and said != conversion.version:
        conversion.left_out.append(f"{sheet.label}: it says that it is version {said}, not {conversion.version}")
