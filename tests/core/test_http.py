"""The one door to the network, against real servers on this machine and a clock that waits for nobody."""

from __future__ import annotations

import gzip
import http.client
import logging
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import traceback
import zlib
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path

import pytest
import urllib3
from urllib3 import exceptions as low

from hca_core.errors import ApiError, ArgumentError, AuthError, ConfigError, HcaError, NetworkError, NotFoundError
from hca_core.http import Session
from hca_core.http import stream as http_stream
from hca_core.http.answers import Explanation, explain, failure, place, readable, refused, request_id
from hca_core.http.exchange import Call, foreign_address, redirected
from hca_core.records import Credentials
from hca_core.redact import REDACTING
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, Clock, FakeServer

# Every way of asking must follow the same rules, so most tests run once with each.
WAYS = ["send", "open"]


@pytest.fixture(autouse=True)
def no_ca_variables(monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server():
    with FakeServer() as server:
        yield server


@pytest.fixture
def other():
    with FakeServer() as server:
        yield server


@pytest.fixture
def new_session(clock):
    """A function that makes sessions which live on the fake clock; they are closed at the end."""
    sessions = []

    def new(**options) -> Session:
        defaults = {"sleep": clock.sleep, "clock": clock.monotonic, "now": clock.now, "rand": lambda: 0.0}
        sessions.append(Session(**{**defaults, "read_timeout": 5.0, **options}))
        return sessions[-1]

    yield new
    for session in sessions:
        session.close()


@pytest.fixture
def session(new_session):
    return new_session()


@pytest.fixture(params=WAYS)
def get(request):
    """A function that fetches a URL's bytes through a session, in either way."""
    return fetch_by_send if request.param == "send" else fetch_by_open


def fetch_by_send(session: Session, url: str, **options) -> bytes:
    return session.send("GET", url, **options).content


def fetch_by_open(session: Session, url: str, **options) -> bytes:
    with session.open(url, **options) as stream:
        return read(stream)


def read(stream, size: int = 7) -> bytes:
    """Read a stream to its end through one small buffer."""
    parts, buffer = [], memoryview(bytearray(size))
    while count := stream.readinto(buffer):
        parts.append(bytes(buffer[:count]))
    return b"".join(parts)


def give(*tokens: str, expires_at: float | None = None):
    """An `authorize` that gives one token after the other, and the list of what it was asked."""
    remaining, asked = list(tokens), []

    def authorize(rejected: str | None) -> Credentials | None:
        asked.append(rejected)
        return Credentials(remaining.pop(0), "the test", expires_at) if remaining else None

    return authorize, asked


def words(error: BaseException) -> str:
    """Everything an error, and what it was raised from, may show to anybody; without lines of source code."""
    shown, current = [], error
    while current is not None:
        shown += [repr(current), str(getattr(current, "__dict__", "")), *traceback.format_exception_only(current)]
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(shown)


# Plain requests


def test_send_returns_the_answer(server, session):
    server.on("POST", "/x", Answer.json({"made": True}, 201))
    response = session.send("post", f"{server.url}/x", params={"replica": "aws"}, json={"a": 1}, headers={"X-A": "b"})
    assert (response.status_code, response.json()) == (201, {"made": True})
    (request,) = server.requests
    assert (request.method, request.params, request.json()) == ("POST", {"replica": ["aws"]}, {"a": 1})
    assert (request.headers["X-A"], request.headers["Content-Type"]) == ("b", "application/json")


def test_send_sends_an_empty_json_body(server, session):
    server.on("POST", "/x", Answer())
    session.send("POST", f"{server.url}/x", json={})
    assert server.requests[0].body == b"{}"


def test_send_sends_forms(server, session):
    server.on("POST", "/x", Answer())
    session.send("POST", f"{server.url}/x", data={"grant_type": "a b"})
    assert server.requests[0].body == b"grant_type=a+b"


def test_send_can_leave_the_body_unread(server, session):
    blob = server.serve_bytes("/x", b"0123456789")
    release = blob.stall(4)
    response = session.send("GET", f"{server.url}/x", stream=True)
    assert response.raw.read(4) == b"0123"
    release.set()
    assert response.raw.read() == b"456789"
    assert server.requests[0].headers["Accept-Encoding"] == "identity"


def test_open_reads_into_the_callers_buffer(server, session):
    server.serve_bytes("/b", b"0123456789", etag='"v1"')
    buffer = bytearray(b"..........")
    with session.open(f"{server.url}/b") as stream:
        assert (stream.status, stream.headers["etag"], stream.url) == (200, '"v1"', f"{server.url}/b")
        assert stream.readinto(memoryview(buffer)[2:6]) == 4
    assert buffer == b"..0123...."


def test_open_asks_for_the_bytes_as_they_are(server, session):
    server.serve_bytes("/b", b"0123")
    fetch_by_open(session, f"{server.url}/b")
    headers = server.requests[0].headers
    assert headers["Accept-Encoding"] == "identity"
    assert "Range" not in headers
    assert "If-Range" not in headers


def test_open_gives_compressed_bytes_unopened(server, session):
    server.on("GET", "/b", Answer(200, b"\x1f\x8bnot really", {"Content-Encoding": "gzip"}))
    assert fetch_by_open(session, f"{server.url}/b") == b"\x1f\x8bnot really"


def test_open_continues_at_an_offset(server, session):
    server.serve_bytes("/b", b"0123456789", etag='"v1"')
    with session.open(f"{server.url}/b", offset=4, validator='"v1"') as stream:
        assert (stream.status, stream.headers["Content-Range"], read(stream)) == (206, "bytes 4-9/10", b"456789")
    headers = server.requests[0].headers
    assert (headers["Range"], headers["If-Range"]) == ("bytes=4-", '"v1"')


def test_open_of_a_changed_file_gives_it_whole(server, session):
    server.serve_bytes("/b", b"0123456789", etag='"v2"')
    with session.open(f"{server.url}/b", offset=4, validator='"v1"') as stream:
        assert (stream.status, read(stream)) == (200, b"0123456789")


def test_open_beyond_the_end_is_an_answer_too(server, session):
    server.serve_bytes("/b", b"0123456789")
    with session.open(f"{server.url}/b", offset=10) as stream:
        assert (stream.status, stream.headers["Content-Range"]) == (416, "bytes */10")


def test_send_does_not_take_416_for_an_answer(server, session):
    server.on("GET", "/b", Answer(416))
    with pytest.raises(ApiError) as caught:
        session.send("GET", f"{server.url}/b")
    assert caught.value.status == 416


def test_a_validator_that_cannot_be_sent_gives_the_whole_file(server, session):
    server.serve_bytes("/b", b"0123456789", etag='"v1"')
    with session.open(f"{server.url}/b", offset=4, validator='"v1"\r\nX-Evil: 1') as stream:
        assert stream.status == 200
    assert "X-Evil" not in server.requests[0].headers


def test_a_slice_is_asked_for_where_the_redirects_led(server, other, session):
    other.serve_bytes("/signed", b"0123456789", '"v1"')
    server.on("GET", "/b", Answer.redirect(f"{other.url}/signed?x=1"))
    with session.open(f"{server.url}/b") as stream, stream.open_slice(2, 5, '"v1"') as part:
        assert (part.status, read(part)) == (206, b"234")
    asked = other.requests[-1]
    assert (asked.query, asked.headers["Range"], asked.headers["If-Range"]) == ("x=1", "bytes=2-4", '"v1"')
    assert server.count("GET", "/b") == 1


@pytest.mark.parametrize("status", [403, 412, 416, 429, 503])
def test_a_slice_is_asked_for_once_and_a_refusal_is_an_answer(server, session, clock, status):
    blob = server.serve_bytes("/b", b"0123456789", '"v1"')
    with session.open(f"{server.url}/b") as stream:
        blob.answer_once(Answer(status, headers={"Retry-After": "5"}))
        with stream.open_slice(2, 5, '"v1"') as part:
            assert part.status == status
    assert server.count("GET", "/b") == 2
    assert clock.sleeps == []


@pytest.mark.parametrize(
    "answer", [Answer(hang_up=True), Answer.redirect("/c"), Answer.redirect("/c", 301, retry_after=5)]
)
def test_a_slice_that_is_not_answered_is_a_failure_at_once(server, session, clock, answer):
    blob = server.serve_bytes("/b", b"0123456789", '"v1"')
    with session.open(f"{server.url}/b") as stream:
        blob.answer_once(answer)
        with pytest.raises(NetworkError):
            stream.open_slice(2, 5, '"v1"')
    assert clock.sleeps == []


def test_a_slice_with_a_validator_that_cannot_be_sent_is_not_asked_for(server, session):
    server.serve_bytes("/b", b"0123456789", '"v1"')
    with session.open(f"{server.url}/b") as stream, pytest.raises(NetworkError):
        stream.open_slice(2, 5, '"v1"\r\nX-Evil: 1')
    assert server.count("GET", "/b") == 1


def test_what_needs_a_login_has_no_slices(server, new_session):
    server.serve_bytes("/b", b"0123456789", '"v1"')
    authorize, _ = give("t")
    with new_session(authorize=authorize).open(f"{server.url}/b", secured=True) as stream:
        assert stream.open_slice is None


@pytest.mark.parametrize("status", [202, 204, 304])
def test_open_wants_a_file(server, session, status):
    server.on("GET", "/b", Answer(status))
    with pytest.raises(ApiError, match=f"answered with {status}, which is not a file") as caught:
        session.open(f"{server.url}/b?token=s3cr3t")
    assert "s3cr3t" not in words(caught.value)


def test_an_empty_file(server, session):
    server.serve_bytes("/b", b"")
    for _ in range(2):
        assert fetch_by_open(session, f"{server.url}/b") == b""
    assert server.connections == 1


def test_chunked_files(server, session):
    blob = server.serve_bytes("/b", b"0123456789")
    blob.chunk(times=2)
    for _ in range(2):
        assert fetch_by_open(session, f"{server.url}/b") == b"0123456789"
    assert server.connections == 1


def test_connections_are_kept_across_redirects(server, other, session):
    blob = other.serve_bytes("/b", b"0123456789")
    server.on("GET", "/f", lambda _: Answer.redirect(f"{other.url}/b"))
    for _ in range(3):
        assert fetch_by_open(session, f"{server.url}/f") == b"0123456789"
        assert fetch_by_send(session, f"{server.url}/f") == b"0123456789"
    assert (blob.sent, server.connections, other.connections) == (60, 2, 2)


def test_servers_that_close_every_connection(server, session, get):
    server.on("GET", "/b", Answer(200, b"0123", {"Connection": "close"}))
    for _ in range(3):
        assert get(session, f"{server.url}/b") == b"0123"
    assert server.connections == 3


def test_a_connection_the_server_has_closed_is_not_used_again(session, clock, get):
    port = free_port()
    for _ in range(2):
        with FakeServer(port=port) as server:
            server.serve_bytes("/b", b"0123")
            assert get(session, f"{server.url}/b") == b"0123"
    assert clock.sleeps == []


def test_an_abandoned_stream_does_not_spoil_the_next_request(server, session):
    server.serve_bytes("/b", bytes(1 << 20))
    server.serve_bytes("/c", b"next")
    stream = session.open(f"{server.url}/b")
    stream.readinto(memoryview(bytearray(10)))
    stream.close()
    assert fetch_by_open(session, f"{server.url}/c") == b"next"


def test_the_connection_of_an_abandoned_stream_is_not_kept(server, session, clock):
    server.serve_bytes("/b", b"0123456789").stall(4)
    server.serve_bytes("/c", b"next")
    with session.open(f"{server.url}/b") as stream:
        assert stream.readinto(memoryview(bytearray(4))) == 4
    assert fetch_by_open(session, f"{server.url}/c") == b"next"
    assert (server.connections, clock.sleeps) == (2, [])


def test_many_threads_share_a_session(server, session):
    server.on("GET", "/f", lambda request: Answer.redirect(f"/b?{request.query}"))
    server.on("GET", "/b", lambda request: Answer(200, request.query.encode() * 1000))
    results: dict[int, bytes] = {}

    def work(number: int) -> None:
        for _ in range(10):
            results[number] = fetch_by_open(session, f"{server.url}/f?{number}", secured=False)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: str(number).encode() * 1000 for number in range(8)}
    assert server.connections <= 8


