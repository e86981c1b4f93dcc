"""The values of a document, found and compared as the index of the DSS does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

__all__ = [
    "Document",
    "Predicate",
    "Test",
    "any_value",
    "equals",
    "has_field",
    "in_range",
    "keyword",
    "values",
    "words",
]

EXACT = frozenset({"uuid", "manifest.version"})  # fields in which case matters
LONGEST_KEYWORD = 256  # characters; longer texts are only found through `.text`

_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?"
)
_WORD = re.compile(r"\w+(?:[.'\u2019]\w+)*")
_TICK = timedelta(microseconds=1)
_STEPS = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))

Document = Mapping[str, Any]
Predicate = Callable[[Document], bool]
Test = Callable[[Any], bool]
Interval = tuple[datetime, datetime]


def values(node: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield the texts, numbers and booleans of a document at a path of keys; lists are looked into, null is nothing."""
    if isinstance(node, list):
        for child in node:
            yield from values(child, path)
    elif path:
        if isinstance(node, dict) and path[0] in node:
            yield from values(node[path[0]], path[1:])
    elif node is not None and not isinstance(node, dict):
        yield node


def any_value(path: str, test: Test, word_test: Callable[[list[str]], bool]) -> Predicate:
    """Return whether a document has a value at `path` (keys with dots between them) that passes `test`.

    Below a text, `.text` is the list of its words, which has to pass `word_test`.
    """
    keys = path.split(".")
    outer = keys[:-1] if keys[-1] == "text" else None

    def predicate(document: Document) -> bool:
        if any(map(test, values(document, keys))):
            return True
        if outer is None or next(values(document, keys), None) is not None:
            return False
        return any(word_test(words(text)) for text in values(document, outer) if isinstance(text, str))

    return predicate


def has_field(path: str) -> Predicate:
    """Return whether a document has any value at, or anywhere below, a path."""
    keys = path.split(".")
    return lambda document: _has_value(document, keys)


def _has_value(node: Any, keys: Sequence[str]) -> bool:
    if isinstance(node, list):
        return any(_has_value(child, keys) for child in node)
    if isinstance(node, dict):
        below = [node[key] for key in keys[:1] if key in node] if keys else node.values()
        return any(_has_value(child, keys[1:]) for child in below)
    return node is not None and not keys


def words(text: str) -> list[str]:
    """Return the words of a text as the index keeps them."""
    return [word.lower() for word in _WORD.findall(text)]


def keyword(path: str, text: str) -> str | None:
    """Return a text as the index keeps the whole of it, or None if it is too long for that."""
    if path in EXACT:
        return text
    return text.lower() if len(text) <= LONGEST_KEYWORD else None


def equals(path: str, wanted: Any) -> Test:
    """Return a test whether a value of the field `path` is `wanted`: numbers and dates by value, texts in any case."""
    text = wanted if isinstance(wanted, str) else _as_text(wanted)
    whole, number, interval = keyword(path, text), _number(wanted), _date(text)

    def test(value: Any) -> bool:
        if isinstance(value, bool):
            return text.lower() == _as_text(value)
        if not isinstance(value, str):
            return number is not None and bool(value == number)
        moment = _date(value) if interval else None
        if interval and moment and path not in EXACT:
            return interval[0] <= moment[0] <= interval[1]
        return whole is not None and keyword(path, value) == whole

    return test


def in_range(path: str, bounds: Mapping[str, Any]) -> Test:
    """Return a test whether a value of the field `path` keeps all bounds: `gte`, `gt`, `lte`, `lt`."""
    tests = [_bound(path, name, bound) for name, bound in bounds.items()]
    return lambda value: all(test(value) for test in tests)


def _bound(path: str, name: str, bound: Any) -> Test:
    text = bound if isinstance(bound, str) else _as_text(bound)
    number, interval = _number(bound), _date(text)
    compare = _COMPARISONS[name]
    # A date without a time is a whole day: `gt` means after its end, `lte` until its end.
    edge = interval and interval[1 if name in ("gt", "lte") else 0]

    def test(value: Any) -> bool:
        if isinstance(value, bool):
            return False
        if not isinstance(value, str):
            return number is not None and compare(value, number)
        moment = None if path in EXACT else _date(value)
        if moment:
            return edge is not None and compare(moment[0], edge)
        known, limit = keyword(path, value), keyword(path, text)
        return known is not None and limit is not None and compare(known, limit)

    return test


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gte": lambda value, bound: bool(value >= bound),
    "gt": lambda value, bound: bool(value > bound),
    "lte": lambda value, bound: bool(value <= bound),
    "lt": lambda value, bound: bool(value < bound),
}


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]  # JSON has no other scalars
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _date(text: str) -> Interval | None:
    """The first and the last moment that an ISO date, with or without a time, means; None if it is no date."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        offset = _offset(zone)
        start = datetime(int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))
        begin = start.replace(tzinfo=timezone.utc) - offset
        if fraction:
            begin += timedelta(microseconds=int(fraction[:6].ljust(6, "0")))
            return begin, begin
        precision = sum(part is not None for part in (day, hour, minute, second))
        return begin, (begin + _STEPS[precision - 1] if precision else _next_month(begin)) - _TICK
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z"):
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def _next_month(begin: datetime) -> datetime:
    return begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
