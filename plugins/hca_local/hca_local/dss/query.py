"""Elasticsearch queries as functions: understood once, then asked of one document after the other."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any

from hca_local.dss.fields import (
    EXACT,
    Document,
    Predicate,
    any_value,
    equals,
    has_field,
    in_range,
    keyword,
    words,
)

__all__ = ["Predicate", "QueryError", "parse_query"]

MAX_DEPTH = 50
# These change what is shown of the hits or in which order, which the DSS decides itself.
_IGNORED = frozenset({"_source", "sort", "search_after", "size", "from", "version", "explain", "track_scores"})
_BOUNDS = frozenset({"gte", "gt", "lte", "lt"})
_COUNT = re.compile(r"(-?[0-9]{1,9})(%?)")

Scalar = (str, int, float)  # bool is an int


class QueryError(ValueError):
    """The query is none that this service understands; the message names the part."""


def parse_query(search: Mapping[str, Any]) -> Predicate:
    """Return what decides whether a document is found by a search body.

    Raises:
        QueryError: it has a part that is unknown, or malformed.
    """
    unknown = sorted(search.keys() - _IGNORED - {"query"})
    if unknown:
        raise QueryError(f"[{unknown[0]}] is not supported at the top of a search.")
    return _match_all if search.get("query") is None else _clause(search["query"], 0, filtering=False)


def _clause(query: Any, depth: int, *, filtering: bool) -> Predicate:
    """`filtering` is whether the clause only decides about hits, never about their order."""
    if not isinstance(query, dict) or len(query) != 1:
        raise QueryError("A query is an object with one key, which names its kind.")
    if depth > MAX_DEPTH:
        raise QueryError(f"The query is nested more than {MAX_DEPTH} levels deep.")
    [(kind, body)] = query.items()
    if not isinstance(body, dict):
        raise QueryError(f"[{kind}] needs an object.")
    if kind == "bool":
        return _bool(body, depth + 1, filtering)
    if kind == "constant_score":
        _only(kind, body, "filter")
        return _clause(body.get("filter"), depth + 1, filtering=True)
    if kind not in _LEAVES:
        raise QueryError(f"There is no query [{kind[:100]}] here.")
    return _LEAVES[kind](body)


# ── combinations ──


def _bool(body: dict[str, Any], depth: int, filtering: bool) -> Predicate:
    _only("bool", body, "must", "should", "must_not", "filter", "minimum_should_match")

    def clauses(name: str, filtering: bool) -> list[Predicate]:
        given = body.get(name, [])
        return [_clause(one, depth, filtering=filtering) for one in (given if isinstance(given, list) else [given])]

    required = clauses("must", filtering) + clauses("filter", True)
    excluded = clauses("must_not", True)
    optional = clauses("should", filtering)
    least = _least(body.get("minimum_should_match"), len(optional), default=filtering or not required)

    def test(document: Document) -> bool:
        if not all(clause(document) for clause in required) or any(clause(document) for clause in excluded):
            return False
        return least <= 0 or sum(clause(document) for clause in optional) >= least

    return test


def _least(given: Any, optional: int, *, default: bool) -> int:
    """How many of the optional clauses have to be true."""
    if given is None:
        return int(default and optional > 0)
    found = _COUNT.fullmatch(str(given))
    if found is None or isinstance(given, bool):
        raise QueryError(f"[minimum_should_match] is a number or a percentage, not {str(given)[:100]!r}.")
    count = int(found[1])
    if found[2]:
        count = int(optional * count / 100)
    return count if count >= 0 else optional + count


# ── questions about one field ──


def _match_all(_document: Document) -> bool:
    return True


def _everything(body: dict[str, Any]) -> Predicate:
    _only("match_all", body)
    return _match_all


def _term(body: dict[str, Any]) -> Predicate:
    path, options = _field("term", body, "value")
    wanted = _scalar("term", options["value"])
    return any_value(path, equals(path, wanted), lambda found: wanted in found)


def _terms(body: dict[str, Any]) -> Predicate:
    body = {key: value for key, value in body.items() if key != "boost"}
    if len(body) != 1 or not isinstance(next(iter(body.values())), list):
        raise QueryError("[terms] needs one field with a list of values.")
    [(path, given)] = body.items()
    tests = [equals(path, _scalar("terms", value)) for value in given]
    return any_value(
        path, lambda value: any(test(value) for test in tests), lambda found: any(value in found for value in given)
    )


def _match(body: dict[str, Any]) -> Predicate:
    path, options = _field("match", body, "query", "operator")
    wanted, operator = _scalar("match", options["query"]), str(options.get("operator", "or")).lower()
    if operator not in ("or", "and"):
        raise QueryError("[match] has the operator `and` or `or`.")
    asked = set(words(str(wanted)))
    enough = asked.issubset if operator == "and" else lambda found: not asked.isdisjoint(found)
    return any_value(path, equals(path, wanted), lambda found: bool(asked) and enough(found))


def _range(body: dict[str, Any]) -> Predicate:
    path, options = _field("range", body, None, *_BOUNDS)
    bounds = {name: _bound(value) for name, value in options.items() if value is not None}
    test = in_range(path, bounds)
    return any_value(path, test, lambda found: any(map(test, found)))


def _bound(value: Any) -> Any:
    value = _scalar("range", value)
    if isinstance(value, str) and (value.startswith("now") or "||" in value):
        raise QueryError("[range] cannot calculate with dates here; give the date itself.")
    return value


def _exists(body: dict[str, Any]) -> Predicate:
    _only("exists", body, "field")
    path = body.get("field")
    if not isinstance(path, str):
        raise QueryError("[exists] needs the name of a `field`.")
    return has_field(path)


def _prefix(body: dict[str, Any]) -> Predicate:
    path, options = _field("prefix", body, "value")
    return _on_texts(path, str(_scalar("prefix", options["value"])), lambda start: lambda text: text.startswith(start))


def _wildcard(body: dict[str, Any]) -> Predicate:
    path, options = _field("wildcard", body, "value")
    return _on_texts(path, str(_scalar("wildcard", options["value"])), _pattern_test)


def _ids(body: dict[str, Any]) -> Predicate:
    _only("ids", body, "values", "type")
    wanted = body.get("values")
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise QueryError("[ids] needs a list of `values`.")
    known = set(wanted)
    return lambda document: f"{document['uuid']}.{document['manifest']['version']}" in known


_LEAVES: dict[str, Callable[[dict[str, Any]], Predicate]] = {
    "match_all": _everything,
    "term": _term,
    "terms": _terms,
    "match": _match,
    "range": _range,
    "exists": _exists,
    "prefix": _prefix,
    "wildcard": _wildcard,
    "ids": _ids,
}


# ── parts ──


def _on_texts(path: str, given: str, make: Callable[[str], Callable[[str], bool]]) -> Predicate:
    """Whole texts are compared in any case, words (which are in lower case) as they are given."""
    whole_test, word_test = make(given if path in EXACT else given.lower()), make(given)

    def on_value(value: Any) -> bool:
        known = keyword(path, value) if isinstance(value, str) else None
        return known is not None and whole_test(known)

    return any_value(path, on_value, lambda found: any(map(word_test, found)))


def _field(kind: str, body: dict[str, Any], short: str | None, *options: str) -> tuple[str, dict[str, Any]]:
    """The one field of a query and its options; a plain value stands for the option `short`."""
    if len(body) != 1:
        raise QueryError(f"[{kind}] needs exactly one field.")
    [(path, given)] = body.items()
    if not isinstance(given, dict):
        given = {short: given} if short else {"": given}
    _only(kind, given, *options, *((short,) if short else ()))
    if short and short not in given:
        raise QueryError(f"[{kind}] needs a [{short}] for {path[:100]!r}.")
    return path, {name: value for name, value in given.items() if name != "boost"}


def _scalar(kind: str, value: Any) -> Any:
    if not isinstance(value, Scalar):
        raise QueryError(f"[{kind}] compares with texts, numbers and booleans only.")
    return value


def _only(kind: str, body: Mapping[str, Any], *known: str) -> None:
    unknown = sorted(body.keys() - set(known) - {"boost"})
    if unknown:
        raise QueryError(f"[{kind}] has no [{unknown[0][:100]}] here.")


def _pattern_test(pattern: str) -> Callable[[str], bool]:
    """A test for texts that have a pattern with `*`, `?`, and backslash before characters that mean themselves."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    # fnmatch makes an expression that never goes back over what a star has taken, whatever the pattern is.
    expression = re.compile(fnmatch.translate("".join(part if part in "*?" else f"[{part[-1]}]" for part in parts)))
    return lambda text: expression.fullmatch(text) is not None