def test_a_session_can_be_used_after_it_was_closed(server, session):
    server.serve_bytes("/b", b"0123")
    session.close()
    assert fetch_by_open(session, f"{server.url}/b") == b"0123"


def test_we_introduce_ourselves(server, new_session, get):
    server.serve_bytes("/b", b"")
    get(new_session(), f"{server.url}/b")
    get(new_session(user_agent="mine/1"), f"{server.url}/b")
    agents = [request.headers["User-Agent"] for request in server.requests]
    assert agents[0].startswith("hca/")
    assert agents[1] == "mine/1"


def test_nothing_is_remembered_between_requests(server, session):
    server.on("GET", "/x", Answer(200, b"", {"Set-Cookie": "session=1; Path=/"}))
    session.send("GET", f"{server.url}/x")
    session.send("GET", f"{server.url}/x")
    assert "Cookie" not in server.requests[1].headers


def test_netrc_is_not_read(server, session, home, get):
    (home / ".netrc").write_text("machine 127.0.0.1 login me password s3cr3t\n")
    server.serve_bytes("/b", b"")
    get(session, f"{server.url}/b")
    assert "Authorization" not in server.requests[0].headers


# Bodies that break off


def test_a_short_body_is_an_error(server, session):
    server.serve_bytes("/b", b"0123456789").cut(4)
    stream = session.open(f"{server.url}/b?X-Amz-Signature=s3cr3t")
    with pytest.raises(NetworkError, match="after 4 of 10 bytes") as caught:
        read(stream, size=4)
    assert "s3cr3t" not in words(caught.value)


def test_a_body_shorter_than_claimed_is_an_error(server, session):
    server.serve_bytes("/b", b"0123456789").claim(100)
    with pytest.raises(NetworkError, match="after 10 of 100 bytes"):
        fetch_by_open(session, f"{server.url}/b")


def test_a_body_longer_than_claimed_ends_where_it_should(server, session):
    server.serve_bytes("/b", b"0123456789").claim(4)
    assert fetch_by_open(session, f"{server.url}/b") == b"0123"


def test_a_chunked_body_that_breaks_off_is_an_error(server, session):
    server.on("GET", "/b", Answer(200, b"0123456789", chunked=True, cut=4))
    with pytest.raises(NetworkError, match=r"broke: .* after 4 bytes|after 0 bytes"):
        fetch_by_open(session, f"{server.url}/b")


def test_a_stalled_body_is_an_error(server, new_session):
    release = server.serve_bytes("/b", b"0123456789").stall(4)
    stream = new_session(read_timeout=0.1).open(f"{server.url}/b")
    with pytest.raises(NetworkError, match="stopped answering"):
        read(stream, size=10)
    release.set()


