"""Events and journals, as the worked examples have them, and what happens to them when bundles are deleted."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from dss_parts import NOW, own_records, serve_part, versions
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, FILE_VERSION, file_uuid

from hca_core.openapi.pages import next_url
from hca_local.dss.events import BUCKET, Event, Events
from hca_local.dss.journals import Journals
from hca_local.dss.model import Bundle
from hca_local.dss.presign import Links
from hca_local.s3.signing import AccessKey

START = "2024-05-01T000000.000000Z"
LATER = "2024-05-01T120500.123456Z"
AT_ONCE = {"aws": 0, "gcp": 0}
TOMBSTONE = {"email": "root@example.org", "reason": "wrong donor", "admin_deleted": True}


class Service:
    """A DSS with the example's bundle, and events of which the last run can be forgotten."""

    def __init__(self, dss: Any) -> None:
        self.dss = dss
        self.files = own_records(dss)
        self.records, self.blobs = self.files.__enter__()
        self.told: list[Event] = []
        self.now = NOW
        self.open()

    def open(self, **options: Any) -> None:
        self.journals = Journals(self.dss.folder / "events", new_version=versions(), now=lambda: self.now, **options)
        self.events = Events(
            self.journals,
            self.records,
            self.dss.store,
            Links(self.dss.ports.s3_url, AccessKey("KEY", "secret"), lambda: 1714565100.0),
            self.blobs.open,
            notify=self.told.append,
        )
        serve_part(self.dss, "/events", self.events.handlers)

    def reopen(self, **options: Any) -> None:
        self.journals.close()
        self.open(**options)

    def close(self) -> None:
        self.journals.close()
        self.files.__exit__(None, None, None)

    def create_example(self) -> Bundle:
        """Record the example's bundle, and return it."""
        if self.records.bundle(BUNDLE_UUID, BUNDLE_VERSION) is None:
            self.dss.put_example()
        found = self.records.bundle(BUNDLE_UUID, BUNDLE_VERSION)
        assert found is not None
        self.events.bundle_created(found[0])
        return found[0]

    def create(self, second: int, number: int = 0) -> str:
        """Record a bundle without files, and return its FQID."""
        bundle = Bundle(file_uuid(number), f"2024-06-01T0000{second:02}.000000Z", 8008, ())
        self.events.bundle_created(bundle)
        return f"{bundle.uuid}.{bundle.version}"

    def get(self, version: str = BUNDLE_VERSION, uuid: str = BUNDLE_UUID) -> Any:
        return self.dss.send("GET", f"/events/{uuid}", user=None, replica="aws", version=version)

    def show(self, **more: Any) -> Any:
        return self.dss.send("GET", "/events", user=None, **{"replica": "aws", "per_page": 10, **more})

    def listed(self, **more: Any) -> list[list[str]]:
        """The events of each journal of the one page that there is."""
        answer = self.show(**more)
        assert answer.status_code == 200, answer.text
        return [[event["event_id"] for event in stream["events"]] for stream in answer.json()["event_streams"]]


@pytest.fixture
def service(dss: Any) -> Iterator[Service]:
    service = Service(dss)
    yield service
    service.close()


