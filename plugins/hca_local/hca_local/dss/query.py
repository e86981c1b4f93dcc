"""Elasticsearch queries as functions: understood once, then asked of one document after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from hca_local.dss.clauses import LEAVES, QueryError, at_least, match_all, only, ranges
from hca_local.dss.fields import Document, Predicate
from hca_local.dss.querystring import QueryStringError, to_clause

__all__ = ["Predicate", "QueryError", "parse_query"]

MAX_DEPTH = 50
# These change what is shown of the hits or in which order, which the DSS decides itself.
_IGNORED = frozenset({"_source", "sort", "search_after", "size", "from", "version", "explain", "track_scores"})
_EVERY_FIELD = "*"
# How the texts of [multi_match] are compared in each field, by `type`.
_KINDS = {
    "best_fields": "match",
    "most_fields": "match",
    "phrase": "match_phrase",
    "phrase_prefix": "match_phrase_prefix",
}


def parse_query(search: Mapping[str, Any], now: datetime) -> Predicate:
    """Return what decides whether a document is found by a search body, in which `now` may be written.

    Raises:
        QueryError: it has a part that is unknown, or malformed.
    """
    unknown = sorted(search.keys() - _IGNORED - {"query"})
    if unknown:
        raise QueryError(f"[{unknown[0][:100]}] is not supported at the top of a search.")
    return match_all if search.get("query") is None else _Reader(now).clause(search["query"], 0, filtering=False)


class _Reader:
    """Reads clauses that have others in them, or stand for others."""

    def __init__(self, now: datetime) -> None:
        self._leaves = {**LEAVES, "range": ranges(now)}
        self._rewritten: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "multi_match": _multi_match,
            "query_string": _query_string,
        }

    def clause(self, query: Any, depth: int, *, filtering: bool) -> Predicate:
        """`filtering` is whether the clause only decides about hits, never about their order."""
        if not isinstance(query, dict) or len(query) != 1:
            raise QueryError("A query is an object with one key, which names its kind.")
        if depth > MAX_DEPTH:
            raise QueryError(f"The query is nested more than {MAX_DEPTH} levels deep.")
        [(kind, body)] = query.items()
        if not isinstance(body, dict):
            raise QueryError(f"[{kind[:100]}] needs an object.")
        if kind == "bool":
            return self._bool(body, depth + 1, filtering)
        if kind == "constant_score":
            only(kind, body, "filter")
            return self.clause(body.get("filter"), depth + 1, filtering=True)
        if kind in self._rewritten:
            return self.clause(self._rewritten[kind](body), depth + 1, filtering=filtering)
        if kind not in self._leaves:
            raise QueryError(f"There is no query [{kind[:100]}] here.")
        return self._leaves[kind](body)

    def _bool(self, body: dict[str, Any], depth: int, filtering: bool) -> Predicate:
        only("bool", body, "must", "should", "must_not", "filter", "minimum_should_match", "adjust_pure_negative")

        def clauses(name: str, filtering: bool) -> list[Predicate]:
            given = body.get(name, [])
            return [self.clause(one, depth, filtering=filtering) for one in _as_list(given)]

        required = clauses("must", filtering) + clauses("filter", True)
        excluded = clauses("must_not", True)
        optional = clauses("should", filtering)
        given = body.get("minimum_should_match")
        needed = (
            int(bool(optional) and (filtering or not required)) if given is None else at_least(given, len(optional))
        )

        def test(document: Document) -> bool:
            if not all(clause(document) for clause in required) or any(clause(document) for clause in excluded):
                return False
            return needed <= 0 or sum(clause(document) for clause in optional) >= needed

        return test


# ── clauses that stand for others ──


def _multi_match(body: dict[str, Any]) -> dict[str, Any]:
    only("multi_match", body, "query", "fields", "type", "operator", "minimum_should_match", "tie_breaker", "slop")
    kind = body.get("type", "best_fields")
    if "query" not in body:
        raise QueryError("[multi_match] needs a [query].")
    if kind not in _KINDS:
        raise QueryError(f"[multi_match] has no [type] {str(kind)[:100]!r} here, only {', '.join(_KINDS)}.")
    options = {name: body[name] for name in ("query", "operator", "minimum_should_match", "slop") if name in body}
    clauses = [{_KINDS[kind]: {field: options}} for field in _fields("multi_match", body)]
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def _query_string(body: dict[str, Any]) -> dict[str, Any]:
    only("query_string", body, "query", "default_field", "fields", "default_operator", "analyze_wildcard",
         "allow_leading_wildcard", "lenient")  # fmt: skip
    text, operator = body.get("query"), str(body.get("default_operator", "or")).upper()
    if not isinstance(text, str):
        raise QueryError("[query_string] needs a text as [query].")
    if operator not in ("AND", "OR"):
        raise QueryError("[query_string] has the [default_operator] `and` or `or`.")
    try:
        return to_clause(text, _fields("query_string", body), operator)
    except QueryStringError as error:
        raise QueryError(f"[query_string]: {error}") from None


def _fields(kind: str, body: dict[str, Any]) -> list[str]:
    """The fields to look into, without their weights; all if none is named."""
    given = _as_list(body.get("fields") or body.get("default_field") or _EVERY_FIELD)
    if not all(isinstance(field, str) for field in given):
        raise QueryError(f"[{kind}] needs names of fields.")
    names = [field.partition("^")[0] for field in given]
    return [_EVERY_FIELD if name == "_all" else name for name in names]


def _as_list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]