@pytest.fixture
def saying():
    """A function that serves the same bytes to everybody who asks for anything, and returns the URL."""
    with ExitStack() as opened:

        def serve(text: bytes) -> str:
            class Handler(socketserver.StreamRequestHandler):
                def handle(self) -> None:
                    while self.rfile.readline() not in (b"\r\n", b""):
                        pass
                    self.wfile.write(text)

            server = opened.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
            opened.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield serve


FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"


def test_what_comes_before_the_answer_of_a_file_is_not_the_answer(saying, session):
    assert fetch_by_open(session, saying(EARLY + b"HTTP/1.1 100 Continue\r\n\r\n" + FINE)) == b"ok"


@pytest.mark.parametrize(("get", "before"), [(fetch_by_send, EARLY), (fetch_by_open, EARLY * 20)])
def test_what_comes_before_an_answer_is_never_returned(saying, session, get, before):
    with pytest.raises(NetworkError, match=r"broke: (something came before|no answer came)"):
        get(session, saying(before + FINE))


def test_a_piece_of_an_answer_with_a_length_below_zero(saying, session, get):
    url = saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n")
    with pytest.raises(NetworkError):
        get(session, url)


def test_a_small_answer_does_not_become_a_huge_one(server, session, monkeypatch):
    monkeypatch.setattr(http_stream, "MOST_BODY", 1_000_000)
    packed = gzip.compress(bytes(1_000_000))
    server.on("GET", "/fine", Answer(200, packed, {"Content-Encoding": "gzip"}))
    assert len(fetch_by_send(session, f"{server.url}/fine")) == 1_000_000
    server.on("GET", "/huge", Answer(200, gzip.compress(bytes(1_000_001)), {"Content-Encoding": "gzip"}))
    with pytest.raises(ApiError, match="was answered with more than"):
        fetch_by_send(session, f"{server.url}/huge")
    assert server.count("GET", "/huge") == 1


def test_an_answer_must_end_before_the_deadline(server, new_session):
    ticks = iter(range(10_000))
    session = new_session(policy=RetryPolicy(deadline=5), clock=lambda: float(next(ticks)))
    server.on("GET", "/b", Answer(200, bytes(2_000_000)))
    with pytest.raises(NetworkError, match="stopped answering"):
        fetch_by_send(session, f"{server.url}/b")


@pytest.mark.parametrize("host", ["a..b", ".a", "...", "a" * 64, "a." * 127 + "a", "1:2:", ""])
def test_no_host_has_such_a_name(server, session, get, host):
    server.on("GET", "/b", Answer(302, b"", {"Location": f"https://{host}/x"}))
    with pytest.raises(NetworkError, match="redirected to an address that is not allowed"):
        get(session, f"{server.url}/b")


def test_send_tries_again_when_the_body_breaks_off(server, session):
    server.serve_bytes("/b", b"0123456789").cut(4)
    assert session.send("GET", f"{server.url}/b").content == b"0123456789"
    assert server.count("GET", "/b") == 2


def test_send_does_not_repeat_a_post_whose_answer_breaks_off(server, session):
    server.on("POST", "/x", Answer(200, b"0123456789", cut=4), Answer(200))
    with pytest.raises(NetworkError) as caught:
        session.send("POST", f"{server.url}/x")
    assert (server.count("POST", "/x"), caught.value.attempts) == (1, 1)


# Trying again


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_servers_are_asked_again(server, session, clock, get, status):
    server.on("GET", "/x", Answer(status), Answer(status), Answer(200, b"ok"))
    assert get(session, f"{server.url}/x") == b"ok"
    assert clock.sleeps == pytest.approx([0.1, 0.2])


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_exactly(server, session, clock, get, status):
    server.on("GET", "/x", Answer(status, headers={"Retry-After": "7"}), Answer(200, b"ok"))
    assert get(session, f"{server.url}/x") == b"ok"
    assert clock.sleeps == [7]


def test_retry_after_may_be_a_date(server, session, clock, get):
    date = formatdate(clock.now() + 90, usegmt=True)
    server.on("GET", "/x", Answer(503, headers={"Retry-After": date}), Answer(200, b"ok"))
    assert get(session, f"{server.url}/x") == b"ok"
    assert clock.sleeps == [90]


@pytest.mark.parametrize("value", ["-1", "soon", ""])
def test_a_senseless_retry_after_is_ignored(server, session, clock, get, value):
    server.on("GET", "/x", Answer(503, headers={"Retry-After": value}), Answer(200, b"ok"))
    assert get(session, f"{server.url}/x") == b"ok"
    assert clock.sleeps == pytest.approx([0.1])


def test_a_wait_beyond_the_deadline_gives_up_at_once(server, session, clock, get):
    server.on("GET", "/x", Answer.problem(503, "read_only", "Back next year", {"Retry-After": "99999999"}))
    with pytest.raises(NetworkError, match=r"read_only: Back next year.*99999999 s.*3600 s") as caught:
        get(session, f"{server.url}/x")
    assert (clock.sleeps, caught.value.attempts) == ([], 1)
    assert "network.deadline" in caught.value.hint


def test_all_waits_together_keep_the_deadline(server, new_session, clock, get):
    server.on("GET", "/x", Answer(503, headers={"Retry-After": "40"}))
    with pytest.raises(NetworkError, match="100 s"):
        get(new_session(policy=RetryPolicy(deadline=100)), f"{server.url}/x")
    assert clock.sleeps == [40, 40]


def test_the_servers_explanation_survives_the_last_try(server, new_session, clock, get):
    server.on("GET", "/x", Answer.problem(503, "service_unavailable", "The index\x1b[31m is\n down"))
    with pytest.raises(NetworkError) as caught:
        get(new_session(policy=RetryPolicy(attempts=3)), f"{server.url}/x?token=s3cr3t")
    assert caught.value.message == (
        f"GET {server.url}/x was answered with 503 Service Unavailable: "
        "service_unavailable: The index [31m is down (given up after 3 tries)."
    )
    assert (caught.value.attempts, len(clock.sleeps)) == (3, 2)
    assert caught.value.url == f"{server.url}/x?token=***"


def test_broken_connections_are_tried_again(server, session, clock, get):
    server.on("GET", "/x", Answer(hang_up=True), Answer(hang_up=True), Answer(200, b"ok"))
    assert get(session, f"{server.url}/x") == b"ok"
    assert clock.sleeps == pytest.approx([0.1, 0.2])


def test_a_server_that_never_answers(server, new_session, get):
    server.on("GET", "/x", Answer(hang_up=True))
    with pytest.raises(NetworkError, match=r"The connection to 127.0.0.1:\d+ broke.*after 2 tries") as caught:
        get(new_session(policy=RetryPolicy(attempts=2)), f"{server.url}/x?sig=s3cr3t")
    assert caught.value.attempts == 2
    assert "s3cr3t" not in words(caught.value)


def test_a_server_that_is_too_slow(new_session, get):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        session = new_session(read_timeout=0.05, policy=RetryPolicy(attempts=2))
        with pytest.raises(NetworkError, match=r"stopped answering.*after 2 tries"):
            get(session, f"http://127.0.0.1:{silent.getsockname()[1]}/x")


def test_a_server_that_is_not_there(new_session, get):
    session = new_session(policy=RetryPolicy(attempts=2))
    with pytest.raises(NetworkError, match=r"No connection to 127.0.0.1:\d+: Connection refused.*after 2 tries"):
        get(session, f"http://127.0.0.1:{free_port()}/x?sig=s3cr3t")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
