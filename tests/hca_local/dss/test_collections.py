"""The operations on collections, as the worked examples have them, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dss_parts import own_records, serve_part, versions
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, FILE_VERSION, file_uuid

from hca_core.openapi.pages import next_url
from hca_local.dss.collections import Collections
from hca_local.dss.document import MAX_METADATA

UUID = "c0113c70-0000-4000-8000-000000000001"
VERSION = "2024-05-02T080000.000000Z"
BUNDLE = {"type": "bundle", "uuid": BUNDLE_UUID, "version": BUNDLE_VERSION}
FRAGMENT = {
    "type": "donor_id",
    "uuid": file_uuid(2),
    "version": FILE_VERSION,
    "fragment": "/biomaterial_core/biomaterial_id",
}
FILE = {"type": "file", "uuid": file_uuid(4), "version": FILE_VERSION}
BODY = {"name": "lungs", "description": "demo", "details": {"grant": 7}, "contents": [BUNDLE, BUNDLE, FRAGMENT]}


class Service:
    """A DSS with the example's bundle, and collections of which the last run can be forgotten."""

    def __init__(self, dss: Any) -> None:
        self.dss = dss
        self.files = own_records(dss)
        self.records, self.blobs = self.files.__enter__()
        dss.put_example()
        self.open()

    def open(self) -> None:
        self.collections = Collections(
            self.dss.folder / "collections", self.records, self.blobs.open, new_version=versions()
        )
        serve_part(self.dss, "/collections", self.collections.handlers)

    def close(self) -> None:
        self.collections.close()
        self.files.__exit__(None, None, None)

    def send(self, method: str, uuid: str = UUID, **more: Any) -> Any:
        return self.dss.send(method, f"/collections/{uuid}", **{"replica": "aws", **more})

    def put(self, body: Any = BODY, uuid: str = UUID, version: str = VERSION, **more: Any) -> Any:
        more = {"replica": "aws", **more}
        return self.dss.send("PUT", "/collections", body=body, uuid=uuid, version=version, **more)

    def put_links(self, *links: Any, **more: Any) -> Any:
        return self.put({**BODY, "contents": list(links)}, **more)

    def patch(self, version: str = VERSION, **body: Any) -> Any:
        return self.send("PATCH", body=body, version=version)

    def contents(self, **more: Any) -> Any:
        return self.send("GET", **more).json()["contents"]

    def listed(self, **more: Any) -> list[tuple[str, str]]:
        answer = self.dss.send("GET", "/collections", **more)
        assert answer.status_code == 200
        return [(one["uuid"], one["version"]) for one in answer.json()["collections"]]


@pytest.fixture
def service(dss: Any) -> Iterator[Service]:
    service = Service(dss)
    yield service
    service.close()


