"""The search operation, as the worked examples have it."""

from __future__ import annotations

from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, FILE_VERSION, file_uuid

from hca_core.openapi.pages import next_url

FQID = f"{BUNDLE_UUID}.{BUNDLE_VERSION}"
LUNG = {
    "query": {
        "bool": {
            "must": [{"match": {"files.project_json.project_core.project_short_name": "demo-lung"}}],
            "must_not": [{"term": {"admin_deleted": True}}],
        }
    }
}


def search(dss: Any, query: Any, **parameters: Any) -> Any:
    return dss.send("POST", "/search", user=None, body={"es_query": query}, **{"replica": "aws", **parameters})


def fqids(answer: Any) -> list[str]:
    return [hit["bundle_fqid"] for hit in answer.json()["results"]]


@pytest.mark.parametrize("replica", ["aws", "gcp"])
def test_finds_a_bundle_by_its_metadata(dss: Any, replica: str) -> None:
    dss.put_example()
    answer = search(dss, LUNG, replica=replica)
    assert answer.status_code == 200
    assert answer.headers["X-OpenAPI-Pagination"] == "false"
    assert answer.json() == {
        "es_query": LUNG,
        "total_hits": 1,
        "results": [
            {
                "bundle_fqid": FQID,
                "bundle_url": (
                    f"{dss.ports.dss_url}/v1/bundles/{BUNDLE_UUID}?version={BUNDLE_VERSION}&replica={replica}"
                ),
                "search_score": None,
            }
        ],
    }
    assert dss.send("GET", answer.json()["results"][0]["bundle_url"]).status_code == 200


def test_raw_shows_what_is_searched(dss: Any) -> None:
    manifest = dss.put_bundle(dss.put_files()).json()["manifest"]
    [hit] = search(dss, {}, output_format="raw").json()["results"]
    donor = {"describedBy": "https://schema.example.org/type/biomaterial/9.0.2/donor_organism"}
    assert hit["metadata"] == {
        "manifest": manifest,
        "state": "new",
        "uuid": BUNDLE_UUID,
        "shape_descriptor": "v9",
        "files": {
            "project_json": [
                {
                    "describedBy": "https://schema.example.org/type/project/9.1.0/project",
                    "project_core": {"project_short_name": "demo-lung"},
                }
            ],
            "donor_organism_json": [
                {**donor, "biomaterial_core": {"biomaterial_id": name, "ncbi_taxon_id": [9606]}}
                for name in ("D0", "D1")
            ],
        },
    }


def test_a_patched_bundle_is_found_by_its_new_files(dss: Any) -> None:
    files = dss.put_example()
    body = {"remove_files": [files[0]]}
    dss.send("PATCH", f"/bundles/{BUNDLE_UUID}", body=body, replica="aws", version=BUNDLE_VERSION)
    assert fqids(search(dss, LUNG)) == [FQID]
    donors = {"query": {"term": {"files.donor_organism_json.biomaterial_core.ncbi_taxon_id": 9606}}}
    assert fqids(search(dss, donors)) == [f"{BUNDLE_UUID}.2024-05-01T120500.123456Z", FQID]


def test_a_new_bundle_is_found_by_a_query_that_was_asked_before(dss: Any) -> None:
    assert search(dss, {}).json()["total_hits"] == 0
    dss.put_example()
    assert search(dss, {}).json()["total_hits"] == 1


def test_deleted_bundles_are_found_as_such(dss: Any) -> None:
    dss.put_example()
    dss.put_bundle([], version="2024-05-02T000000.000000Z")
    path, tombstone = f"/bundles/{BUNDLE_UUID}", {"email": "root@example.org", "admin_deleted": True}
    dss.send("DELETE", path, user="root", body={"reason": "one"}, replica="aws", version=BUNDLE_VERSION)
    assert fqids(search(dss, LUNG)) == []
    assert fqids(search(dss, {"query": {"term": {"admin_deleted": True}}})) == [FQID]
    dss.send("DELETE", path, user="root", body={"reason": "all"}, replica="aws")
    dss.put_bundle([], version="2024-05-03T000000.000000Z")
    answer = search(dss, {}, output_format="raw")
    assert [hit["metadata"] for hit in answer.json()["results"]] == [
        tombstone | {"reason": "all", "uuid": BUNDLE_UUID, "manifest": {"version": "2024-05-03T000000.000000Z"}},
        tombstone | {"reason": "all", "uuid": BUNDLE_UUID, "manifest": {"version": "2024-05-02T000000.000000Z"}},
        tombstone
        | {"reason": "one", "version": BUNDLE_VERSION, "uuid": BUNDLE_UUID, "manifest": {"version": BUNDLE_VERSION}},
    ]