def test_other_repeatable_methods(server, session, method):
    server.on(method, "/x", Answer(hang_up=True), Answer(502), Answer(200))
    assert session.send(method, f"{server.url}/x").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_must_not_be_sent_twice_is_not(server, session, clock, method):
    server.on(method, "/x", Answer(hang_up=True), Answer(200))
    with pytest.raises(NetworkError):
        session.send(method, f"{server.url}/x", json={})
    assert (server.count(method, "/x"), clock.sleeps) == (1, [])


@pytest.mark.parametrize("status", [429, 503])
def test_an_error_to_what_must_not_be_sent_twice_is_final(server, session, status):
    server.on("POST", "/x", Answer.problem(status, "busy", "later"), Answer(200))
    with pytest.raises(ApiError) as caught:
        session.send("POST", f"{server.url}/x", json={})
    assert (caught.value.status, caught.value.code, server.count("POST", "/x")) == (status, "busy", 1)


def test_a_post_may_be_declared_harmless(server, session):
    server.on("POST", "/search", Answer(hang_up=True), Answer(503), Answer(200))
    assert session.send("POST", f"{server.url}/search", json={}, retryable=True).status_code == 200
    assert [request.body for request in server.requests] == [b"{}"] * 3


def test_a_get_may_be_declared_harmful(server, session):
    server.on("GET", "/x", Answer(503), Answer(200))
    with pytest.raises(ApiError):
        session.send("GET", f"{server.url}/x", retryable=False)


def test_a_post_that_never_left_is_sent_again(new_session):
    port = free_port()
    servers = []

    def sleep(_: float) -> None:
        servers.append(FakeServer(port=port).__enter__())
        servers[0].on("POST", "/x", Answer(201))

    try:
        response = new_session(sleep=sleep).send("POST", f"http://127.0.0.1:{port}/x", json={"a": 1})
        assert response.status_code == 201
        assert [request.json() for request in servers[0].requests] == [{"a": 1}]
    finally:
        for server in servers:
            server.__exit__()


def test_501_is_final(server, session, clock, get):
    server.on("GET", "/x", Answer(501))
    with pytest.raises(ApiError, match="501 Not Implemented"):
        get(session, f"{server.url}/x")
    assert clock.sleeps == []


# Waits are told


def test_long_waits_are_told(server, new_session, clock, get):
    told = []
    server.on(
        "GET",
        "/x",
        Answer(429, headers={"Retry-After": "30"}),
        Answer.redirect("/x?token=s3cr3t", 301, retry_after=10),
        Answer(503, headers={"Retry-After": "1"}),
        Answer(200),
    )
    get(new_session(on_wait=lambda seconds, reason: told.append((seconds, reason))), f"{server.url}/x")
    assert told == [
        (30, f"GET {server.url}/x was answered with 429 Too Many Requests"),
        (10, f"{server.host} is preparing the answer"),
    ]
    assert clock.sleeps == [30, 10, 1]


# Redirects


def test_a_poll_waits_as_often_and_as_long_as_asked(server, session, clock, get):
    def poll(request):
        if server.count("GET", "/f") <= 3:
            return Answer.redirect(f"/f?token={server.count('GET', '/f')}", 301, retry_after=10)
        return Answer(200, b"done")

    server.on("GET", "/f", poll)
    assert get(session, f"{server.url}/f") == b"done"
    assert clock.sleeps == [10, 10, 10]
    assert [request.query for request in server.requests] == ["", "token=1", "token=2", "token=3"]


def test_a_poll_may_take_many_redirects(server, session, clock, get):
    polls = [Answer.redirect("/f", 301, retry_after=1)] * 100
    server.on("GET", "/f", *polls, Answer(200, b"done"))
    assert get(session, f"{server.url}/f") == b"done"
    assert clock.slept == 100


def test_a_poll_ends_at_the_deadline(server, new_session, clock, get):
    server.on("GET", "/f", Answer.redirect("/f?token=s3cr3t", 301, retry_after=10))
    with pytest.raises(NetworkError, match=r"still preparing the answer.*in 10 s.*65 s") as caught:
        get(new_session(policy=RetryPolicy(deadline=65)), f"{server.url}/f")
    assert clock.sleeps == [10] * 6
    assert "s3cr3t" not in words(caught.value)


@pytest.mark.parametrize("value", ["99999999", "9" * 400])
def test_a_redirect_that_asks_for_years_is_refused(server, session, clock, get, value):
    server.on("GET", "/f", Answer.redirect("/f", 301, retry_after=value))
    with pytest.raises(NetworkError, match="beyond the 3600 s"):
        get(session, f"{server.url}/f")
    assert clock.sleeps == []


@pytest.mark.parametrize("retry_after", [None, "0", "-1", "soon"])
def test_a_redirect_loop_is_bounded(server, session, clock, get, retry_after):
    server.on("GET", "/f", Answer.redirect("/f", 301, retry_after=retry_after))
    with pytest.raises(NetworkError, match="redirected more than 20 times"):
        get(session, f"{server.url}/f")
    assert (server.count("GET", "/f"), clock.slept) == (21, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_all_redirects_are_followed(server, session, get, status):
    server.on("GET", "/a", Answer.redirect("b/c?d=%2F", status))
    server.on("GET", "/b/c", Answer(200, b"ok"))
    assert get(session, f"{server.url}/a") == b"ok"
    assert server.requests[1].query == "d=%2F"


def test_retries_start_afresh_after_a_redirect(server, new_session, get):
    server.on("GET", "/a", Answer(503), Answer.redirect("/b"))
    server.on("GET", "/b", Answer(503), Answer(200, b"ok"))
    assert get(new_session(policy=RetryPolicy(attempts=2)), f"{server.url}/a") == b"ok"


@pytest.mark.parametrize("status", [400, 403, 404])
def test_an_address_that_expired_on_the_way_is_asked_for_again(server, other, session, clock, get, status):
    server.on("GET", "/f", *[Answer.redirect(f"{other.url}/b?sig={number}") for number in (1, 2)])
    # The store is busy until the address has expired, which is what waiting for it does.
    other.on("GET", "/b", Answer(503), Answer(status), Answer(200, b"0123"))
    assert get(session, f"{server.url}/f") == b"0123"
    assert [request.query for request in other.requests] == ["sig=1", "sig=1", "sig=2"]
    assert len(clock.sleeps) == 1


def test_an_address_that_is_refused_twice_is_refused(server, other, session, get):
    server.on("GET", "/f", Answer.redirect(f"{other.url}/b"))
    other.on("GET", "/b", Answer(403))
    with pytest.raises(AuthError):
        get(session, f"{server.url}/f")
    assert (len(server.requests), len(other.requests)) == (2, 2)


def test_what_must_not_be_repeated_is_not_begun_again(server, other, session):
    server.on("POST", "/f", Answer.redirect(f"{other.url}/b", 307))
    other.on("POST", "/b", Answer(403))
    with pytest.raises(AuthError):
        session.send("POST", f"{server.url}/f", json={})
    assert len(server.requests) == 1


def test_beginning_again_uses_the_renewed_token(server, other, new_session):
    authorize, _ = give("t1", "t2")
    server.on("GET", "/f", Answer(401), Answer.redirect(f"{other.url}/b"))
    other.on("GET", "/b", Answer(403), Answer(200, b"0123"))
    session = new_session(authorize=authorize)
    assert session.send("GET", f"{server.url}/f", secured=True).content == b"0123"
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer t1", "Bearer t2", "Bearer t2"]
    assert not any("Authorization" in request.headers for request in other.requests)


def test_a_range_survives_a_redirect(server, other, session):
    server.on("GET", "/a", Answer.redirect(f"{other.url}/b"))
    other.serve_bytes("/b", b"0123456789")
    assert fetch_by_open(session, f"{server.url}/a", offset=4) == b"456789"


def test_the_final_address_is_known(server, other, session):
    server.on("GET", "/a", Answer.redirect(f"{other.url}/b"))
    other.serve_bytes("/b", b"")
    assert session.send("GET", f"{server.url}/a").url == f"{other.url}/b"
    assert session.open(f"{server.url}/a").url == f"{other.url}/b"


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("POST", 307, "POST"),
        ("PUT", 301, "PUT"),
        ("PATCH", 308, "PATCH"),
    ],
)
def test_the_method_after_a_redirect(server, session, method, status, then):
    body = b"" if then in ("GET", "HEAD") else b"body"
    server.on(method, "/a", Answer.redirect("/b", status))
    server.on(then, "/b", Answer(200))
    session.send(method, f"{server.url}/a", data=b"body", headers={"Content-Type": "text/x"})
    last = server.requests[-1]
    assert (last.method, last.path) == (then, "/b")
    if then != "HEAD":
        assert last.body == body
        assert ("Content-Type" in last.headers) == bool(body)


