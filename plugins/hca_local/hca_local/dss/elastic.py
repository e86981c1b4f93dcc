"""Has a real Elasticsearch or OpenSearch find bundles: keeps its indices up to date, and passes queries on."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import requests

from hca_core.errors import HcaError
from hca_local.dss.errors import bad_query
from hca_local.dss.model import REPLICAS
from hca_local.dss.records import Key, Records
from hca_local.dss.search import Hits
from hca_local.problem import Problem

__all__ = ["ElasticSearch"]

log = logging.getLogger(__name__)

TIMEOUT = 30  # seconds of silence
GRACE = 1  # seconds that a request has to end when the service closes
BATCH = 200  # documents in one request
_OWN = ("_source", "sort", "search_after", "from", "size")  # what a query may not decide

# A text is compared as a whole, whatever its case; `.text` beside it is split into words.
_TEXT = {
    "type": "keyword",
    "normalizer": "lower",
    "ignore_above": 256,
    "fields": {"text": {"type": "text"}},
}
_INDEX = {
    "settings": {
        "number_of_replicas": 0,
        "index.mapping.total_fields.limit": 10_000,
        "index.mapping.ignore_malformed": True,
        "analysis": {"normalizer": {"lower": {"type": "custom", "filter": ["lowercase"]}}},
    },
    "mappings": {
        "dynamic_templates": [{"texts": {"match_mapping_type": "string", "mapping": _TEXT}}],
        "properties": {
            "uuid": {"type": "keyword"},
            "manifest": {"properties": {"version": {"type": "keyword"}}},
        },
    },
}


class ElasticSearch:
    """Finds bundles with the server at `url` (version 7 or newer), in an index for each replica: `<name>-aws`.

    What is in the indices is brought up to date before each search, and soon after `bundles_changed`.

    Raises:
        HcaError: `url` is no address.
    """

    def __init__(self, url: str, records: Records, *, name: str, timeout: float = TIMEOUT) -> None:
        self._url = url.rstrip("/")
        self._place = _place(url)
        self._records = records
        self._name = name
        self._timeout = timeout
        self._indexed: dict[str, dict[Key, bool]] = {}  # what is in each index, and whether it is dead
        self._indexing = threading.Lock()
        self._changed = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._follow, name="elasticsearch", daemon=True)
        self._thread.start()

    def find(self, query: Mapping[str, Any], replica: str, after: Key | None, limit: int) -> Hits:
        """Return a page of hits."""
        self._update(replica)
        body = {key: value for key, value in query.items() if key not in _OWN}
        body |= {"_source": False, "size": limit, "track_total_hits": True}
        body["sort"] = [{"uuid": "desc"}, {"manifest.version": "desc"}]
        if after is not None:
            body["search_after"] = list(after)
        answer = self._ask("POST", f"/{self._index(replica)}/_search", body)
        try:
            return _hits(answer)
        except (KeyError, TypeError, ValueError):
            raise self._no_answer("there are no hits in it") from None

    def bundles_changed(self) -> None:
        """Bring the indices up to date soon."""
        self._changed.set()

    def close(self) -> None:
        """Stop; the indices stay as they are."""
        self._closing = True
        self._changed.set()
        self._thread.join(GRACE)

    # ── indices ──

    def _follow(self) -> None:
        while self._changed.wait() and not self._closing:
            self._changed.clear()
            try:
                for replica in REPLICAS:
                    self._update(replica)
            except Problem as problem:
                log.warning("Bundles are not indexed yet: %s", problem.title)
            except Exception:
                log.exception("Bundles are not indexed yet")

    def _update(self, replica: str) -> None:
        """Index what has changed since the last time; in the first place, everything."""
        with self._indexing:
            known = self._indexed.get(replica)
            if known is None:
                self._create(replica)
                known = self._indexed[replica] = {}
            states = self._records.states(replica=replica)
            changed = iter([key for key, dead in states.items() if known.get(key) is not dead])
            while batch := list(islice(changed, BATCH)):
                self._put(replica, batch)
                known.update({key: states[key] for key in batch})

    def _create(self, replica: str) -> None:
        try:
            self._ask("PUT", f"/{self._index(replica)}", _INDEX)
        except Problem as problem:
            if "already_exists" not in problem.title:
                raise

    def _put(self, replica: str, keys: Iterable[Key]) -> None:
        lines = (line for key in keys for line in self._lines(replica, key))
        answer = self._ask("POST", f"/{self._index(replica)}/_bulk?refresh=true", "".join(f"{one}\n" for one in lines))
        for item in answer.get("items", ()):
            if "error" in item["index"]:
                log.warning("Bundle %s cannot be searched: %s", item["index"]["_id"], _reason(item["index"]))

    def _lines(self, replica: str, key: Key) -> Iterator[str]:
        yield json.dumps({"index": {"_id": ".".join(key)}})
        yield json.dumps(self._records.document(key, replica=replica))

    def _index(self, replica: str) -> str:
        return f"{self._name}-{replica}"

    # ── the server ──

    def _ask(self, method: str, path: str, body: Any) -> Any:
        """Its answer.

        Raises:
            Problem: 400 if the server does not like the request, else 502.
        """
        text, kind = (body, "x-ndjson") if isinstance(body, str) else (json.dumps(body), "json")
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.request(
                    method,
                    self._url + path,
                    data=text.encode(),
                    headers={"Content-Type": f"application/{kind}"},
                    timeout=self._timeout,
                    allow_redirects=False,
                )
                document = answer.json()
            except (requests.RequestException, ValueError) as error:
                raise self._no_answer(type(error).__name__) from None
        if answer.status_code == 400:
            raise bad_query(_reason(document))
        if answer.status_code >= 300 or not isinstance(document, dict):
            raise self._no_answer(f"{answer.status_code}: {_reason(document)}")
        return document

    def _no_answer(self, reason: str) -> Problem:
        self._indexed.clear()  # nobody knows what is still there when it comes back
        # The address may hold a password.
        parts = urlsplit(self._url)
        where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        return Problem(
            502, "elasticsearch_error", f"The search server at {where} does not answer as it should: {reason}."
        )


def _place(url: str) -> str:
    """Host and port of an address, without the password that may be in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise HcaError("The address of the search server is none.", hint="It looks like http://127.0.0.1:9200.")
    return parts.hostname if port is None else f"{parts.hostname}:{port}"


def _hits(answer: Mapping[str, Any]) -> Hits:
    found = answer["hits"]
    keys = [(str(uuid), str(version)) for uuid, version in (hit["sort"] for hit in found["hits"])]
    return Hits(keys, int(found["total"]["value"]))


def _reason(document: Any) -> str:
    """What a server says is wrong: the type and the text of the first cause."""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        causes = error.get("root_cause")
        cause = causes[0] if isinstance(causes, list) and causes and isinstance(causes[0], dict) else error
        return f"{cause.get('type')}: {cause.get('reason')}"[:1000]
    return str(error or "it gives no reason")[:1000]
