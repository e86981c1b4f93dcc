"""Reads records with GraphQL page by page, because a commons sends no more than ten unless told otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from hca_core.errors import ApiError, ArgumentError, NotFoundError
from hca_core.redact import readable, redact
from hca_gen3.commons import redacted

__all__ = ["PAGE", "Asker", "QueryError", "linked", "read_answer", "records"]

PAGE = 500
"""How many records one request asks for."""

_MOST = 1000  # characters of a commons' words
_NAME = re.compile(r"[A-Za-z][_0-9A-Za-z]*", re.ASCII)
Where = Mapping[str, str | Sequence[str]]


class QueryError(ApiError):
    """A commons refuses a GraphQL query; `errors` are its words."""

    def __init__(self, message: str, *, errors: Sequence[str] = (), **about: Any) -> None:
        super().__init__(message, **about)
        self.errors = list(errors)


class Asker(Protocol):
    """What can be asked: a `Querier`."""

    def graphql_query(self, query_string: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the data that answer a query."""


def records(
    asker: Asker, node: str, fields: Sequence[str], *, where: Where | None = None, page: int = PAGE
) -> Iterator[dict[str, Any]]:
    """Yield all records of a node type, by id, however many they are; `page` of them are asked for at a time.

    A field `experiments.submitter_id` is that of all records linked to as `experiments`. `where` has the values that
    properties must have, for example `{"project_id": "demo-12L"}`.

    Raises:
        ArgumentError: a name is not one that GraphQL knows.
        QueryError: the commons refuses the query.
        ApiError: it leaves records out, or says nonsense.
    """
    query = _query(_checked(node), fields, where or {})

    def ask(offset: int) -> tuple[list[dict[str, Any]], int]:
        answer = asker.graphql_query(query, {**(where or {}), "first": page, "offset": offset})
        return _list(answer, node), _count(answer, node)

    yield from _pages(ask, node, "id" in fields)


def linked(
    asker: Asker, node: str, link: str, fields: Sequence[str], *, where: Where, page: int = PAGE
) -> Iterator[dict[str, Any]]:
    """Yield all records that one record of type `node` links to as `link`; `where` says which one.

    Otherwise this is as `records`.

    Raises:
        NotFoundError: there is no such record.
        ArgumentError: there are several.
    """
    query = _query(_checked(node), fields, where, _checked(link))

    def ask(offset: int) -> tuple[list[dict[str, Any]], int]:
        answer = asker.graphql_query(query, {**where, "first": page, "offset": offset})
        owner = _only(_list(answer, node), node, where)
        return _list(owner, link), _count(owner, link)

    yield from _pages(ask, f"{node}.{link}", "id" in fields)


def read_answer(document: Any, *, status: int, url: str) -> dict[str, Any]:
    """Return the data of an answer to a query.

    Raises:
        QueryError: the commons tells errors instead.
        ApiError: it tells neither.
    """
    found = document if isinstance(document, dict) else {}
    if found.get("errors"):
        told = found["errors"] if isinstance(found["errors"], list) else [found["errors"]]
        errors = [redact(error.get("message", error) if isinstance(error, dict) else error) for error in told]
        raise QueryError(
            f"The commons refuses the query: {readable('; '.join(errors), _MOST).rstrip('.')}.",
            errors=errors,
            status=status,
            details=redacted(document),
            url=url,
            hint=_hint(errors),
        )
    if status >= 400 or not isinstance(found.get("data"), dict):
        said = readable(found.get("message") or "it says neither data nor errors", _MOST).rstrip(".")
        sentence = f"The commons does not answer the query: {said}."
        raise ApiError(sentence, status=status, details=redacted(document), url=url)
    return dict(found["data"])


def _hint(errors: Sequence[str]) -> str | None:
    if any("[String]" in error and re.search("['\"]String['\"]", error) for error in errors):
        return "Arguments that are properties are lists: declare their variables as [String]."
    return None


def _query(node: str, fields: Sequence[str], where: Where, link: str | None = None) -> str:
    """Return the text of a query for one page of `node`, or of what its record links to as `link`."""
    conditions = [_checked(name) for name in where]
    declared = [f"${name}: [String]" for name in conditions] + ["$first: Int", "$offset: Int"]
    given = [f"{name}: ${name}" for name in conditions]
    page = ["first: $first", "offset: $offset", 'order_by_asc: "id"']
    chosen = _selection(["id", *fields])
    if link is None:
        body = f"_{node}_count{_arguments(given)} {node}{_arguments([*given, *page])} {{ {chosen} }}"
    else:
        inner = f"id _{link}_count {link}{_arguments(page)} {{ {chosen} }}"
        body = f"{node}{_arguments([*given, 'first: 2'])} {{ {inner} }}"
    return f"query ({', '.join(declared)}) {{ {body} }}"


def _arguments(given: Sequence[str]) -> str:
    return f"({', '.join(given)})" if given else ""


def _selection(fields: Sequence[str]) -> str:
    """Return the fields as GraphQL selects them; of what is linked to, all records."""
    below: dict[str, list[str]] = {}
    for name in fields:
        first, _, rest = name.partition(".")
        below.setdefault(_checked(first), []).extend([rest] if rest else [])
    return " ".join(f"{name}(first: 0) {{ {_selection(rest)} }}" if rest else name for name, rest in below.items())


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ArgumentError(f"{name!r} is not a name of a node type or a property.")
    return name


def _pages(
    ask: Callable[[int], tuple[list[dict[str, Any]], int]], what: str, with_id: bool
) -> Iterator[dict[str, Any]]:
    """Yield what all pages hold, each record once.

    Records that are added meanwhile move those behind them to the next page; removed ones make others be left out,
    which is told.
    """
    offset = told = 0
    expected: int | None = None
    before: set[str] = set()
    while True:
        page, count = ask(offset)
        expected = count if expected is None else expected
        fresh = [row for row in page if row["id"] not in before]
        yield from fresh if with_id else ({name: row[name] for name in row if name != "id"} for row in fresh)
        told, offset, before = told + len(fresh), offset + len(page), {row["id"] for row in page}
        if not page or offset >= count:
            break
        if not fresh:
            raise ApiError(f"The commons sends the same records of {what} again and again.", status=200)
    if told < expected:
        hint = "They may have changed meanwhile: try again."
        raise ApiError(f"Only {told} of {expected} records of {what} came.", status=200, hint=hint)


def _only(owners: Sequence[dict[str, Any]], node: str, where: Where) -> dict[str, Any]:
    which = " and ".join(f"{name} {value}" for name, value in where.items())
    if not owners:
        raise NotFoundError(f"The commons has no {node} with {which}, or you may not see it.", status=404)
    if len(owners) > 1:
        raise ArgumentError(f"The commons has more than one {node} with {which}.", hint="Say of which project.")
    return owners[0]


def _list(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = answer.get(name)
    if not isinstance(found, list) or not all(
        isinstance(row, dict) and isinstance(row.get("id"), str) for row in found
    ):
        raise ApiError(f"The commons sends no list of records as {name}.", status=200, details=redacted(answer))
    return found


def _count(answer: Mapping[str, Any], name: str) -> int:
    found = answer.get(f"_{name}_count")
    if not isinstance(found, int):
        sentence = f"The commons does not say how many {name} there are."
        raise ApiError(sentence, status=200, details=redacted(answer))
    return found