@pytest.mark.parametrize(
    "location",
    [
        "http://192.0.2.1/x",
        "ftp://127.0.0.1/x",
        "http://user:s3cr3t@127.0.0.1/x",
        "http://127.0.0.1:99999/x",
        "http://",
    ],
)
def test_redirects_to_bad_addresses_are_not_followed(server, session, get, location):
    server.on("GET", "/a", Answer.redirect(location))
    with pytest.raises(NetworkError, match="not followed") as caught:
        get(session, f"{server.url}/a")
    assert "s3cr3t" not in words(caught.value)


def test_an_address_in_an_object_store_is_an_answer_to_those_who_want_it(server, session):
    server.on("GET", "/a", Answer.redirect("/b"))
    server.on("GET", "/b", Answer.redirect("S3://bucket/Gr\u00fc\u00dfe".encode().decode("latin-1")))
    answer = session.send("GET", f"{server.url}/a", addresses=True)
    assert foreign_address(answer.status_code, answer.headers) == "S3://bucket/Grüße"
    for ask in (session.send, lambda _, url: session.open(url)):
        with pytest.raises(NetworkError, match="not followed"):
            ask("GET", f"{server.url}/a")


@pytest.mark.parametrize("location", ["/b", "b", "//bucket/b", "mailto:a@b.example", "C:/b", "https://user:p@b/"])
def test_other_redirects_are_no_addresses(location):
    assert foreign_address(302, {"Location": location}) is None
    assert foreign_address(200, {"Location": "s3://bucket/b"}) is None


def test_a_redirect_without_a_place_is_no_redirect(server, session):
    server.on("GET", "/a", Answer(301))
    assert session.send("GET", f"{server.url}/a").status_code == 301
    with pytest.raises(ApiError, match="301, which is not a file"):
        session.open(f"{server.url}/a")


def call(url: str = "https://a.example/x", method: str = "GET") -> Call:
    return Call(method, url, {"Authorization": "Bearer t", "Range": "bytes=1-"})


@pytest.mark.parametrize(
    "location", ["/y", "https://a.example/y", "//a.example:443/y", "?token=1", "HTTPS://A.EXAMPLE/y"]
)
def test_credentials_stay_on_their_host(location):
    assert redirected(call(), 302, location).token_sent


@pytest.mark.parametrize(
    "location", ["https://b.example/y", "//b.example", "https://a.example:444/y", "https://a.example.evil/y"]
)
def test_credentials_do_not_go_elsewhere(location):
    after = redirected(call(), 302, location)
    assert not after.token_sent
    assert after.headers["Range"] == "bytes=1-"


def test_secrets_of_the_caller_do_not_go_elsewhere_either():
    before = Call("GET", "https://a.example/x", {"authorization": "Basic s", "COOKIE": "s", "X-Mine": "1"})
    assert redirected(before, 307, "https://b.example/").headers == {"X-Mine": "1"}


def test_credentials_do_not_change_the_scheme():
    assert not redirected(call("http://127.0.0.1/x"), 302, "https://127.0.0.1/x").token_sent


def test_https_is_never_left_for_http():
    with pytest.raises(NetworkError, match="plain http"):
        redirected(call(), 302, "http://a.example/y")


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/a b", "https://a.example/a%20b"),
        ("/ä".encode().decode("latin-1"), "https://a.example/%C3%A4"),
        ("/a%2Fb?sig=a%2Bb%3D#part", "https://a.example/a%2Fb?sig=a%2Bb%3D"),
    ],
)
def test_locations_are_only_escaped_where_they_must(location, url):
    assert redirected(call(), 302, location).url == url


# Addresses


@pytest.mark.parametrize("url", ["http://192.0.2.1/x", "http://data.example.org/x", "http://127.0.0.1.evil.example/"])
def test_plain_http_is_for_this_machine_only(session, get, url):
    with pytest.raises(ConfigError, match="plain http") as caught:
        get(session, url)
    assert caught.value.key == "network.allow_http"


def test_plain_http_can_be_allowed(new_session, server, get):
    """The server plays the proxy, so that nothing leaves this machine."""
    server.on("GET", "http://data.example.org/x", Answer(200, b"ok"))
    assert get(new_session(allow_http=True, proxy=server.url), "http://data.example.org/x?a=1") == b"ok"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no address",
        "file:///etc/passwd",
        "https://",
        "https://[::1",
        "https://h:port/",
        "https://ex ample/",
        "https://a\\@b/",
    ],
)
def test_what_is_no_address_is_said_so(session, get, url):
    with pytest.raises(ConfigError):
        get(session, url)


def test_addresses_carry_no_passwords(session, get):
    with pytest.raises(ConfigError, match="user name or password") as caught:
        get(session, "https://me:s3cr3t@127.0.0.1/")
    assert "s3cr3t" not in words(caught.value)


def test_a_header_that_cannot_be_sent(session):
    with pytest.raises(ArgumentError) as caught:
        session.send("GET", "http://127.0.0.1/", headers={"X": "s3cr3t\r\nY: 1"})
    assert "s3cr3t" not in words(caught.value)


# Refusals


def test_not_found(server, session, get):
    answer = Answer.problem(404, "not_found", "Cannot find bundle!", {"X-AWS-REQUEST-ID": "r-1"})
    server.on("GET", "/x", answer)
    with pytest.raises(NotFoundError) as caught:
        get(session, f"{server.url}/x")
    error = caught.value
    assert error.message == f"GET {server.url}/x was answered with 404 Not Found: not_found: Cannot find bundle!."
    assert (error.status, error.code, error.title, error.request_id) == (404, "not_found", "Cannot find bundle!", "r-1")
    assert error.details["status"] == 404
    assert error.url == f"{server.url}/x"


@pytest.mark.parametrize("status", [400, 409, 410, 422])
def test_other_refusals(server, session, get, status):
    server.on("GET", "/x", Answer(status, b"because", {"x-amzn-RequestId": "r-2"}))
    with pytest.raises(ApiError, match="because") as caught:
        get(session, f"{server.url}/x")
    assert (type(caught.value), caught.value.status, caught.value.details) == (ApiError, status, "because")
    assert caught.value.request_id == "r-2"


def test_a_refusal_to_head_has_no_words(server, session):
    server.on("HEAD", "/x", Answer.problem(404, "not_found", "gone"))
    with pytest.raises(NotFoundError, match="404 Not Found"):
        session.send("HEAD", f"{server.url}/x")


