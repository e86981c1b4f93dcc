"""The values of a document, found and compared as the index of the DSS does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from hca_local.dates import calculate, interval
from hca_local.dss.patterns import wildcard_test

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
MAX_KEYS = 50  # in a path; no document is so deep

_WORD = re.compile(r"\w+(?:[.'\u2019]\w+)*")
Document = Mapping[str, Any]
Predicate = Callable[[Document], bool]
Test = Callable[[Any], bool]


def values(node: Any, path: str) -> Iterator[Any]:
    """Yield the texts, numbers and booleans of a document at a path; lists are looked into, null is nothing.

    A path is keys with dots between them; the keys may have dots themselves.
    """
    return (value for value in _nodes(node, _steps(path), 0) if not isinstance(value, dict))


def any_value(path: str, test: Test, word_test: Callable[[list[str]], bool]) -> Predicate:
    """Return whether a document has a value at `path` that passes `test`.

    Below a text, `.text` is the list of its words, which has to pass `word_test`. A path with a `*` stands for all
    that look like it, and for the words of their values.
    """
    if "*" in path:
        return _any_leaf(path, test, word_test)
    outer = path.removesuffix(".text") if path.endswith(".text") else None

    def predicate(document: Document) -> bool:
        if any(map(test, values(document, path))):
            return True
        if outer is None or next(values(document, path), None) is not None:
            return False
        return any(word_test(words(text)) for text in values(document, outer) if isinstance(text, str))

    return predicate


def _any_leaf(pattern: str, test: Test, word_test: Callable[[list[str]], bool]) -> Predicate:
    is_meant = wildcard_test(pattern)

    def predicate(document: Document) -> bool:
        found = (value for path, value in _leaves(document, "") if is_meant(path))
        return any(test(value) or word_test(words(_as_text(value))) for value in found)

    return predicate


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, child in node.items():
            yield from _leaves(child, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for child in node:
            yield from _leaves(child, path)
    elif node is not None:
        yield path, node


def has_field(path: str) -> Predicate:
    """Return whether a document has any value at, or anywhere below, a path."""
    if "*" in path:
        return _any_leaf(path, lambda _: True, lambda _: True)
    steps = _steps(path)
    return lambda document: any(True for node in _nodes(document, steps, 0) for _ in _leaves(node, ""))


@lru_cache(maxsize=1024)
def _steps(path: str) -> Sequence[Sequence[tuple[str, int]]]:
    """For each place in a path, the keys that may come next and the place behind each."""
    parts = path.split(".")
    if len(parts) > MAX_KEYS:
        return (), ()
    places = range(len(parts) + 1)
    return [[(".".join(parts[start:end]), end) for end in places[start + 1 :]] for start in places]


def _nodes(node: Any, steps: Sequence[Sequence[tuple[str, int]]], at: int) -> Iterator[Any]:
    """All that is at the end of a path, except lists and null."""
    if isinstance(node, list):
        for child in node:
            yield from _nodes(child, steps, at)
    elif at == len(steps) - 1:
        if node is not None:
            yield node
    elif isinstance(node, dict):
        for key, end in steps[at]:
            if key in node:
                yield from _nodes(node[key], steps, end)


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
    whole, number, meant = keyword(path, text), _number(wanted), interval(text)

    def test(value: Any) -> bool:
        if isinstance(value, bool):
            return text.lower() == _as_text(value)
        if not isinstance(value, str):
            return number is not None and bool(value == number)
        moment = interval(value) if meant else None
        if meant and moment and path not in EXACT:
            return meant[0] <= moment[0] <= meant[1]
        return whole is not None and keyword(path, value) == whole

    return test


def in_range(path: str, bounds: Mapping[str, Any], now: datetime) -> Test:
    """Return a test whether a value of the field `path` keeps all bounds: `gte`, `gt`, `lte`, `lt`.

    A bound such as `now-1d` is counted from `now`, in UTC.
    """
    tests = [_bound(path, name, bound, now) for name, bound in bounds.items()]
    return lambda value: all(test(value) for test in tests)


def _bound(path: str, name: str, bound: Any, now: datetime) -> Test:
    text = bound if isinstance(bound, str) else _as_text(bound)
    number, meant = _number(bound), interval(text) or calculate(text, now)
    compare = _COMPARISONS[name]
    # A date without a time is a whole day: `gt` means after its end, `lte` until its end.
    edge = meant and meant[1 if name in ("gt", "lte") else 0]

    def test(value: Any) -> bool:
        if isinstance(value, bool):
            return False
        if not isinstance(value, str):
            return number is not None and compare(value, number)
        moment = None if path in EXACT else interval(value)
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
