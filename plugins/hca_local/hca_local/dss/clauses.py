"""Elasticsearch clauses that ask about one field, as functions of a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from hca_local.dss.fields import EXACT, Predicate, any_value, equals, has_field, in_range, keyword, words
from hca_local.dss.least import least
from hca_local.dss.patterns import PatternError, regexp_test, wildcard_test

__all__ = ["LEAVES", "QueryError", "at_least", "match_all", "only", "ranges"]

_BOUNDS = frozenset({"gte", "gt", "lte", "lt"})
_OPERATORS = ("or", "and")
_UNIMPORTANT = frozenset({"boost", "_name"})  # for whether a document is found

Scalar = (str, int, float)  # bool is an int
Leaf = Callable[[dict[str, Any]], Predicate]
TextTest = Callable[[str], bool]


class QueryError(ValueError):
    """The query is none that this service understands; the message names the part."""


def match_all(_document: Mapping[str, Any]) -> bool:
    """Return that a document is found, whatever it is."""
    return True


def _everything(body: dict[str, Any]) -> Predicate:
    only("match_all", body)
    return match_all


def _nothing(body: dict[str, Any]) -> Predicate:
    only("match_none", body)
    return lambda _document: False


def _term(body: dict[str, Any]) -> Predicate:
    path, options = _field("term", body, "value")
    wanted = _scalar("term", options["value"])
    return any_value(path, equals(path, wanted), lambda found: wanted in found)


def _terms(body: dict[str, Any]) -> Predicate:
    body = {key: value for key, value in body.items() if key not in _UNIMPORTANT}
    if len(body) != 1 or not isinstance(next(iter(body.values())), list):
        raise QueryError("[terms] needs one field with a list of values.")
    [(path, given)] = body.items()
    tests = [equals(path, _scalar("terms", value)) for value in given]
    return any_value(
        path, lambda value: any(test(value) for test in tests), lambda found: any(value in found for value in given)
    )


def _match(body: dict[str, Any]) -> Predicate:
    path, options = _field("match", body, "query", "operator", "minimum_should_match")
    wanted, operator = _scalar("match", options["query"]), str(options.get("operator", "or")).lower()
    if operator not in _OPERATORS:
        raise QueryError("[match] has the operator `and` or `or`.")
    asked = set(words(str(wanted)))
    enough = len(asked) if operator == "and" else max(1, at_least(options.get("minimum_should_match", 1), len(asked)))
    return any_value(path, equals(path, wanted), lambda found: bool(asked) and len(asked.intersection(found)) >= enough)


def _match_phrase(body: dict[str, Any]) -> Predicate:
    path, options = _field("match_phrase", body, "query", "slop")
    wanted = _scalar("match_phrase", options["query"])
    if options.get("slop", 0) != 0:
        raise QueryError("[match_phrase] has no [slop] here: the words have to follow one another.")
    asked = words(str(wanted))
    return any_value(path, equals(path, wanted), lambda found: _follow(asked, found, last=str.__eq__))


def _match_phrase_prefix(body: dict[str, Any]) -> Predicate:
    path, options = _field("match_phrase_prefix", body, "query", "max_expansions")
    wanted = str(_scalar("match_phrase_prefix", options["query"]))
    asked = words(wanted)
    test = _text_test(path, _cased(path, wanted), lambda start: lambda text: text.startswith(start))
    return any_value(path, test, lambda found: _follow(asked, found, last=str.startswith))


def _follow(asked: list[str], found: list[str], *, last: Callable[[str, str], bool]) -> bool:
    """Whether the words that are asked for stand one after the other; the last one only has to pass `last`."""
    if not asked:
        return False
    inner, end = len(asked) - 1, asked[-1]
    starts = range(len(found) - inner)
    return any(found[start : start + inner] == asked[:-1] and last(found[start + inner], end) for start in starts)


def ranges(now: datetime) -> Leaf:
    """Return the reader of [range], in which `now` may be written."""

    def read(body: dict[str, Any]) -> Predicate:
        path, options = _field("range", body, None, *_BOUNDS)
        bounds = {name: _scalar("range", value) for name, value in options.items() if value is not None}
        test = in_range(path, bounds, now)
        return any_value(path, test, lambda found: any(map(test, found)))

    return read


def _exists(body: dict[str, Any]) -> Predicate:
    only("exists", body, "field")
    path = body.get("field")
    if not isinstance(path, str):
        raise QueryError("[exists] needs the name of a `field`.")
    return has_field(path)


def _prefix(body: dict[str, Any]) -> Predicate:
    path, options = _field("prefix", body, "value")
    start = str(_scalar("prefix", options["value"]))
    return _on_texts(path, start, lambda start: lambda text: text.startswith(start))


def _wildcard(body: dict[str, Any]) -> Predicate:
    path, options = _field("wildcard", body, "value")
    return _on_texts(path, str(_scalar("wildcard", options["value"])), wildcard_test)


def _regexp(body: dict[str, Any]) -> Predicate:
    path, options = _field("regexp", body, "value", "max_determinized_states")
    try:
        return _on_texts(path, str(_scalar("regexp", options["value"])), regexp_test)
    except PatternError as error:
        raise QueryError(f"[regexp]: {error}.") from None


def _ids(body: dict[str, Any]) -> Predicate:
    only("ids", body, "values", "type")
    wanted = body.get("values")
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise QueryError("[ids] needs a list of `values`.")
    known = set(wanted)
    return lambda document: f"{document['uuid']}.{document['manifest']['version']}" in known


LEAVES: Mapping[str, Leaf] = {
    "match_all": _everything,
    "match_none": _nothing,
    "term": _term,
    "terms": _terms,
    "match": _match,
    "match_phrase": _match_phrase,
    "match_phrase_prefix": _match_phrase_prefix,
    "exists": _exists,
    "prefix": _prefix,
    "wildcard": _wildcard,
    "regexp": _regexp,
    "ids": _ids,
}


# ── parts ──


def _on_texts(path: str, given: str, make: Callable[[str], TextTest]) -> Predicate:
    """Whole texts are compared in any case, words (which are in lower case) as they are given."""
    word_test = make(given)
    return any_value(path, _text_test(path, _cased(path, given), make), lambda found: any(map(word_test, found)))


def _text_test(path: str, given: str, make: Callable[[str], TextTest]) -> Callable[[Any], bool]:
    test = make(given)

    def on_value(value: Any) -> bool:
        known = keyword(path, value) if isinstance(value, str) else None
        return known is not None and test(known)

    return on_value


def _cased(path: str, given: str) -> str:
    return given if path in EXACT else given.lower()


def at_least(given: Any, optional: int) -> int:
    """Return how many of the optional clauses `minimum_should_match` demands."""
    try:
        return least(given, optional)
    except ValueError as error:
        raise QueryError(f"[minimum_should_match] cannot be understood: {error}.") from None


def _field(kind: str, body: dict[str, Any], short: str | None, *options: str) -> tuple[str, dict[str, Any]]:
    """The one field of a query and its options; a plain value stands for the option `short`."""
    if len(body) != 1:
        raise QueryError(f"[{kind}] needs exactly one field.")
    [(path, given)] = body.items()
    if not isinstance(given, dict):
        given = {short: given} if short else {"": given}
    only(kind, given, *options, *((short,) if short else ()))
    if short and short not in given:
        raise QueryError(f"[{kind}] needs a [{short}] for {path[:100]!r}.")
    return path, {name: value for name, value in given.items() if name not in _UNIMPORTANT}


def _scalar(kind: str, value: Any) -> Any:
    if not isinstance(value, Scalar):
        raise QueryError(f"[{kind}] compares with texts, numbers and booleans only.")
    return value


def only(kind: str, body: Mapping[str, Any], *known: str) -> None:
    """Refuse a clause with parts that are not known."""
    unknown = sorted(body.keys() - set(known) - _UNIMPORTANT)
    if unknown:
        raise QueryError(f"[{kind}] has no [{unknown[0][:100]}] here.")