def test_a_refusal_can_be_an_answer_and_is_then_read_completely(server, session):
    words = b"x" * 200_000
    server.on("PUT", "/a", Answer(400, words, cut=100_000), Answer(400, words))
    answer = session.send("PUT", f"{server.url}/a", accept=[400])
    assert (answer.status_code, answer.content) == (400, words)
    with pytest.raises(ApiError):
        session.send("PUT", f"{server.url}/a", accept=[409])


def test_a_refusal_leaves_the_connection_usable(server, session, get):
    server.on("GET", "/x", Answer.problem(404, "not_found", "x" * 1000))
    for _ in range(3):
        with pytest.raises(NotFoundError):
            get(session, f"{server.url}/x")
    assert server.connections == 1


def test_a_huge_refusal_is_cut_short(server, session, get):
    server.on("GET", "/x", Answer(400, b"x" * 1_000_000))
    with pytest.raises(ApiError) as caught:
        get(session, f"{server.url}/x")
    assert len(caught.value.message) < 500
    assert len(caught.value.details) <= 65536


def test_a_refused_password_is_not_replaced_by_a_token(server, new_session):
    server.on("GET", "/x", Answer(401))
    session = new_session(authorize=lambda rejected: Credentials("t", "test"))
    with pytest.raises(AuthError):
        session.send("GET", f"{server.url}/x", headers={"Authorization": "Basic bWU6cHc="})
    assert [request.headers["Authorization"] for request in server.requests] == ["Basic bWU6cHc="]


def test_401_and_403_are_told_apart(server, session, get):
    server.on(
        "GET", "/x", Answer.problem(401, "Unauthorized", "No token"), Answer.problem(403, "Forbidden", "No group")
    )
    with pytest.raises(AuthError, match="401 Unauthorized: No token") as first:
        get(session, f"{server.url}/x")
    with pytest.raises(AuthError, match="403 Forbidden: No group") as second:
        get(session, f"{server.url}/x")
    assert first.value.hint != second.value.hint


# Credentials


def test_nobody_is_asked_for_credentials_that_are_not_needed(server, new_session, get):
    authorize, asked = give("t1")
    server.serve_bytes("/x", b"")
    get(new_session(authorize=authorize), f"{server.url}/x")
    assert asked == []
    assert "Authorization" not in server.requests[0].headers


def test_credentials_are_asked_for_once(server, new_session, get):
    authorize, asked = give("t1")
    session = new_session(authorize=authorize)
    server.serve_bytes("/x", b"")
    get(session, f"{server.url}/x", secured=True)
    get(session, f"{server.url}/x", secured=True)
    get(session, f"{server.url}/x")
    assert asked == [None]
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer t1", "Bearer t1", None]


def test_credentials_are_asked_for_again_when_they_have_expired(server, new_session, clock, get):
    authorize, asked = give("t1", "t2", expires_at=clock.now() + 3600)
    session = new_session(authorize=authorize)
    server.serve_bytes("/x", b"")
    get(session, f"{server.url}/x", secured=True)
    clock.advance(3590)
    get(session, f"{server.url}/x", secured=True)
    assert asked == [None, None]
    assert server.requests[-1].headers["Authorization"] == "Bearer t2"


def test_a_refused_token_is_replaced_once(server, new_session, get):
    def check(request):
        good = request.headers["Authorization"] == "Bearer t2"
        return Answer(200, b"ok") if good else Answer.problem(401, "Unauthorized", "expired")

    authorize, asked = give("t1", "t2")
    server.on("GET", "/x", check)
    session = new_session(authorize=authorize)
    assert get(session, f"{server.url}/x", secured=True) == b"ok"
    assert get(session, f"{server.url}/x", secured=True) == b"ok"
    assert asked == [None, "t1"]
    assert server.count("GET", "/x") == 3


@pytest.mark.parametrize("tokens", [("t1",), ("t1", "t1"), ("t1", "t2", "t3")])
def test_a_token_refused_again_is_an_error(server, new_session, get, tokens):
    authorize, asked = give(*tokens)
    server.on("GET", "/x", Answer.problem(401, "Unauthorized", "expired"))
    with pytest.raises(AuthError, match="expired") as caught:
        get(new_session(authorize=authorize), f"{server.url}/x", secured=True)
    assert asked == [None, "t1"]
    assert server.count("GET", "/x") == len(set(tokens[:2]))
    assert "log in again" in caught.value.hint


def test_what_the_service_said_of_a_token_is_told(server, new_session, get):
    """Whoever looks for another token knows where it came from, but not what was wrong with it."""

    def authorize(rejected):
        if rejected:
            raise AuthError("Nobody has another token.", hint="Log in.")
        return Credentials("t1", "the test")

    server.on("GET", "/x", Answer.problem(401, "Unauthorized", "Its audience\x1b[2J is another."), Answer(401))
    for words in (" The service said: Unauthorized: Its audience [2J is another.", ""):
        with pytest.raises(AuthError) as caught:
            get(new_session(authorize=authorize), f"{server.url}/x", secured=True)
        assert caught.value.message == str(caught.value) == f"Nobody has another token.{words}"


def test_a_refused_token_also_renews_a_post(server, new_session):
    authorize, _ = give("t1", "t2")
    server.on("POST", "/x", Answer(401), Answer(201))
    session = new_session(authorize=authorize)
    assert session.send("POST", f"{server.url}/x", json={"a": 1}, secured=True).status_code == 201
    assert [request.json() for request in server.requests] == [{"a": 1}] * 2


def test_threads_renew_a_token_together(server, new_session):
    lock, asked = threading.Lock(), []

    def authorize(rejected: str | None) -> Credentials:
        with lock:
            asked.append(rejected)
            return Credentials("t2" if rejected else "t1", "the test")

    everybody = threading.Barrier(6)

    def check(request):
        if request.headers["Authorization"] == "Bearer t2":
            return Answer(200)
        everybody.wait(timeout=5)
        return Answer(401)

    server.on("GET", "/x", check)
    session = new_session(authorize=authorize)
    threads = [
        threading.Thread(target=fetch_by_open, args=(session, f"{server.url}/x"), kwargs={"secured": True})
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [None, "t1"]


def test_no_credentials_at_all(server, new_session, get):
    for session in (new_session(), new_session(authorize=lambda _: None)):
        with pytest.raises(AuthError, match="needs a login"):
            get(session, f"{server.url}/x", secured=True)
    assert server.requests == []


@pytest.mark.parametrize("token", ["", "s3cr3t\n", "s3cr3t s3cr3t", "s3cr3t\x00", "s3cr3té"])
def test_a_token_that_cannot_be_sent(server, new_session, get, token):
    authorize, _ = give(token)
    with pytest.raises(AuthError, match="The token from the test is not one") as caught:
        get(new_session(authorize=authorize), f"{server.url}/x", secured=True)
    assert "s3cr3t" not in words(caught.value)
    assert server.requests == []


def test_a_bad_address_is_refused_before_anyone_must_log_in(new_session, get):
    authorize, asked = give("t1")
    with pytest.raises(ConfigError):
        get(new_session(authorize=authorize), "http://data.example.org/", secured=True)
    assert asked == []


def test_the_token_is_not_sent_to_another_host(server, other, new_session, get):
    authorize, asked = give("t1", "t2")
    server.on("GET", "/a", Answer.redirect("/a?again=1", 301, retry_after=1), Answer.redirect(f"{other.url}/b"))
    other.on("GET", "/b", Answer(200, b"ok"), Answer(401))
    session = new_session(authorize=authorize)
    assert get(session, f"{server.url}/a", secured=True) == b"ok"
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer t1"] * 2
    assert other.requests[0].headers["Authorization"] is None
    # Neither does its refusal cost us the token.
    with pytest.raises(AuthError):
        get(session, f"{server.url}/a", secured=True)
    assert asked == [None]


def test_the_token_does_not_follow_to_another_name_of_the_host(server, new_session, get):
    authorize, _ = give("t1")
    server.on("GET", "/a", Answer.redirect(server.url.replace("127.0.0.1", "localhost") + "/b"))
    server.on("GET", "/b", Answer(200))
    get(new_session(authorize=authorize), f"{server.url}/a", secured=True)
    assert server.requests[1].headers["Authorization"] is None


# Secrets


def test_no_secret_is_logged(server, other, new_session, caplog, get):
    authorize, _ = give("s3cr3t-token-1", "s3cr3t-token-2")
    server.on("GET", "/a", Answer(503), Answer(401), Answer.redirect(f"{other.url}/b?X-Amz-Signature=s3cr3t&n=1"))
    other.on("GET", "/b", Answer(hang_up=True), Answer.problem(503, "no", "token=s3cr3t was bad"), Answer(200))
    with caplog.at_level(logging.DEBUG):
        get(new_session(authorize=authorize), f"{server.url}/a?token=s3cr3t", secured=True)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("hca_core")]
    assert f"GET {server.url}/a?token=***: 503" in ours
    assert f"GET {other.url}/b?X-Amz-Signature=***&n=1: 200" in ours
    assert any(record.name.startswith("urllib3") for record in caplog.records) == (get is fetch_by_send)
    assert "s3cr3t" not in caplog.text