def outcome(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def read(stream: Any) -> list[Any]:
    """The documents of a journal, each read by its range."""
    found = []
    for event in stream["events"]:
        span = {"Range": f"bytes={event['offset']}-{event['offset'] + event['size'] - 1}"}
        answer = requests.get(stream["stream_url"], headers=span, timeout=10)
        assert answer.status_code == 206
        found.append(answer.json())
    return found


# ── the worked example ──


@pytest.mark.parametrize("replica", ["aws", "gcp"])
def test_the_worked_example(service: Service, replica: str) -> None:
    bundle = service.create_example()
    patched = Bundle(BUNDLE_UUID, LATER, 8008, bundle.entries)
    service.events.bundle_created(patched)
    first = service.dss.send("GET", "/events", user=None, replica=replica, from_date=START, per_page=1)
    assert first.status_code == 206
    assert first.headers["X-OpenAPI-Paginated-Content-Key"] == "event_streams"
    link = next_url(first.headers, first.url)
    assert link is not None
    assert link.startswith(f"{service.dss.ports.dss_url}/v1/events?")
    query = {"replica": replica, "from_date": START, "per_page": "1", "token": LATER}
    assert dict(parse_qsl(urlsplit(link).query)) == query
    [stream] = first.json()["event_streams"]
    blob = stream["journal_id"].split("--")[3]
    assert stream == {
        "journal_id": f"{BUNDLE_VERSION}--{BUNDLE_VERSION}--new--{blob}",
        "from_date": BUNDLE_VERSION,
        "to_date": BUNDLE_VERSION,
        "size": 2775,
        "events": [
            {
                "event_id": f"{BUNDLE_UUID}.{BUNDLE_VERSION}",
                "timestamp": BUNDLE_VERSION,
                "offset": 0,
                "size": 2775,
            }
        ],
        "stream_url": stream["stream_url"],
    }
    assert read(stream) == [service.get().json()]
    second = service.dss.send("GET", link, user=None)
    assert second.status_code == 200
    assert [one["from_date"] for one in second.json()["event_streams"]] == [LATER]
    assert outcome(service.get(FILE_VERSION)) == (404, "not_found")
    assert outcome(service.show(from_date=LATER, to_date=START)) == (400, "bad_request")
    assert outcome(service.show(per_page=11)) == (400, "illegal_arguments")


def test_shows_the_document_of_a_bundle(service: Service) -> None:
    manifest = service.create_example().manifest()
    document = service.get().json()
    files = document.pop("files")
    assert document == {
        "event_type": "CREATE",
        "bundle_info": {"uuid": BUNDLE_UUID, "version": BUNDLE_VERSION},
        "manifest": manifest,
    }
    assert {name: len(contents) for name, contents in files.items()} == {"project_json": 1, "donor_organism_json": 2}
    assert files["project_json"][0]["project_core"] == {"project_short_name": "demo-lung"}
    assert service.told == [Event("CREATE", BUNDLE_UUID, BUNDLE_VERSION, {**document, "files": files}, AT_ONCE)]


def test_includes_json_that_is_not_searched_and_skips_what_is_broken(service: Service) -> None:
    listed = []
    for number, (content, indexed) in enumerate([(b'{"a": 1}', False), (b"{", True), (b"[]", True)]):
        url = service.dss.stage(f"{number}", content, "application/json" if number < 2 else "text/plain")
        service.dss.put_file(url, file_uuid(number))
        entry = {"uuid": file_uuid(number), "version": FILE_VERSION, "name": f"f{number}.json", "indexed": indexed}
        listed.append(entry)
    service.dss.put_bundle(listed)
    service.create_example()
    assert service.get().json()["files"] == {"f0_json": [{"a": 1}]}


def test_keeps_everything_when_it_is_opened_again(service: Service) -> None:
    service.create_example()
    service.create(1)
    before = service.listed(), service.get().json(), service.show().json()["event_streams"]
    service.reopen()
    assert (service.listed(), service.get().json(), service.show().json()["event_streams"]) == before
    service.create_example()
    assert (len(service.told), len(service.listed())) == (2, 2)


# ── time and pages ──


def test_lists_what_overlaps_the_time_asked_for(service: Service) -> None:
    one, two, three = (service.create(second, second) for second in (1, 2, 3))
    assert service.listed(from_date="2024-06-01T000002.000000Z") == [[two], [three]]
    assert service.listed(to_date="2024-06-01T000002.000000Z") == [[one]]
    assert service.listed(from_date="2024-06-01T000001.500000Z", to_date="2024-06-01T000002.500000Z") == [[two]]
    assert service.listed(from_date="2024-06-01T000002.000000Z", to_date="2024-06-01T000002.000000Z") == []
    service.reopen(size=4)
    four = service.create(4)
    joined = [[one, two, three, four]]
    assert service.listed() == joined
    assert service.listed(from_date="2024-06-01T000004.000000Z") == joined
    assert service.listed(to_date="2024-06-01T000001.000000Z") == []
    assert service.listed(from_date="2024-06-01T000004.000001Z") == []


def test_pages_through_events_of_the_same_time(service: Service) -> None:
    fqids = [service.create(7, number) for number in range(5)]
    answer, found = service.show(per_page=2), []
    while True:
        found += [stream["events"][0]["event_id"] for stream in answer.json()["event_streams"]]
        if answer.status_code == 200:
            break
        answer = service.dss.send("GET", next_url(answer.headers, answer.url), user=None)
    assert found == fqids


def test_nothing_happened_yet(service: Service) -> None:
    assert service.listed() == []
    assert outcome(service.get()) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"from_date": "2024-05-01"}, "illegal_arguments"),
        ({"to_date": "2024-13-01T000000.000000Z"}, "illegal_arguments"),
        ({"from_date": "2024-02-30T000000.000000Z"}, "illegal_arguments"),
        ({"token": "x"}, "illegal_token"),
        ({"token": ""}, "illegal_token"),
        ({"replica": "azure"}, "illegal_arguments"),
        ({"per_page": 0}, "illegal_arguments"),
    ],
)
def test_refuses_what_does_not_fit(service: Service, query: dict[str, Any], code: str) -> None:
    assert outcome(service.show(**query)) == (400, code)


