"""The language of `query_string`, such as `organ:lung AND NOT (age:>70 OR "old mouse")`, put into clauses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hca_local.dss.fields import EXACT

__all__ = ["QueryStringError", "to_clause"]

MAX_DEPTH = 20  # of parentheses

_WORD = r"(?:[^\s()\[\]{}\"\\^~]|\\.)+"
_LITERALS = (
    r"(?P<quoted>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<range>[\[{]\s*(?:\"[^\"]*\"|[^\s\]}]+)\s+TO\s+(?:\"[^\"]*\"|[^\s\]}]+)\s*[\]}])"
    r"|(?P<regexp>/(?:[^/\\]|\\.)+/(?=[\s)^]|$))"
    rf"|(?P<word>{_WORD})"
)
_TOKEN = re.compile(
    r"\s*(?:(?P<operator>(?:AND|OR|NOT)(?![^\s()\"])|&&|\|\||[()!+-])"
    r"|(?P<field>(?:[^\s():\[\]{}\"\\^~<>]|\\.)+):(?=\S)"
    rf"|{_LITERALS}|(?P<end>$))",
    re.DOTALL,
)
_VALUE = re.compile(rf"(?P<operator>\()|{_LITERALS}", re.DOTALL)  # directly behind a field
_SUFFIX = re.compile(r"\^[0-9.]+|(~[0-9.]*)")
_COMPARISON = re.compile(r"(>=|<=|>|<)(.+)", re.DOTALL)
_BOUNDS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
_NAMES = {"&&": "AND", "||": "OR", "!": "NOT"}

Clause = dict[str, Any]


class QueryStringError(ValueError):
    """A text is not in the language; the message says why."""


@dataclass
class _Group:
    """Clauses that stand beside each other, by what they are to the group."""

    must: list[Clause] = field(default_factory=list)
    should: list[Clause] = field(default_factory=list)
    must_not: list[Clause] = field(default_factory=list)

    def clause(self) -> Clause:
        if len(self.should) == 1 and not self.must and not self.must_not:
            return self.should[0]
        return {"bool": {name: clauses for name, clauses in vars(self).items() if clauses}}


def to_clause(text: str, fields: list[str], operator: str) -> Clause:
    """Return the clause that a text means.

    What names no field is looked for in any of `fields`. `operator`, AND or OR, stands between parts that have none.
    NOT binds strongest, then AND, then OR; `+` and `-` before a part make the group need, or exclude, it.

    Raises:
        QueryStringError: the text is malformed, or asks for what is not supported.
    """
    reader = _Reader(text, operator)
    found = reader.alternatives(fields)
    if reader.kind != "end":
        raise reader.error(f"`{reader.text}` is not expected")
    return found


class _Reader:
    """Reads a text token by token; `kind` and `text` are those of the present one."""

    def __init__(self, text: str, operator: str) -> None:
        self._source = text
        self._operator = operator
        self._at = 0
        self._depth = 0
        self._next()

    def _next(self, expected: re.Pattern[str] = _TOKEN) -> None:
        found = expected.match(self._source, self._at)
        if found is None:
            raise self.error(f"it cannot be read from {self._source[self._at : self._at + 20]!r} on")
        self._at = found.end()
        self.kind = str(found.lastgroup)
        self.text = _NAMES.get(found[self.kind], found[self.kind])

    def error(self, reason: str) -> QueryStringError:
        return QueryStringError(f"{self._source[:100]!r} is no query string here: {reason}.")

    def alternatives(self, fields: list[str]) -> Clause:
        """Parts with OR, or nothing, between them."""
        group = _Group()
        while True:
            sign, clause = self._together(fields)
            {"+": group.must, "-": group.must_not}.get(sign, group.should).append(clause)
            if self._is("OR"):
                self._next()
            elif self.kind == "end" or self._is(")"):
                return group.clause()

    def _together(self, fields: list[str]) -> tuple[str, Clause]:
        """Parts with AND between them, and the sign before them if there is only one."""
        parts = [self._signed(fields)]
        while self._continues():
            parts.append(self._signed(fields))
        if len(parts) == 1:
            return parts[0]
        group = _Group()
        for sign, clause in parts:
            (group.must_not if sign == "-" else group.must).append(clause)
        return "", group.clause()

    def _continues(self) -> bool:
        """Whether the next part is joined by AND, which is skipped if it is written."""
        if self._is("AND"):
            self._next()
            return True
        return self._operator == "AND" and self.kind != "end" and not self._is(")") and not self._is("OR")

    def _signed(self, fields: list[str]) -> tuple[str, Clause]:
        sign = ""
        while self.kind == "operator" and self.text in ("NOT", "+", "-"):
            if self.text == "+":
                sign = sign or "+"
            else:
                sign = "" if sign == "-" else "-"
            self._next()
        return sign, self._part(fields)

    def _part(self, fields: list[str]) -> Clause:
        if self.kind == "field":
            fields = [_named(self.text)]
            self._next(_VALUE)
        if self._is("("):
            return self._nested(fields)
        if self.kind in ("operator", "field", "end"):
            raise self.error(f"something is missing before `{self.text}`" if self.text else "it breaks off")
        clauses = [self._make(field) for field in fields]
        self._advance()
        return _Group(should=clauses).clause()

    def _nested(self, fields: list[str]) -> Clause:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(f"it is nested more than {MAX_DEPTH} levels deep")
        self._next()
        found = self.alternatives(fields)
        if not self._is(")"):
            raise self.error("a `(` has no `)`")
        self._advance()
        self._depth -= 1
        return found

    def _make(self, field: str) -> Clause:
        makers: dict[str, Callable[[str, str], Clause]] = {"quoted": _phrase, "range": _range, "regexp": _regexp}
        return makers.get(self.kind, _word)(field, self.text)

    def _advance(self) -> None:
        """Go to the next token, past a weight such as `^2`, which only matters for the order of hits."""
        found = _SUFFIX.match(self._source, self._at)
        if found and found[1]:
            raise self.error(f"`{found[1]}` is not supported")
        self._at = found.end() if found else self._at
        self._next()

    def _is(self, operator: str) -> bool:
        return self.kind == "operator" and self.text == operator


def _phrase(field: str, text: str) -> Clause:
    return {"match_phrase": {field: _plain(text[1:-1])}}


def _range(field: str, text: str) -> Clause:
    low, high = (one.strip().strip('"') for one in re.split(r"\sTO\s", text[1:-1], maxsplit=1))
    bounds = {"gte" if text[0] == "[" else "gt": low, "lte" if text[-1] == "]" else "lt": high}
    return {"range": {field: {name: bound for name, bound in bounds.items() if bound != "*"}}}


def _regexp(field: str, text: str) -> Clause:
    return {"regexp": {field: text[1:-1]}}


def _word(field: str, text: str) -> Clause:
    if field == "_exists_":
        return {"exists": {"field": _plain(text)}}
    if text == "*":
        return {"match_all": {}} if field == "*" else {"exists": {"field": field}}
    comparison = _COMPARISON.fullmatch(text)
    if comparison:
        return {"range": {field: {_BOUNDS[comparison[1]]: _plain(comparison[2])}}}
    if re.search(r"(?<!\\)(?:\\\\)*[*?]", text):
        return {"wildcard": {field: text if field in EXACT else text.lower()}}
    return {"match": {field: _plain(text)}}


def _named(text: str) -> str:
    return "*" if text == "_all" else _plain(text)


def _plain(text: str) -> str:
    """The text without the backslashes before characters that mean themselves."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
