"""The delivery of notifications to a real receiver, which fails, hangs, redirects and checks signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from dss_parts import serve_part

from hca_local.dss import delivery
from hca_local.dss.delivery import Delivery
from hca_local.dss.events import Event
from hca_local.dss.subscriptions import Subscriptions

UUID = "11111111-2222-4333-8444-555555555555"
VERSION = "2024-05-01T120100.000000Z"
CREATED = Event("CREATE", UUID, VERSION, {"event_type": "CREATE", "files": {"a_json": [{"b": 1}]}})
DELETED = Event("TOMBSTONE", UUID, VERSION, {"event_type": "TOMBSTONE", "reason": "x"})
SEARCHED = {"uuid": UUID, "manifest": {"version": VERSION}, "files": {"a_json": [{"b": 1}]}}
SECRET = "s3cret-key"


class Receiver:
    """A subscriber's server: answers with `statuses` in turn and then with 200, and keeps what it got."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: queue.Queue[tuple[str, str, Any, bytes]] = queue.Queue()
        self.headers: dict[str, str] = {}
        self.most_at_once = 0
        at_once: set[object] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                at_once.add(self)
                receiver.most_at_once = max(receiver.most_at_once, len(at_once))
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                at_once.discard(self)
                self.end_headers()
                receiver.got.put((self.command, self.path, self.headers, body))

            do_POST = do_PUT = do_GET = handle_any

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/n"

    def next(self) -> Any:
        """The payload of the next request."""
        return json.loads(self.got.get(timeout=5)[3])

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