def outcome(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# ── the worked example ──


def test_the_worked_example(service: Service) -> None:
    put = service.put()
    assert (put.status_code, put.json()) == (201, {"uuid": UUID, "version": VERSION})
    shown = service.send("GET")
    assert shown.json() == {
        "name": "lungs",
        "description": "demo",
        "details": {"grant": 7},
        "owner": "ada@example.org",
        "contents": [BUNDLE, FRAGMENT],
    }
    patched = service.patch(name="two lungs", remove_contents=[BUNDLE])
    version = "2024-05-02T081500.000001Z"
    assert (patched.status_code, patched.json()) == (200, {"uuid": UUID, "version": version})
    assert service.listed() == [(UUID, VERSION), (UUID, version)]
    assert service.send("GET").json() == {**shown.json(), "name": "two lungs", "contents": [FRAGMENT]}
    assert service.send("GET", version=VERSION).json() == shown.json()
    assert outcome(service.patch(add_contents=[{**FRAGMENT, "fragment": "/nope"}])) == (422, "invalid_link")
    unknown = {**BUNDLE, "version": FILE_VERSION}
    assert outcome(service.patch(add_contents=[unknown])) == (422, "invalid_link")
    assert outcome(service.patch(add_contents=[FILE] * 1001)) == (400, "illegal_arguments")
    assert outcome(service.send("PATCH", user="eve", body={}, version=VERSION)) == (403, "Forbidden")
    deleted = service.send("DELETE")
    assert (deleted.status_code, deleted.json()) == (200, {})
    assert outcome(service.send("GET")) == (404, "not_found")
    assert outcome(service.send("DELETE")) == (404, "not_found")


def test_keeps_everything_when_it_is_opened_again(service: Service) -> None:
    service.put()
    service.patch(name="more")
    before = service.listed(), service.send("GET").json()
    service.collections.close()
    service.open()
    assert (service.listed(), service.send("GET").json()) == before
    again = service.patch(name="most").json()["version"]  # the clock of the tests began anew
    assert again > before[0][-1][1]
    assert len(service.listed()) == 3


# ── putting ──


def test_the_same_again_is_fine_and_something_else_is_not(service: Service) -> None:
    assert service.put().status_code == 201
    again = service.put({**BODY, "contents": [BUNDLE, FRAGMENT]})
    assert (again.status_code, again.json()) == (200, {"uuid": UUID, "version": VERSION})
    assert outcome(service.put({**BODY, "name": "x"})) == (409, "collection_already_exists")
    assert service.send("GET").json()["name"] == "lungs"


def test_a_deleted_collection_stays_deleted(service: Service) -> None:
    service.put()
    service.send("DELETE")
    assert outcome(service.put()) == (409, "collection_tombstone_already_exists")
    later = service.put(version="2025-01-01T000000.000000Z")
    assert outcome(later) == (409, "collection_tombstone_already_exists")
    assert outcome(service.patch()) == (404, "not_found")
    assert service.listed() == []


def test_upper_and_lower_case_are_the_same(service: Service) -> None:
    assert service.put(uuid=UUID.upper()).json()["uuid"] == UUID
    assert service.send("GET", UUID.upper()).status_code == 200
    link = {**FRAGMENT, "uuid": FRAGMENT["uuid"].upper()}
    assert service.put_links(link, FRAGMENT, version=FILE_VERSION).status_code == 201
    assert service.contents(version=FILE_VERSION) == [FRAGMENT]


def test_nobody_takes_over_the_collection_of_another(service: Service) -> None:
    service.put()
    assert outcome(service.put(user="eve", version="2025-01-01T000000.000000Z")) == (403, "Forbidden")
    for method in ("GET", "DELETE"):
        assert outcome(service.send(method, user="eve")) == (403, "Forbidden")
    assert service.listed(user="eve") == []
    assert service.listed() == [(UUID, VERSION)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": "2024-05-02"}, "illegal_version"),
        ({"uuid": "x"}, "illegal_arguments"),
        ({"replica": "azure"}, "illegal_arguments"),
        ({"body": {**BODY, "contents": [FILE] * 1001}}, "illegal_arguments"),
        ({"body": {**BODY, "contents": [{**FILE, "version": "new"}]}}, "illegal_version"),
        ({"body": {**BODY, "contents": ["x"]}}, "illegal_arguments"),
        ({"body": {"name": "x"}}, "illegal_arguments"),
        ({"body": None}, "illegal_arguments"),
    ],
)
def test_refuses_what_does_not_fit(service: Service, change: dict[str, Any], code: str) -> None:
    assert outcome(service.put(**change)) == (400, code)
    assert service.listed() == []


def test_takes_a_thousand_links(service: Service) -> None:
    links = [{**FILE, "note": number} for number in range(1000)]
    assert service.put_links(*links).status_code == 201
    more = [{**FILE, "note": number} for number in range(1000, 1500)]
    assert service.patch(add_contents=more).status_code == 200
    assert service.contents() == links + more


# ── links ──


def test_links_to_whole_things(service: Service) -> None:
    service.put()
    itself = {"type": "collection", "uuid": UUID, "version": VERSION}
    assert service.put_links(BUNDLE, FILE, itself, version=FILE_VERSION).status_code == 201
    for link in (BUNDLE, FILE, itself):
        nowhere = {**link, "version": "2001-01-01T000000.000000Z"}
        assert outcome(service.patch(add_contents=[nowhere])) == (422, "invalid_link")
        assert outcome(service.patch(add_contents=[{**link, "uuid": file_uuid(99)}])) == (422, "invalid_link")


def test_does_not_link_to_a_deleted_bundle(service: Service) -> None:
    service.put_links(BUNDLE)
    reason = {"reason": "wrong donor"}
    service.dss.send("DELETE", f"/bundles/{BUNDLE_UUID}", user="root", body=reason, replica="aws")
    assert outcome(service.put_links(BUNDLE, version=FILE_VERSION)) == (422, "invalid_link")
    assert service.put_links(BUNDLE).status_code == 200
    assert service.contents() == [BUNDLE]


def test_links_to_what_is_in_the_replica(service: Service) -> None:
    service.dss.reopen(replication_seconds=600)
    serve_part(service.dss, "/collections", service.collections.handlers)
    url = service.dss.stage("late", b"{}", "application/json")
    service.dss.put_file(url, file_uuid(77))
    service.dss.put_bundle([], file_uuid(78))
    for link in ({**FILE, "uuid": file_uuid(77)}, {**BUNDLE, "uuid": file_uuid(78)}):
        assert outcome(service.put_links(link, replica="gcp")) == (422, "invalid_link")
        assert service.put_links(link, uuid=link["uuid"]).status_code == 201


