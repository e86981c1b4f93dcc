"""What is in a cell of a sheet, as the kind of value that a property of a Gen3 dictionary takes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

__all__ = ["Unreadable", "fit", "item_schema", "kinds", "text"]

_NOTHING = frozenset({"", "na", "n/a", "nan", "null"})
_ERRORS = frozenset(
    {"#CALC!", "#DIV/0!", "#FIELD!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#SPILL!", "#VALUE!"}
)
_MOST_EXACT = 10**15  # spreadsheets keep 15 digits of a number
_LINE_END = re.compile(r"\r\n|\r|\n")
_NUMERIC = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Unreadable:
    """Stands in a row for a cell whose value is not known, and tells why: `it is merged with A2`."""

    reason: str


def text(value: object) -> str:
    """Return a cell's value as people see it; nothing if it says nothing, as `N/A` does.

    Whole numbers have no `.0`, dates are ISO 8601, truths are `TRUE` and `FALSE` as in spreadsheets.

    Raises:
        ValueError: the cell has no value that could be trusted; the message is the end of a sentence about it.
    """
    if value is None:
        return ""
    if isinstance(value, Unreadable):
        raise ValueError(value.reason)
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, date | time | timedelta):
        return _moment(value)
    return _plain(str(value))


def _plain(value: str) -> str:
    stripped = value.replace("_x000D_", "").strip()  # how workbooks write what some programs end lines with
    if stripped in _ERRORS:
        raise ValueError(f"it shows the formula error {stripped}")
    return "" if stripped.casefold() in _NOTHING else stripped


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it is not a finite number")
    if abs(value) >= _MOST_EXACT:
        raise ValueError("it is a number of more than 15 digits, the last of which spreadsheets lose; make it text")
    return str(int(value)) if value == int(value) else f"{value:.15g}"


def _moment(value: date | time | timedelta) -> str:
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date().isoformat()  # a spreadsheet's day is a moment at midnight
    return value.isoformat()


def kinds(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the JSON types that a property's schema names; none means that any is welcome."""
    named = schema.get("type")
    found = {named} if isinstance(named, str) else set(filter(_is_name, _as_list(named)))
    for word in ("anyOf", "oneOf"):
        for choice in filter(_is_schema, _as_list(schema.get(word))):
            found |= kinds(choice)
    return frozenset(found)


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_name(value: object) -> bool:
    return isinstance(value, str)


def _is_schema(value: object) -> bool:
    # Since draft 6, `true` is one, and `items` may be a list of them: neither says what a value has to be.
    return isinstance(value, Mapping)


def fit(value: object, schema: Mapping[str, Any]) -> Any:
    """Return a cell's value as a property with this schema takes it; None if the cell says nothing.

    Several lines are a list where lists are allowed. What does not fit stays text, for the validation to refuse.

    Raises:
        ValueError: as `text`.
    """
    found = text(value)
    if not found:
        return None
    allowed = kinds(schema)
    if "array" not in allowed:
        return _scalar(found, schema, allowed)
    lines = [line.strip() for line in _LINE_END.split(found) if line.strip()]
    if len(lines) == 1 and "string" in allowed:
        return lines[0]
    items = item_schema(schema)
    return [_scalar(line, items, kinds(items)) for line in lines]


def item_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of what is in a list with this schema."""
    items = schema.get("items")
    return items if isinstance(items, Mapping) else {}


def _scalar(found: str, schema: Mapping[str, Any], allowed: frozenset[str]) -> Any:
    choices = _as_list(schema.get("enum"))
    if choices:
        return _choice(found, choices)
    if not allowed or "string" in allowed:
        return found
    if "boolean" in allowed and found.casefold() in _BOOLEANS:
        return _BOOLEANS[found.casefold()]
    return _numeric(found, allowed)


def _choice(found: str, choices: list[Any]) -> Any:
    """Return the one of `choices` that is meant, whatever its capitals."""
    same = [choice for choice in choices if str(choice).casefold() == found.casefold()]
    return found if found in choices or len(same) != 1 else same[0]


def _numeric(found: str, allowed: frozenset[str]) -> Any:
    if not allowed & {"integer", "number"} or not _NUMERIC.fullmatch(found):
        return found
    number = float(found)
    if not math.isfinite(number):
        return found
    return int(number) if number == int(number) and abs(number) < _MOST_EXACT else number
