"""The search operation: which bundles match, a page of them at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlencode

from hca_local.dss.errors import bad_query, illegal
from hca_local.dss.query import QueryError, parse_query
from hca_local.dss.records import Key, Records
from hca_local.router import Answer, Call, Handler, page

__all__ = ["Hits", "OwnSearch", "Search", "SearchBackend"]

RAW_PAGE = 10
REMEMBERED = 8  # queries, so that walking through the pages of one reads all documents only once
_ANY_MOMENT = datetime(1970, 1, 1, tzinfo=timezone.utc)  # for queries without `now`, whose hits can be remembered


@dataclass(frozen=True)
class Hits:
    """Some of the bundles that match a query, and how many there are in all."""

    keys: Sequence[Key]
    total: int


class SearchBackend(Protocol):
    """Whoever finds bundles."""

    def find(self, query: Mapping[str, Any], replica: str, after: Key | None, limit: int) -> Hits:
        """Return the first `limit` bundles of a replica that match and come behind `after`, the greatest uuid first.

        Raises:
            Problem: the query cannot be understood, or nobody can be asked.
        """

    def bundles_changed(self) -> None:
        """Take note that a bundle was written or deleted."""

    def close(self) -> None:
        """Stop; nothing may be asked afterwards."""


class Search:
    """Handler of `/search`."""

    def __init__(self, backend: SearchBackend, records: Records) -> None:
        self._backend = backend
        self._records = records

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {"post_search": self.post}

    def post(self, call: Call) -> Answer:
        """Answer one page of hits, those with the greatest uuid first."""
        query, raw = call.body["es_query"], call.arguments["output_format"] == "raw"
        after = _position(call.arguments["search_after"])
        limit = RAW_PAGE if raw else call.arguments["per_page"]
        hits = self._backend.find(query, call.arguments["replica"], after, limit)
        results = [self._result(key, call, raw) for key in hits.keys]
        following = {"search_after": ",".join(hits.keys[-1])} if len(hits.keys) == limit else None
        return page(call, {"es_query": query, "results": results, "total_hits": hits.total}, "results", following)

    def _result(self, key: Key, call: Call, raw: bool) -> dict[str, Any]:
        uuid, version = key
        query = urlencode({"version": version, "replica": call.arguments["replica"]})
        result: dict[str, Any] = {
            "bundle_fqid": f"{uuid}.{version}",
            "bundle_url": f"{call.base_url}/bundles/{uuid}?{query}",
            "search_score": None,
        }
        return {**result, "metadata": self._records.document(key, replica=call.arguments["replica"])} if raw else result


class OwnSearch:
    """Finds bundles by comparing the query with the document of each; `now` is what that word means in a query."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._hits = lru_cache(maxsize=REMEMBERED)(self._find)

    def find(self, query: Mapping[str, Any], replica: str, after: Key | None, limit: int) -> Hits:
        """Return a page of hits."""
        now = self._now()
        try:
            parse_query(query, now)
        except QueryError as error:
            raise bad_query(str(error)) from None
        text = json.dumps(query)
        hits = self._hits(text, replica, self._records.revision(replica=replica), now if "now" in text else _ANY_MOMENT)
        start = 0 if after is None else _first_behind(hits, after)
        return Hits(hits[start : start + limit], len(hits))

    def bundles_changed(self) -> None:
        """Nothing to do: the records tell."""

    def close(self) -> None:
        """Nothing to do: the records are closed by who opened them."""

    def _find(self, query: str, replica: str, _revision: tuple[int, ...], now: datetime) -> list[Key]:
        """All hits, the greatest first."""
        matches = parse_query(json.loads(query), now)
        return [
            (uuid, version) for uuid, version, document in self._records.documents(replica=replica) if matches(document)
        ]


def _position(search_after: str | None) -> Key | None:
    if search_after is None:
        return None
    uuid, comma, version = search_after.partition(",")
    if not comma:
        raise illegal(f"search_after: {search_after[:100]!r} is not `<uuid>,<version>`.")
    return uuid.lower(), version


def _first_behind(hits: Sequence[Key], after: Key) -> int:
    """The index of the first hit that comes after the one named."""
    low, high = 0, len(hits)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if hits[middle] >= after else (low, middle)
    return low