def test_raw_pages_have_ten_hits(dss: Any) -> None:
    uuids = dss.put_many(12)
    first = search(dss, {"query": {"match_all": {}}}, per_page=500, output_format="raw")
    assert (first.status_code, first.json()["total_hits"]) == (206, 12)
    assert first.headers["X-OpenAPI-Paginated-Content-Key"] == "results"
    url = next_url(first.headers, first.url)
    assert url is not None
    assert f"search_after={uuids[2]}%2C{BUNDLE_VERSION}" in url
    second = dss.send("POST", url, user=None, body={"es_query": {"query": {"match_all": {}}}})
    assert (second.status_code, second.json()["total_hits"]) == (200, 12)
    assert "Link" not in second.headers
    assert fqids(first) + fqids(second) == [f"{uuid}.{BUNDLE_VERSION}" for uuid in reversed(uuids)]


def test_summary_pages_and_versions_of_one_bundle(dss: Any) -> None:
    versions = [f"2024-05-01T1200{number:02d}.000000Z" for number in range(15)]
    for version in versions:
        dss.put_bundle([], version=version)
    first = search(dss, {}, per_page=10)
    second = dss.send("POST", next_url(first.headers, first.url), body={"es_query": {}})
    assert (first.status_code, second.status_code) == (206, 200)
    assert fqids(first) + fqids(second) == [f"{BUNDLE_UUID}.{version}" for version in reversed(versions)]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"query": {"mtch": {}}}, "[mtch]"),
        ({"query": {}}, "one key"),
        ({"query": {"bool": {"must": [{"fuzzy": {"a": "b"}}]}}}, "[fuzzy]"),
        ({"query": {"query_string": {"query": "(lung"}}}, "(lung"),
        ({"aggs": {}}, "[aggs]"),
    ],
)
def test_names_what_it_does_not_understand(dss: Any, query: Any, named: str) -> None:
    refused = search(dss, query)
    assert (refused.status_code, refused.json()["code"]) == (400, "elasticsearch_bad_request")
    assert named in refused.json()["title"]


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        ({}, {}),
        ({"es_query": "lung"}, {}),
        ({"es_query": None}, {}),
        ([], {}),
        ({"es_query": {}}, {"per_page": 9}),
        ({"es_query": {}}, {"per_page": 501, "output_format": "raw"}),
        ({"es_query": {}}, {"output_format": "xml"}),
        ({"es_query": {}}, {"search_after": "x"}),
        ({"es_query": {}}, {"replica": None}),
    ],
)
def test_refuses_requests_that_make_no_sense(dss: Any, body: Any, parameters: dict[str, Any]) -> None:
    refused = dss.send("POST", "/search", body=body, **{"replica": "aws", **parameters})
    assert (refused.status_code, refused.json()["code"]) == (400, "illegal_arguments")


@pytest.mark.parametrize("depth", [60, 900, 100_000])
def test_survives_deeply_nested_queries(dss: Any, depth: int) -> None:
    text = '{"es_query": {"query": ' + '{"bool": {"must": ' * depth + '{"match_all": {}}' + "}}" * depth + "}}"
    url = f"{dss.ports.dss_url}/v1/search?replica=aws"
    answer = dss.session.post(url, data=text, headers={"Content-Type": "application/json"}, timeout=10)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "content",
    [b"not json", b"\xff", b"[" * 5000, b"[" * 500 + b"]" * 500, b'{"a": NaN}', b'{"a": 1e999}', b"1" * 5000],
)
def test_metadata_that_cannot_be_read_is_left_out(dss: Any, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    url = dss.stage("bad.json", content, "application/json")
    dss.put_file(url, file_uuid(6))
    good = dss.put_files()[0]
    bad = {"uuid": file_uuid(6), "version": FILE_VERSION, "name": "bad.json", "indexed": True}
    assert dss.put_bundle([bad, good]).status_code == 201
    assert "bad.json" in caplog.text
    answer = search(dss, LUNG, output_format="raw")
    assert answer.json()["results"][0]["metadata"]["files"].keys() == {"project_json"}