def test_no_secret_is_in_an_error(server, new_session, get):
    authorize, _ = give("s3cr3t-token")
    body = b'{"code": "bad", "title": "refused", "sent": {"Authorization": "Bearer s3cr3t-token"}}'
    server.on("GET", "/x", Answer(400, body, {"Content-Type": "application/json"}))
    with pytest.raises(ApiError) as caught:
        get(new_session(authorize=authorize), f"{server.url}/x?access_token=s3cr3t", secured=True)
    assert caught.value.details["sent"] == {"Authorization": "***"}
    assert "s3cr3t" not in words(caught.value)


def test_urllib3_is_guarded_once(new_session):
    new_session()
    new_session()
    assert logging.getLogger("urllib3.connectionpool").filters.count(REDACTING) == 1


# Proxies


class Tunnel:
    """A tiny recording proxy: understands CONNECT only."""

    def __init__(self, status: bytes = b"200 OK", context: ssl.SSLContext | None = None) -> None:
        self.asked: list[str] = []
        self.heads: list[str] = []
        self._status = status
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Tunnel:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._context:
            client = self._context.wrap_socket(client, server_side=True)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.heads.append(head.decode())
        self.asked.append(head.split()[1].decode())
        client.sendall(b"HTTP/1.1 " + self._status + b"\r\n\r\n")
        if not self._status.startswith(b"200"):
            client.close()
            return
        host, _, port = self.asked[-1].rpartition(":")
        target = socket.create_connection((host, int(port)))
        threading.Thread(target=self._pump, args=(target, client), daemon=True).start()
        self._pump(client, target)

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_environments_proxy_is_used(new_session, server, other, monkeypatch, get, name):
    monkeypatch.setenv(name, other.url)
    other.on("GET", f"{server.url}/x", Answer(200, b"by proxy"))
    session = new_session()
    assert get(session, f"{server.url}/x?a=1") == b"by proxy"
    assert (other.requests[0].params, server.requests, session.proxy) == ({"a": ["1"]}, [], None)


def test_no_proxy_is_respected(new_session, server, other, monkeypatch, get):
    monkeypatch.setenv("HTTP_PROXY", other.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.serve_bytes("/x", b"direct")
    assert get(new_session(), f"{server.url}/x") == b"direct"
    assert get(new_session(proxy=other.url), f"{server.url}/x") == b"direct"
    assert other.requests == []


def test_the_users_proxy_wins(new_session, server, other, monkeypatch, get):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    other.on("GET", f"{server.url}/x", Answer(200, b"by proxy"))
    session = new_session(proxy=other.host)
    assert get(session, f"{server.url}/x") == b"by proxy"
    assert session.proxy == other.host


def test_the_proxys_password_goes_to_the_proxy(new_session, server, other, get):
    other.on("GET", f"{server.url}/x", Answer(200))
    get(new_session(proxy=f"http://me:p%40ss@{other.host}"), f"{server.url}/x")
    assert other.requests[0].headers["Proxy-Authorization"] == "Basic bWU6cEBzcw=="


def test_redirects_go_through_the_proxy_too(new_session, server, other, get):
    other.on("GET", f"{server.url}/a", Answer.redirect("/b"))
    other.on("GET", f"{server.url}/b", Answer(200, b"by proxy"))
    assert get(new_session(proxy=other.url), f"{server.url}/a") == b"by proxy"


def test_a_proxy_that_is_not_there(new_session, server, get):
    session = new_session(proxy=f"http://me:s3cr3t@127.0.0.1:{free_port()}", policy=RetryPolicy(attempts=2))
    with pytest.raises(NetworkError, match=r"The proxy for .* cannot be used: Connection refused") as caught:
        get(session, f"{server.url}/x")
    assert "network.proxy" in caught.value.hint
    assert "s3cr3t" not in words(caught.value)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://", "http://h:s3cr3t@", "http://[::1"])
def test_a_proxy_we_cannot_speak_to(new_session, server, get, proxy):
    with pytest.raises(ConfigError, match="proxy") as caught:
        get(new_session(proxy=proxy), f"{server.url}/x")
    assert caught.value.key == "network.proxy"
    assert "s3cr3t" not in words(caught.value)


def test_https_goes_through_a_tunnel(new_session, secure, get):
    with Tunnel() as tunnel:
        session = new_session(proxy=tunnel.url, ca_bundle=str(secure.authority))
        assert get(session, f"{secure.url}/x") == b"secure"
    assert tunnel.asked == [secure.host]


def test_https_through_a_tunnel_does_not_show_the_token(new_session, secure, get):
    authorize, _ = give("s3cr3t")
    with Tunnel() as tunnel:
        session = new_session(proxy=tunnel.url, ca_bundle=str(secure.authority), authorize=authorize)
        get(session, f"{secure.url}/x", secured=True)
    assert "s3cr3t" not in tunnel.heads[0]
    assert secure.requests[0].headers["Authorization"] == "Bearer s3cr3t"


def test_the_proxy_itself_may_speak_tls(new_session, secure, certificates, get):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates["server.pem"], certificates["server.key"])
    with Tunnel(context=context) as tunnel:
        session = new_session(proxy=tunnel.url, ca_bundle=str(secure.authority))
        assert get(session, f"{secure.url}/x") == b"secure"
    assert tunnel.asked == [secure.host]


def test_a_tunnel_that_wants_a_password_is_asked_once(new_session, secure, clock, get):
    with Tunnel(b"407 Proxy Authentication Required") as tunnel:
        with pytest.raises(NetworkError, match="407 Proxy Authentication Required") as caught:
            get(new_session(proxy=tunnel.url, ca_bundle=str(secure.authority)), f"{secure.url}/x")
        assert len(tunnel.asked) == 1
    assert "network.proxy" in caught.value.hint


# Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> dict[str, Path]:
    """A private authority, and a certificate of it for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "rsa:2048", "-nodes"]
    authority = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ours", *authority)
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
    (folder / "names").write_text(
        "subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    issue = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"]
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", *issue)
    return {name: folder / name for name in ("ca.pem", "server.pem", "server.key")}


@pytest.fixture
def secure(certificates):
    """A TLS server with a certificate that nobody trusts by default."""
    with FakeServer((certificates["server.pem"], certificates["server.key"])) as server:
        server.serve_bytes("/x", b"secure")
        server.authority = certificates["ca.pem"]
        yield server


def test_an_unknown_authority_is_not_trusted_and_the_setting_is_named(new_session, secure, clock, get):
    with pytest.raises(NetworkError, match=r"certificate of 127.0.0.1:.* is not trusted: .*certificate") as caught:
        get(new_session(), f"{secure.url}/x?token=s3cr3t")
    assert "network.ca_bundle" in caught.value.hint
    assert (caught.value.attempts, clock.sleeps) == (1, [])
    assert "s3cr3t" not in words(caught.value)


def test_the_wrong_name_is_never_retried(new_session, secure, clock, get):
    session = new_session(ca_bundle=str(secure.authority))
    with pytest.raises(NetworkError, match=r"is not trusted: .*localhost"):
        get(session, f"{secure.url.replace('127.0.0.1', 'localhost')}/x")
    assert clock.sleeps == []


def test_the_users_authority_is_trusted(new_session, secure, get):
    session = new_session(ca_bundle=str(secure.authority))
    assert get(session, f"{secure.url}/x") == b"secure"
    assert session.ca_bundle == str(secure.authority)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environments_authority_is_trusted(new_session, secure, monkeypatch, get, name):
    monkeypatch.setenv(name, str(secure.authority))
    session = new_session()
    assert get(session, f"{secure.url}/x") == b"secure"
    assert session.ca_bundle == str(secure.authority)


def test_the_users_authority_wins(new_session, secure, monkeypatch, tmp_path, get):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    assert get(new_session(ca_bundle=str(secure.authority)), f"{secure.url}/x") == b"secure"


def test_a_folder_of_authorities(new_session, secure, tmp_path, get):
    digest = subprocess.run(
        ["openssl", "x509", "-subject_hash", "-noout", "-in", secure.authority], check=True, capture_output=True
    ).stdout.decode()
    shutil.copy(secure.authority, tmp_path / f"{digest.strip()}.0")
    assert get(new_session(ca_bundle=str(tmp_path)), f"{secure.url}/x") == b"secure"


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_bundle_that_is_none(new_session, secure, tmp_path, get, content):
    bundle = tmp_path / "ca.pem"
    if content:
        bundle.write_text(content)
    with pytest.raises(ConfigError, match=r"ca.pem") as caught:
        get(new_session(ca_bundle=str(bundle)), f"{secure.url}/x")
    assert caught.value.key == "network.ca_bundle"


def test_plain_http_needs_no_authority(new_session, server, tmp_path, get):
    server.serve_bytes("/x", b"ok")
    assert get(new_session(ca_bundle=str(tmp_path / "missing.pem")), f"{server.url}/x") == b"ok"


def test_a_redirect_from_https_to_http_is_refused(new_session, secure, server, get):
    secure.on("GET", "/a", Answer.redirect(f"{server.url}/x"))
    with pytest.raises(NetworkError, match="plain http"):
        get(new_session(ca_bundle=str(secure.authority)), f"{secure.url}/a")
    assert server.requests == []


def test_secure_connections_are_kept(new_session, secure, get):
    session = new_session(ca_bundle=str(secure.authority))
    for _ in range(3):
        get(session, f"{secure.url}/x")
    assert secure.connections == 1


# What answers and failures mean


@pytest.mark.parametrize(
    ("body", "content_type", "code", "title"),
    [
        (b'{"code": "a", "title": "b"}', "application/problem+json", "a", "b"),
        (b'{"type": "about:blank", "title": "Bad Request", "detail": "x", "status": 400}', None, None, "Bad Request"),
        (b'{"message": "Forbidden"}', "application/json", None, "Forbidden"),
        (b'{"Code": "BadRequest", "Message": "no"}', "application/json", "BadRequest", "no"),
        (b'{"error": "invalid_grant", "error_description": "old"}', "application/json", "invalid_grant", "old"),
        (b'{"error": {"code": 403, "message": "no"}}', "application/json", None, "no"),
        (b"<?xml version='1.0'?><Error><Code>No</Code><Message>Old</Message></Error>", None, "No", "Old"),
        (b"<Error><Code>No</Code><Message>Old</Message></Error>", "application/xml", "No", "Old"),
        (b"<html><title>502 Bad Gateway</title></html>", "text/html", None, "502 Bad Gateway"),
        (b"<html>hello</html>", "text/html", None, "an HTML page"),
    ],
)  # fmt: skip
def test_explanations(body, content_type, code, title):
    explanation = explain(body, {"Content-Type": content_type} if content_type else {})
    assert (explanation.code, explanation.title) == (code, title)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{not json", b'["a"]', b"\xff\xfe", b"null", b""])
def test_explanations_of_nonsense(body):
    assert explain(body, {"Content-Type": "application/json"}).code is None


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("Deflate", zlib.compress)])
def test_explanations_may_be_compressed(encoding, pack):
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    assert explain(pack(b'{"title": "b"}'), headers).title == "b"
    assert explain(b"{}", headers).details == ""
    assert len(explain(pack(bytes(10_000_000)), headers).details) <= 65536


def test_explanations_in_a_line():
    assert str(Explanation("a", "b")) == "a: b"
    assert str(Explanation(None, "b")) == "b"
    assert str(Explanation(details="some\n words")) == "some words"
    assert str(Explanation()) == ""
    assert str(Explanation(None, "Not Found", detail="There is no role x9.")) == "Not Found: There is no role x9."
    assert str(Explanation("a", "b", detail="b")) == "a: b"


def test_details_of_a_problem_are_told():
    body = b'{"title": "Not Found", "status": 404, "detail": "There is no role x9."}'
    explanation = explain(body, {"Content-Type": "application/problem+json"})
    sentence = refused(404, explanation, method="GET", url="https://h/v1/role/x9")
    assert sentence == "GET https://h/v1/role/x9 was answered with 404 Not Found: There is no role x9"


def test_words_for_people():
    assert readable("a\x1b[0m\r\n\tb\u202ec") == "a [0m b c"
    assert len(readable("x" * 1000, 50)) == 50
    assert place("GET", "https://h/p?token=1#x") == "GET https://h/p"


def test_request_ids():
    headers = urllib3.HTTPHeaderDict({"x-amzn-requestid": "r\x00-1"})
    assert request_id(headers) == "r -1"
    assert request_id({}) is None


def test_names_that_cannot_be_resolved():
    error = low.NameResolutionError("data.example.org", None, socket.gaierror(-2, "Name or service not known"))
    told = failure(error, host="data.example.org")
    assert (told.reason, told.never_left) == ("The name data.example.org cannot be resolved", True)


def test_connections_that_take_too_long():
    told = failure(low.ConnectTimeoutError(None, "timed out"), host="h")
    assert (told.reason, told.never_left, told.final) == ("h did not accept a connection in time", True, False)


def test_failures_that_may_have_left():
    for error in (
        ConnectionResetError(104, "Connection reset by peer"),
        http.client.BadStatusLine("x"),
        ssl.SSLEOFError(),
    ):
        assert not failure(error, host="h").never_left


def test_an_error_that_is_being_handled_does_not_colour_the_next(new_session, get):
    """A caller may try again while it handles the first failure."""
    session = new_session(policy=RetryPolicy(attempts=1))
    try:
        raise ssl.SSLCertVerificationError("an earlier failure")
    except ssl.SSLError:
        with pytest.raises(HcaError, match="Connection refused"):
            get(session, f"http://127.0.0.1:{free_port()}/")