def test_get_needs_a_version(service: Service) -> None:
    answer = service.dss.send("GET", f"/events/{BUNDLE_UUID}", user=None, replica="aws")
    assert outcome(answer) == (400, "illegal_arguments")


# ── journals ──


def test_joins_single_events_to_journals(service: Service) -> None:
    service.reopen(size=3)
    fqids = [service.create(second) for second in (3, 1, 2, 4)]
    joined = [fqids[1], fqids[2], fqids[0]]
    assert service.listed() == [joined, [fqids[3]]]
    stream = service.show().json()["event_streams"][0]
    assert [document["bundle_info"]["version"] for document in read(stream)] == [fqid[37:] for fqid in joined]
    whole = requests.get(stream["stream_url"], timeout=10).content
    assert len(whole) == stream["size"] == sum(event["size"] for event in stream["events"])
    assert stream["journal_id"].split("--")[2].startswith("2024-05-02T0815")


def test_a_reader_misses_nothing_while_journals_are_joined(service: Service) -> None:
    service.reopen(size=4)
    fqids = [service.create(second) for second in (1, 2, 3)]
    first = service.show(per_page=1)
    old = service.create(0)  # joins them
    second = service.dss.send("GET", next_url(first.headers, first.url), user=None)
    assert second.status_code == 200
    [stream] = second.json()["event_streams"]
    assert [event["event_id"] for event in stream["events"]] == [old, *fqids]
    assert len(read(first.json()["event_streams"][0])) == 1  # its address is still good


def test_sweeps_the_bytes_of_old_journals(service: Service) -> None:
    service.reopen(size=2)
    service.dss.store.put(BUCKET, "of/others", io.BytesIO(b"x"))
    service.create(1)
    old = service.show().json()["event_streams"][0]["stream_url"]
    service.create(2)
    new = service.show().json()["event_streams"][0]["stream_url"]
    service.reopen()
    assert requests.get(old, timeout=10).status_code == 404
    assert requests.get(new, timeout=10).status_code == 200
    assert service.dss.store.head(BUCKET, "of/others") is not None


# ── deletion ──


def test_the_event_of_a_deleted_bundle_is_gone(service: Service) -> None:
    service.create_example()
    one = {**TOMBSTONE, "version": BUNDLE_VERSION}
    service.events.bundle_deleted(BUNDLE_UUID, BUNDLE_VERSION, one)
    assert outcome(service.get()) == (404, "not_found")
    assert service.listed() == []
    document = {
        "event_type": "TOMBSTONE",
        "bundle_info": {"uuid": BUNDLE_UUID, "version": BUNDLE_VERSION},
        **one,
    }
    assert service.get(f"{BUNDLE_VERSION}.dead").json() == document
    assert service.told[1:] == [Event("TOMBSTONE", BUNDLE_UUID, BUNDLE_VERSION, document)]
    service.events.bundle_deleted(BUNDLE_UUID, BUNDLE_VERSION, one)
    service.create_example()
    service.reopen()
    assert (len(service.told), service.listed()) == (2, [])


