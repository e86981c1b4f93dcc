"""Finds where a GraphQL query leaves the number of records to the commons, which then sends ten at most."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["DEFAULT_FIRST", "Open", "cut", "open_fields", "unlimited"]

DEFAULT_FIRST = 10
"""How many records of a list a commons sends if a query does not say `first`."""

_TOKEN = re.compile(
    r'#[^\n]*|"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\\n])*"|\.\.\.|[_A-Za-z][_0-9A-Za-z]*|[!$&()\[\]{}:=@|]', re.DOTALL
)
_NAME = re.compile(r"[_A-Za-z]")


class Open(NamedTuple):
    """A field with records below it that says no `first`: `key` is its name in the answer.

    At `position` in the query, `first` can be put into its arguments; `bare` says that it has none yet.
    """

    key: str
    position: int
    bare: bool


def open_fields(query: str) -> list[Open]:
    """Return such fields of a query; none if it cannot be understood, which the commons will say."""
    try:
        return list(_Reader(query).fields())
    except IndexError:
        return []


def unlimited(query: str) -> str:
    """Return a query that asks for all records, wherever it does not say how many."""
    for field in sorted(open_fields(query), key=lambda found: -found.position):
        words = "(first: 0)" if field.bare else "first: 0, "
        query = query[: field.position] + words + query[field.position :]
    return query


def cut(data: Any, keys: set[str], path: str = "") -> Iterator[str]:
    """Yield the paths of the lists in an answer that are as long as the limit, and are called as one of `keys`."""
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from cut(item, keys, f"{path}[{index}]")
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        inner = f"{path}.{key}" if path else key
        if key in keys and isinstance(value, list) and len(value) == DEFAULT_FIRST:
            yield inner
        yield from cut(value, keys, inner)


class _Reader:
    """Walks through the tokens of a query; running out of them is an IndexError."""

    def __init__(self, query: str) -> None:
        found = [match for match in _TOKEN.finditer(query) if not match[0].startswith("#")]
        self._words = [match[0] for match in found]
        self._ends = [match.end() for match in found]
        self._at = 0

    def fields(self) -> Iterator[Open]:
        while self._at < len(self._words):
            self._skip_to_selection()
            yield from self._selection()

    def _skip_to_selection(self) -> None:
        """Pass over what comes before the fields: the word `query`, its name, variables, directives."""
        while self._word != "{":
            self._pass()

    def _selection(self) -> Iterator[Open]:
        self._pass_one()
        while self._word != "}":
            if self._word == "...":
                yield from self._fragment()
            else:
                yield from self._field()
        self._pass_one()

    def _fragment(self) -> Iterator[Open]:
        self._pass_one()
        if self._word == "on":
            self._pass_one()
        if _NAME.match(self._word):
            self._pass_one()
        self._directives()
        if self._word == "{":
            yield from self._selection()

    def _field(self) -> Iterator[Open]:
        key = name = self._pass_one()
        if self._word == ":":
            self._pass_one()
            name = self._pass_one()
        position, bare, limited = self._ends[self._at - 1], self._word != "(", False
        if not bare:
            position = self._ends[self._at]
            limited = "first" in self._pass()
        self._directives()
        if self._word == "{":
            below = list(self._selection())
            if name.startswith("__"):
                return  # about the schema, whose lists are whole
            if not limited:
                yield Open(key, position, bare)
            yield from below

    def _directives(self) -> None:
        while self._word == "@":
            self._pass_one()
            self._pass_one()
            if self._word == "(":
                self._pass()

    @property
    def _word(self) -> str:
        return self._words[self._at]

    def _pass_one(self) -> str:
        self._at += 1
        return self._words[self._at - 1]

    def _pass(self) -> list[str]:
        """Pass over a token, or all up to the closing bracket if it opens one; return the names of the arguments."""
        depth, names = 0, []
        while True:
            word = self._pass_one()
            depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
            if depth == 1 and self._words[self._at : self._at + 1] == [":"]:
                names.append(word)
            if depth <= 0:
                return names
