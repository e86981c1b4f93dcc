"""The DSS answers whatever is asked as its description says."""

from __future__ import annotations

from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, FILE_VERSION, entries

pytest.importorskip("schemathesis")  # which needs a newer Python than we do
from conformance import SETTINGS, Record, Served, check, described

API = described("hca_dss:data/dss-api.json")
COLLECTION = "c0113c70-0000-4000-8000-000000000001"
NOWHERE = {"callback_url": "http://127.0.0.1:9/"}


@pytest.fixture
def served(dss: Any) -> Served:
    """A DSS with one of everything, for an administrator."""
    known = {
        "bundles": bundles(dss),
        "files": files(dss),
        "collections": [collection(dss)],
        "subscriptions": subscriptions(dss),
    }
    known["events"] = known["search"] = known["bundles"]
    return Served(f"{dss.ports.dss_url}/v1", {"Authorization": "Bearer token-of-root"}, known, NOWHERE)


def files(dss: Any) -> list[Record]:
    staged = [dss.stage(one["uuid"], CONTENTS[one["name"]], one["content-type"]) for one in entries()]
    return [
        {"uuid": one["uuid"], "version": FILE_VERSION, "source_url": url, "creator_uid": 8008, "path": "/describedBy"}
        for one, url in zip(entries(), staged, strict=True)
    ]


def bundles(dss: Any) -> list[Record]:
    dss.put_example()
    started = dss.send("POST", f"/bundles/{BUNDLE_UUID}/checkout", body={}, replica="aws")
    found = {"uuid": BUNDLE_UUID, "version": BUNDLE_VERSION, "replica": "aws", "type": "bundle"}
    many = dss.put_many(30)
    after = {"search_after": f"{many[5]},{BUNDLE_VERSION}", "per_page": 10, "replica": "gcp", "prefix": "b0"}
    return [{**found, "checkout_job_id": started.json()["checkout_job_id"]}, after]


def collection(dss: Any) -> Record:
    link = {"type": "bundle", "uuid": BUNDLE_UUID, "version": BUNDLE_VERSION}
    body = {"name": "n", "description": "d", "details": {}, "contents": [link]}
    query = {"uuid": COLLECTION, "version": BUNDLE_VERSION}
    assert dss.send("PUT", "/collections", user="root", body=body, replica="aws", **query).status_code == 201
    return {**query, "type": "collection"}


def subscriptions(dss: Any) -> list[Record]:
    found = []
    for type, more in (("jmespath", {}), ("elasticsearch", {"es_query": {}})):
        answer = dss.send("PUT", "/subscriptions", user="root", body={**NOWHERE, **more}, replica="aws")
        found.append({"uuid": answer.json()["uuid"], "replica": "aws", "subscription_type": type})
    return found


@API.parametrize()
@SETTINGS
def test_answers_are_as_described(case: Any, served: Served) -> None:
    check(case, served)