def test_a_living_bundle_has_no_tombstone(service: Service) -> None:
    service.create_example()
    assert outcome(service.get(f"{BUNDLE_VERSION}.dead")) == (404, "not_found")


def test_deletion_of_all_versions(service: Service) -> None:
    for second in (1, 2, 3):
        service.create(second)
    version = "2024-06-01T000002.000000Z"
    service.events.bundle_deleted(file_uuid(0), version, {**TOMBSTONE, "version": version})
    service.events.bundle_deleted(file_uuid(0), None, TOMBSTONE)
    assert [(event.type, event.version[15:17]) for event in service.told[3:]] == [
        ("TOMBSTONE", "02"),
        ("TOMBSTONE", "01"),
        ("TOMBSTONE", "03"),
    ]
    assert service.get("2024-06-01T000001.000000Z.dead", file_uuid(0)).json() == {
        "event_type": "TOMBSTONE",
        "bundle_info": {"uuid": file_uuid(0), "version": "2024-06-01T000001.000000Z"},
        **TOMBSTONE,
    }
    assert service.get(f"{version}.dead", file_uuid(0)).json()["version"] == version
    service.create(4)
    assert (len(service.told), service.listed()) == (6, [])
    assert outcome(service.get("2024-06-01T000004.000000Z.dead", file_uuid(0))) == (404, "not_found")


def test_journals_lose_the_events_of_deleted_bundles(service: Service) -> None:
    service.reopen(size=3)
    fqids = [service.create(second, second) for second in (1, 2, 3)]
    old = service.show().json()["event_streams"][0]
    service.events.bundle_deleted(file_uuid(3), None, TOMBSTONE)
    new = service.show().json()["event_streams"][0]
    assert [event["event_id"] for event in new["events"]] == fqids[:2]
    assert (new["from_date"], new["to_date"]) == (fqids[0][37:], fqids[1][37:])
    assert new["journal_id"] != old["journal_id"]
    assert [document["bundle_info"]["uuid"] for document in read(new)] == [file_uuid(1), file_uuid(2)]
    assert service.listed(from_date=fqids[2][37:]) == []


def test_what_cannot_be_told_is_not_recorded(service: Service) -> None:
    told = service.told

    class Refusal(Exception):
        pass

    def refuse(event: Event) -> None:
        raise Refusal

    service.events._notify = refuse
    with pytest.raises(Refusal):
        service.create_example()
    service.events._notify = told.append
    service.create_example()
    assert len(told) == len(service.listed()) == 1


def test_documents_are_json_in_utf8(service: Service) -> None:
    url = service.dss.stage("f", '{"a": "ü"}'.encode(), "application/json")
    service.dss.put_file(url, file_uuid(1))
    entry = {"uuid": file_uuid(1), "version": FILE_VERSION, "name": "é_0.json", "indexed": True}
    service.dss.put_bundle([entry])
    service.create_example()
    [stream] = service.show().json()["event_streams"]
    [document] = read(stream)
    assert json.loads(requests.get(stream["stream_url"], timeout=10).content.decode()) == document
    assert document["files"] == {"é_json": [{"a": "ü"}]}


# ── after the service ended in the middle ──


def test_catches_up_with_what_was_written(service: Service) -> None:
    service.dss.put_example()
    service.dss.put_many(2)
    service.events.catch_up()
    assert len(service.told) == 3
    assert service.get().status_code == 200
    service.events.catch_up()
    assert len(service.told) == 3


@pytest.mark.parametrize("version", [BUNDLE_VERSION, None])
def test_catches_up_with_what_was_deleted(service: Service, version: str | None) -> None:
    service.create_example()
    service.records.put_tombstone(BUNDLE_UUID, version, TOMBSTONE)
    service.events.catch_up()
    assert service.get().status_code == 404
    assert [event.type for event in service.told] == ["CREATE", "TOMBSTONE"]
    service.events.catch_up()
    assert len(service.told) == 2


def test_what_was_written_and_deleted_was_never_there(service: Service) -> None:
    service.dss.put_example()
    service.records.put_tombstone(BUNDLE_UUID, None, TOMBSTONE)
    service.events.catch_up()
    assert service.told == []
    assert service.listed() == []