def test_links_to_parts_come_back_as_they_were_given(service: Service) -> None:
    part = {key: value for key, value in FRAGMENT.items() if key != "fragment"}
    links = [
        {**part, "path": "/biomaterial_core/ncbi_taxon_id/0"},
        {**part, "path": ""},
        {**FRAGMENT, "path": FRAGMENT["fragment"]},
        {**FRAGMENT, "note": "mine"},
    ]
    assert service.put_links(*links).status_code == 201
    assert service.contents() == links


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"fragment": "biomaterial_core"}, "does not begin with `/`"),
        ({"fragment": "/biomaterial_core/ncbi_taxon_id/1"}, "there is no '1'"),
        ({"path": "/biomaterial_core"}, "and another `fragment`"),
        ({"uuid": file_uuid(4)}, "not valid JSON"),
        ({"uuid": file_uuid(5)}, "not valid JSON"),
        ({"uuid": file_uuid(9)}, "does not exist"),
        ({"uuid": BUNDLE_UUID, "version": BUNDLE_VERSION}, "does not exist"),
    ],
)
def test_refuses_links_to_parts_that_are_not_there(service: Service, change: dict[str, str], title: str) -> None:
    answer = service.put_links(BUNDLE, {**FRAGMENT, **change})
    assert outcome(answer) == (422, "invalid_link")
    assert title in answer.json()["title"]
    assert service.listed() == []


def test_a_link_to_a_part_needs_a_pointer(service: Service) -> None:
    answer = service.put_links({key: value for key, value in FRAGMENT.items() if key != "fragment"})
    assert outcome(answer) == (422, "invalid_link")
    assert "`path`" in answer.json()["title"]


@pytest.mark.parametrize("content", [b"[" * 100_000, b'["' + b"x" * MAX_METADATA + b'"]', b"\xff\xfe\xfd", b"NaN"])
def test_refuses_links_into_hostile_contents(service: Service, content: bytes) -> None:
    url = service.dss.stage("hostile", content, "application/json")
    assert service.dss.put_file(url, file_uuid(66)).status_code == 201
    answer = service.put_links({**FRAGMENT, "uuid": file_uuid(66), "fragment": "/0"})
    assert outcome(answer) == (422, "invalid_link")


# ── patching ──


def test_removes_before_it_adds(service: Service) -> None:
    service.put()
    service.patch(add_contents=[FILE, BUNDLE, FILE], remove_contents=[BUNDLE])
    assert service.contents() == [FRAGMENT, FILE, BUNDLE]


def test_removes_only_what_is_the_same_in_every_field(service: Service) -> None:
    service.put()
    service.patch(remove_contents=[{**FRAGMENT, "note": 1}, {**BUNDLE, "uuid": BUNDLE_UUID.upper()}, FILE])
    assert service.contents() == [FRAGMENT]


def test_replaces_details_as_a_whole(service: Service) -> None:
    service.put()
    service.patch(details={"place": "here"}, description="")
    found = service.send("GET").json()
    assert (found["details"], found["description"], found["name"]) == ({"place": "here"}, "", "lungs")


def test_changes_the_version_that_is_named(service: Service) -> None:
    service.put()
    service.patch(remove_contents=[BUNDLE])
    service.patch(add_contents=[FILE])
    assert service.contents() == [BUNDLE, FRAGMENT, FILE]
    assert outcome(service.patch(FILE_VERSION)) == (404, "not_found")
    assert outcome(service.patch("latest")) == (400, "illegal_version")


def test_a_change_of_nothing_is_a_new_version(service: Service) -> None:
    service.put()
    assert service.patch().json()["version"] > VERSION
    assert service.contents() == [BUNDLE, FRAGMENT]


# ── reading ──


def test_tells_what_is_not_there(service: Service) -> None:
    assert outcome(service.send("GET")) == (404, "not_found")
    service.put()
    assert outcome(service.send("GET", version=FILE_VERSION)) == (404, "not_found")
    assert outcome(service.send("GET", version="garbage")) == (404, "not_found")
    assert outcome(service.send("GET", user=None)) == (401, "OAuthProblem")


def test_lists_in_pages(service: Service) -> None:
    keys = [(f"c0113c70-0000-4000-8000-{number:012d}", VERSION) for number in range(20)]
    for uuid, _ in keys:
        service.put_links(uuid=uuid)
    service.put_links(uuid=file_uuid(1), user="eve")
    first = service.dss.send("GET", "/collections", per_page=10)
    assert first.status_code == 206
    assert first.headers["X-OpenAPI-Paginated-Content-Key"] == "collections"
    assert first.headers["X-OpenAPI-Pagination"] == "true"
    second = service.dss.send("GET", next_url(first.headers, first.url))
    assert second.status_code == 200
    assert "Link" not in second.headers
    found = first.json()["collections"] + second.json()["collections"]
    assert [(one["uuid"], one["version"]) for one in found] == keys
    assert service.listed(start_at=10**17) == []
