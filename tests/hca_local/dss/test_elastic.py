"""Searches that a server for that purpose answers: a small one that keeps documents and understands our queries."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION

from hca_core.errors import HcaError
from hca_core.testing import Answer, FakeServer, Request
from hca_local.dss.query import QueryError, parse_query

FQID = f"{BUNDLE_UUID}.{BUNDLE_VERSION}"
PATH = f"/bundles/{BUNDLE_UUID}"


def error(status: int, type: str, reason: str) -> Answer:
    cause = {"type": type, "reason": reason}
    return Answer.json({"error": {"root_cause": [cause], **cause}, "status": status}, status)


class Elastic:
    """As much of Elasticsearch as is needed here, in two indices."""

    def __init__(self, server: FakeServer, index: str) -> None:
        self.server = server
        self.index = index  # the path of both, without the replica
        self.documents: dict[str, dict[str, Any]] = {}
        self.refused: set[str] = set()
        self.indexed = threading.Semaphore(0)

    def serve(self) -> None:
        for replica in ("aws", "gcp"):
            self.server.on("PUT", f"{self.index}-{replica}", self._create)
            self.server.on("POST", f"{self.index}-{replica}/_bulk", self._bulk)
            self.server.on("POST", f"{self.index}-{replica}/_search", self._search)

    def answer(self, answer: Answer) -> None:
        """Answer everything like that."""
        for replica in ("aws", "gcp"):
            for method, path in (("PUT", ""), ("POST", "/_bulk"), ("POST", "/_search")):
                self.server.on(method, f"{self.index}-{replica}{path}", answer)

    def _create(self, request: Request) -> Answer:
        if request.path in self.documents:
            return error(400, "resource_already_exists_exception", "index already exists")
        assert request.json()["mappings"]["properties"]["uuid"] == {"type": "keyword"}
        self.documents[request.path] = {}
        return Answer.json({"acknowledged": True})

    def _bulk(self, request: Request) -> Answer:
        lines = [json.loads(line) for line in request.body.decode().splitlines()]
        items: list[dict[str, Any]] = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            item = {"_id": action["index"]["_id"]}
            if item["_id"] in self.refused:
                item["error"] = {"type": "mapper_parsing_exception", "reason": "it does not fit"}
            else:
                self.documents[request.path.removesuffix("/_bulk")][item["_id"]] = document
            items.append({"index": item})
        self.indexed.release()
        return Answer.json({"errors": bool(self.refused), "items": items})

    def _search(self, request: Request) -> Answer:
        body = request.json()
        after, size = body.pop("search_after", None), body.pop("size")
        assert body.pop("sort") == [{"uuid": "desc"}, {"manifest.version": "desc"}]
        assert body.pop("_source") is False
        assert body.pop("track_total_hits") is True
        try:
            matches = parse_query(body, datetime.now(timezone.utc))
        except QueryError as wrong:
            return error(400, "parsing_exception", str(wrong))
        documents = filter(matches, self.documents[request.path.removesuffix("/_search")].values())
        found = sorted(([one["uuid"], one["manifest"]["version"]] for one in documents), reverse=True)
        shown = [key for key in found if after is None or key < after][:size]
        hits = [{"_id": ".".join(key), "_score": None, "sort": key} for key in shown]
        return Answer.json({"hits": {"total": {"value": len(found), "relation": "eq"}, "hits": hits}})


@pytest.fixture
def elastic(dss: Any) -> Iterator[Elastic]:
    """A server that the service uses."""
    name = hashlib.sha256(str(dss.folder / "dss").encode()).hexdigest()[:12]
    with FakeServer() as server:
        elastic = Elastic(server, f"/hca-{name}")
        elastic.serve()
        dss.reopen(elasticsearch_url=f"{server.url}/")
        yield elastic
        dss.reopen()


def search(dss: Any, query: Any, replica: str = "aws", **more: Any) -> Any:
    return dss.send("POST", "/search", user=None, body={"es_query": query}, replica=replica, **more)


def found(dss: Any, query: Any, replica: str = "aws") -> list[str]:
    answer = search(dss, query, replica)
    assert answer.status_code == 200, answer.text
    return [hit["bundle_fqid"] for hit in answer.json()["results"]]


LUNG = {"query": {"match": {"files.project_json.project_core.project_short_name": "demo-lung"}}}


@pytest.mark.parametrize("replica", ["aws", "gcp"])
def test_finds_what_is_there(dss: Any, elastic: Elastic, replica: str) -> None:
    assert found(dss, {}, replica) == []
    dss.put_example()
    assert found(dss, LUNG, replica) == [FQID]
    assert found(dss, {"query": {"term": {"uuid": "x"}}}, replica) == []
    [hit] = search(dss, LUNG, replica, output_format="raw").json()["results"]
    assert hit["metadata"]["uuid"] == BUNDLE_UUID
    assert hit["metadata"] == elastic.documents[f"{elastic.index}-{replica}"][FQID]


def test_pages(dss: Any, elastic: Elastic) -> None:
    uuids = dss.put_many(23)
    answers = [search(dss, {}, per_page=10)]
    while answers[-1].status_code == 206:
        link = answers[-1].headers["Link"].partition(">")[0].strip("<")
        answers.append(dss.send("POST", link, body={"es_query": {}}))
    assert [answer.json()["total_hits"] for answer in answers] == [23] * 3
    hits = [hit["bundle_fqid"].partition(".")[0] for answer in answers for hit in answer.json()["results"]]
    assert hits == sorted(uuids, reverse=True)


def test_some_things_a_query_does_not_decide(dss: Any, elastic: Elastic) -> None:
    dss.put_many(3)
    query = {"from": 2, "size": 0, "_source": True, "sort": ["_doc"], "search_after": ["x"]}
    assert len(found(dss, query)) == 3


def test_a_deleted_bundle_is_known_as_such(dss: Any, elastic: Elastic) -> None:
    dss.put_example()
    assert found(dss, {}) == [FQID]
    dss.send("DELETE", PATH, user="root", body={"reason": "x"}, replica="aws")
    assert found(dss, LUNG) == []
    assert found(dss, {"query": {"term": {"admin_deleted": True}}}) == [FQID]


def test_each_replica_has_an_index_of_its_own(dss: Any, elastic: Elastic) -> None:
    files = dss.put_files()
    dss.reopen(elasticsearch_url=elastic.server.url, replication_seconds=60)
    dss.put_bundle(files)
    assert (found(dss, {}, "aws"), found(dss, {}, "gcp")) == ([FQID], [])
    dss.wait(60)
    assert found(dss, {}, "gcp") == [FQID]


def test_bundles_are_indexed_before_anybody_searches(dss: Any, elastic: Elastic) -> None:
    dss.put_example()
    for _ in ("aws", "gcp"):
        assert elastic.indexed.acquire(timeout=5)
    assert FQID in elastic.documents[f"{elastic.index}-gcp"]


def test_what_is_indexed_is_not_sent_again(dss: Any, elastic: Elastic) -> None:
    dss.put_many(3)
    found(dss, {})
    found(dss, {}, "gcp")
    before = elastic.server.count("POST", f"{elastic.index}-aws/_bulk")
    assert len(found(dss, {})) == 3
    assert elastic.server.count("POST", f"{elastic.index}-aws/_bulk") == before


def test_indices_are_used_again_after_a_restart(dss: Any, elastic: Elastic) -> None:
    dss.put_example()
    assert found(dss, {}) == [FQID]
    dss.reopen(elasticsearch_url=elastic.server.url)
    assert found(dss, {}) == [FQID]


def test_a_query_that_is_not_understood(dss: Any, elastic: Elastic) -> None:
    answer = search(dss, {"query": {"mtch": {}}})
    assert (answer.status_code, answer.json()["code"]) == (400, "elasticsearch_bad_request")
    assert answer.json()["title"].startswith("parsing_exception: ")


def test_a_document_that_does_not_fit_is_left_out(dss: Any, elastic: Elastic, caplog: pytest.LogCaptureFixture) -> None:
    elastic.refused.add(FQID)
    dss.put_example()
    [other] = dss.put_many(1)
    with caplog.at_level(logging.WARNING):
        assert [one.partition(".")[0] for one in found(dss, {})] == [other]
    assert f"Bundle {FQID} cannot be searched: mapper_parsing_exception: it does not fit" in caplog.text


STRANGE = {
    "busy": (error(503, "unavailable", "no shard"), "503: unavailable: no shard"),
    "not found": (error(404, "index_not_found_exception", "no such index"), "404: index_not_found_exception"),
    "no JSON": (Answer(200, b"<html>"), "JSONDecodeError"),
    "no object": (Answer.json([1]), "200"),
    "no hits": (Answer.json({"took": 1}), "no hits"),
    "odd hits": (Answer.json({"hits": {"total": {"value": 1}, "hits": [{"sort": 1}]}}), "no hits"),
    "elsewhere": (Answer.redirect("http://127.0.0.1:9/"), "JSONDecodeError"),
    "silence": (Answer(hang_up=True), "ConnectionError"),
}


@pytest.mark.parametrize(("answer", "reason"), STRANGE.values(), ids=STRANGE)
def test_a_server_that_does_not_work(dss: Any, elastic: Elastic, answer: Answer, reason: str) -> None:
    elastic.answer(answer)
    refused = search(dss, {})
    assert (refused.status_code, refused.json()["code"]) == (502, "elasticsearch_error")
    assert reason in refused.json()["title"]
    assert refused.headers["Retry-After"]


def test_writing_goes_on_without_the_server_and_finding_when_it_is_back(dss: Any, elastic: Elastic) -> None:
    elastic.answer(Answer(hang_up=True))
    dss.put_example()
    assert search(dss, {}).status_code == 502
    elastic.serve()
    assert found(dss, {}) == [FQID]
    elastic.documents.clear()
    elastic.answer(error(503, "unavailable", "it starts anew"))
    assert search(dss, {}).status_code == 502
    elastic.serve()
    assert found(dss, {}) == [FQID]


def test_the_password_of_the_server_stays_secret(dss: Any) -> None:
    dss.reopen(elasticsearch_url="http://user:s3cret@127.0.0.1:9")
    answer = search(dss, {})
    assert answer.status_code == 502
    assert "127.0.0.1:9 " in answer.text
    assert "s3cret" not in answer.text


@pytest.mark.parametrize("url", ["127.0.0.1:9200", "ftp://a", "http://", "http://a:b", "http://[", ""])
def test_an_address_that_is_none(dss: Any, url: str) -> None:
    with pytest.raises(HcaError, match="address of the search server"):
        dss.reopen(elasticsearch_url=url)
    dss.reopen()