class Service:
    """Subscriptions and their delivery, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.late = timedelta()
        self.document: Callable[[tuple[str, str]], Any] = lambda _key: SEARCHED
        self.subscriptions = Subscriptions(folder, now=self.now)
        self.open()

    def now(self) -> datetime:
        return datetime.now(timezone.utc) + self.late

    def open(
        self, delays: tuple[float, ...] = (0.01, 0.01), timeout: float = 5, grace: float = 5, started: bool = True
    ) -> None:
        self.delivery = Delivery(
            self.folder,
            self.subscriptions,
            public_url="http://dss.example.org",
            base_url="http://dss.example.org/v1",
            search_document=lambda key: self.document(key),
            now=self.now,
            delays=delays,
            timeout=timeout,
            grace=grace,
        )
        if started:
            self.delivery.start()

    def reopen(self, **options: Any) -> None:
        self.delivery.close()
        self.open(**options)

    def close(self) -> None:
        self.delivery.close()
        self.subscriptions.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "delivery")
    yield service
    service.close()


@pytest.fixture
def subscribe(dss: Any, service: Service, receiver: Receiver) -> Callable[..., str]:
    """Registers a subscription over HTTP and returns its uuid."""
    serve_part(dss, "/subscriptions", service.subscriptions.handlers)

    def subscribe(**body: Any) -> str:
        answer = dss.send("PUT", "/subscriptions", body={"callback_url": receiver.url, **body}, replica="aws")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["uuid"])

    return subscribe


Subscribe = Callable[..., str]


def check_signature(headers: Any, body: bytes, key_id: str) -> None:
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert headers["Digest"] == digest
    text = f"date: {headers['Date']}\ndigest: {digest}".encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode()
    fields = dict(re.findall(r'(\w+)="([^"]*)"', headers["Authorization"].removeprefix("Signature ")))
    assert fields == {
        "keyId": key_id,
        "algorithm": "hmac-sha256",
        "headers": "date digest",
        "signature": signature,
    }


def test_tells_of_a_bundle_until_it_is_heard(service: Service, subscribe: Subscribe, receiver: Receiver) -> None:
    uuid = subscribe(hmac_secret_key=SECRET, attachments={"b": {"type": "jmespath", "expression": "files.*[].b[]"}})
    receiver.statuses = [500, 404]
    service.delivery.notify(CREATED)
    requests = [receiver.got.get(timeout=5) for _ in range(3)]
    assert len({body for _, _, _, body in requests}) == 1
    for method, path, headers, body in requests:
        assert (method, path, headers["Content-Type"]) == ("POST", "/n", "application/json")
        check_signature(headers, body, f"hca-dss:{uuid}")
    said = json.loads(requests[0][3])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", said.pop("transaction_id"))
    assert said.pop("event_timestamp")[:2] == "20"
    assert said == {
        "subscription_id": uuid,
        "event_type": "CREATE",
        "dss_api": "http://dss.example.org",
        "bundle_url": f"http://dss.example.org/v1/bundles/{UUID}?version={VERSION}",
        "match": {"bundle_uuid": UUID, "bundle_version": VERSION},
        "attachments": {"b": [1]},
    }
    service.reopen()
    service.delivery.notify(DELETED)
    assert receiver.next()["event_type"] == "TOMBSTONE"  # and not the first one again


def test_gives_up_in_the_end(
    service: Service, subscribe: Subscribe, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    uuid = subscribe()
    receiver.statuses = [500, 500, 500]
    service.delivery.notify(CREATED)
    assert [receiver.next()["event_type"] for _ in range(3)] == ["CREATE"] * 3
    service.delivery.notify(DELETED)
    assert receiver.next()["event_type"] == "TOMBSTONE"
    assert f"Subscription {uuid} was not told: the answer is 500, 3 times." in caplog.text
    assert "127.0.0.1" not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("hca_local"))


def test_what_was_not_heard_survives_a_restart(service: Service, subscribe: Subscribe, receiver: Receiver) -> None:
    subscribe(hmac_secret_key=SECRET, hmac_key_id="k1")
    service.reopen(started=False)
    service.delivery.notify(CREATED)
    receiver.statuses = [503]
    service.reopen(delays=(600,))
    first = receiver.got.get(timeout=5)
    _wait_for_attempt(service)
    service.reopen()
    service.delivery.notify(DELETED)
    assert receiver.next()["event_type"] == "TOMBSTONE"  # the other one waits
    service.late = timedelta(seconds=601)
    service.reopen()
    method, _, headers, body = receiver.got.get(timeout=5)
    assert (method, body) == ("POST", first[3])
    check_signature(headers, body, "k1")


def _wait_for_attempt(service: Service) -> None:
    """Until the failure of the first attempt is written down."""
    for _ in range(500):
        with service.delivery._database.read() as db:
            if db.execute("SELECT count(*) FROM deliveries WHERE attempt = 1").fetchone()[0]:
                return
        threading.Event().wait(0.01)
    raise AssertionError("nothing was written down")


def test_follows_no_redirects(service: Service, subscribe: Subscribe, receiver: Receiver) -> None:
    subscribe()
    receiver.statuses = [301, 302, 307]
    receiver.headers = {"Location": receiver.url + "/elsewhere"}
    service.delivery.notify(CREATED)
    service.delivery.notify(DELETED)
    paths = [receiver.got.get(timeout=5)[:2] for _ in range(5)]
    assert paths == [("POST", "/n")] * 5


def test_a_subscriber_that_is_silent_or_away_is_no_trouble_for_others(
    service: Service, subscribe: Subscribe, receiver: Receiver
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as closed:
        away = closed.getsockname()[1]
        closed.close()
        for number in range(delivery.THREADS + 1):
            subscribe(callback_url=f"http://127.0.0.1:{silent.getsockname()[1]}/{number}")
        subscribe(callback_url=f"http://127.0.0.1:{away}/")
        subscribe(callback_url="http://a..b/")
        subscribe(callback_url="http://*/")
        subscribe()
        service.reopen(timeout=60, grace=0.01)
        service.delivery.notify(CREATED)
        assert receiver.next()["event_type"] == "CREATE"


def test_a_host_is_told_one_thing_at_a_time(service: Service, subscribe: Subscribe, receiver: Receiver) -> None:
    for _ in range(5):
        subscribe()
    service.delivery.notify(CREATED)
    for _ in range(5):
        receiver.next()
    assert receiver.most_at_once == 1


def test_a_replica_is_told_of_what_it_has(service: Service, subscribe: Subscribe, receiver: Receiver) -> None:
    subscribe()
    service.delivery.notify(replace(CREATED, arrivals={"aws": time.time() + 600}))
    service.delivery.notify(replace(DELETED, arrivals={"gcp": time.time() + 600}))
    assert receiver.next()["event_type"] == "TOMBSTONE"
    service.late = timedelta(seconds=601)
    service.reopen()
    assert receiver.next()["event_type"] == "CREATE"


def test_stops_while_a_subscriber_is_silent(service: Service, subscribe: Subscribe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        subscribe(callback_url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        service.reopen(grace=0.05)
        service.delivery.notify(CREATED)
        connection, _ = silent.accept()
        with connection:
            service.delivery.close()
            service.open(started=False)
    with service.delivery._database.read() as db:
        assert db.execute("SELECT attempt FROM deliveries").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("query", "types"),
    [
        (None, ["CREATE", "TOMBSTONE"]),
        ("event_type == 'TOMBSTONE'", ["TOMBSTONE"]),
        ("files.a_json[?b == `1`]", ["CREATE"]),
        ("contains(reason, 'x')", ["TOMBSTONE"]),  # fails for the other one, which has none
    ],
)
def test_tells_only_of_what_matches(
    service: Service, subscribe: Subscribe, receiver: Receiver, query: str | None, types: list[str]
) -> None:
    subscribe(**({} if query is None else {"jmespath_query": query}))
    last = subscribe()
    service.delivery.notify(CREATED)
    service.delivery.notify(DELETED)
    said = [receiver.next() for _ in range(len(types) + 2)]
    assert [one["event_type"] for one in said if one["subscription_id"] != last] == types


def test_tells_of_bundles_that_a_search_finds(service: Service, subscribe: Subscribe, receiver: Receiver) -> None:
    query = {"query": {"term": {"files.a_json.b": 1}}}
    other = {"query": {"term": {"files.a_json.b": 2}}}
    found = subscribe(es_query=query, attachments={"u": {"type": "jmespath", "expression": "uuid"}})
    subscribe(es_query=other)
    last = subscribe(jmespath_query="event_type == 'TOMBSTONE'")
    receiver.statuses = [500]
    service.reopen(delays=(0,))
    service.delivery.notify(CREATED)
    attempts = [receiver.got.get(timeout=5) for _ in range(2)]
    assert [headers["X-dss-notify-attempt"] for _, _, headers, _ in attempts] == ["0", "1"]
    said = json.loads(attempts[1][3])
    del said["transaction_id"]
    assert said == {
        "subscription_id": found,
        "match": {"bundle_uuid": UUID, "bundle_version": VERSION},
        "es_query": query,
        "attachments": {"u": UUID},
    }
    service.delivery.notify(DELETED)
    assert receiver.next()["subscription_id"] == last


def test_sends_forms(service: Service, subscribe: Subscribe, receiver: Receiver) -> None:
    subscribe(encoding="multipart/form-data", form_fields={"a": "b"}, method="PUT", hmac_secret_key=SECRET)
    service.delivery.notify(CREATED)
    method, _, headers, body = receiver.got.get(timeout=5)
    assert method == "PUT"
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="a"\r\n\r\nb\r\n' in body
    assert b'name="payload"\r\n\r\n{"transaction_id": ' in body
    assert hashlib.sha256(body).digest() == base64.b64decode(headers["Digest"].removeprefix("SHA-256="))


def test_nothing_is_sent_for_a_subscription_that_ended(
    dss: Any, service: Service, subscribe: Subscribe, receiver: Receiver
) -> None:
    ended = subscribe()
    service.reopen(started=False)
    service.delivery.notify(CREATED)
    dss.send("DELETE", f"/subscriptions/{ended}", replica="aws")
    last = subscribe()
    service.delivery.notify(DELETED)
    service.delivery.start()
    assert receiver.next()["subscription_id"] == last


def test_goes_on_after_trouble_with_its_queue(
    service: Service, subscribe: Subscribe, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    subscribe()
    service.reopen(started=False)
    with service.delivery._database.write() as db:
        db.execute("ALTER TABLE deliveries RENAME TO lost")
    service.delivery.start()
    while "cannot be used" not in caplog.text:
        threading.Event().wait(0.01)
    with service.delivery._database.write() as db:
        db.execute("ALTER TABLE lost RENAME TO deliveries")
    service.delivery.notify(CREATED)
    assert receiver.next()["event_type"] == "CREATE"
