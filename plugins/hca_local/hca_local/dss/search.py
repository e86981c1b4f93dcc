"""The search operation: which bundles match, a page of them at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from hca_local.dss.errors import bad_query, illegal
from hca_local.dss.query import QueryError, parse_query
from hca_local.dss.records import Records
from hca_local.router import Answer, Call, Handler, page

__all__ = ["Search"]

RAW_PAGE = 10
REMEMBERED = 8  # queries, so that walking through the pages of one reads all documents only once
_ANY_MOMENT = datetime(1970, 1, 1, tzinfo=timezone.utc)  # for queries without `now`, whose hits can be remembered

Key = tuple[str, str]  # uuid, version


class Search:
    """Handler of `/search`; `now` is what that word means in a query."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._hits = lru_cache(maxsize=REMEMBERED)(self._find)

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {"post_search": self.post}

    def post(self, call: Call) -> Answer:
        """Answer one page of hits, those with the greatest uuid first."""
        query, raw = call.body["es_query"], call.arguments["output_format"] == "raw"
        now = self._now()
        try:
            parse_query(query, now)
        except QueryError as error:
            raise bad_query(str(error)) from None
        text, replica = json.dumps(query), call.arguments["replica"]
        hits = self._hits(text, replica, self._records.revision(replica=replica), now if "now" in text else _ANY_MOMENT)
        start = _position(hits, call.arguments["search_after"])
        limit = RAW_PAGE if raw else call.arguments["per_page"]
        shown = hits[start : start + limit]
        results = [self._result(key, call, raw) for key in shown]
        following = {"search_after": ",".join(shown[-1])} if len(shown) == limit else None
        return page(call, {"es_query": query, "results": results, "total_hits": len(hits)}, "results", following)

    def _find(self, query: str, replica: str, _revision: tuple[int, ...], now: datetime) -> list[Key]:
        """All hits, the greatest first."""
        matches = parse_query(json.loads(query), now)
        return [
            (uuid, version) for uuid, version, document in self._records.documents(replica=replica) if matches(document)
        ]

    def _result(self, key: Key, call: Call, raw: bool) -> dict[str, Any]:
        uuid, version = key
        query = urlencode({"version": version, "replica": call.arguments["replica"]})
        result: dict[str, Any] = {
            "bundle_fqid": f"{uuid}.{version}",
            "bundle_url": f"{call.base_url}/bundles/{uuid}?{query}",
            "search_score": None,
        }
        return {**result, "metadata": self._records.document(key, replica=call.arguments["replica"])} if raw else result


def _position(hits: list[Key], search_after: str | None) -> int:
    """The index of the first hit that comes after the one named."""
    if search_after is None:
        return 0
    uuid, comma, version = search_after.partition(",")
    if not comma:
        raise illegal(f"search_after: {search_after[:100]!r} is not `<uuid>,<version>`.")
    after = (uuid.lower(), version)
    low, high = 0, len(hits)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if hits[middle] >= after else (low, middle)
    return low
