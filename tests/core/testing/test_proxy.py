"""The proxy between tests' servers and clients, and everything it lets go wrong."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from hca_core.testing import Answer, FakeServer, FaultProxy, Request, faults

DATA = bytes(range(256)) * 1000
SIZE = len(DATA)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        server.serve_bytes("/blob", DATA, etag='"v1"')
        server.on("PUT", "/thing", lambda request: Answer.json({"bytes": len(request.body), "sum": sum(request.body)}))
        yield server


@pytest.fixture
def proxy(server: FakeServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def ask(proxy: FaultProxy) -> Iterator[Callable[..., Any]]:
    """Send one request on a connection of its own; return status, headers and body."""
    opened = []

    def send(method: str = "GET", path: str = "/blob", body: Any = None, **headers: str) -> Any:
        connection = http.client.HTTPConnection(proxy.host, timeout=1)
        opened.append(connection)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    yield send
    for connection in opened:
        connection.close()


def test_requests_and_answers_pass_unchanged(server: FakeServer, proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    status, headers, body = ask("GET", "/blob?x=1", Range="bytes=10-", **{"If-Range": '"v1"'})
    assert (status, headers["Content-Range"], body) == (206, f"bytes 10-{SIZE - 1}/{SIZE}", DATA[10:])
    seen = server.requests[-1]
    assert (seen.query, seen.headers["Host"], seen.headers["If-Range"]) == ("x=1", proxy.host, '"v1"')
    assert ask("HEAD")[1]["Content-Length"] == str(SIZE)
    assert b'"bytes": 1000' in ask("PUT", "/thing", b"x" * 1000)[2]
    assert b'"bytes": 30' in ask("PUT", "/thing", iter([b"x" * 10, b"y" * 20]))[2]


def test_answers_without_a_length_pass_in_chunks(server: FakeServer, ask: Callable[..., Any]) -> None:
    server.on("GET", "/chunks", Answer(200, DATA, chunked=True))
    status, headers, body = ask("GET", "/chunks")
    assert (status, headers["Content-Length"], body) == (200, None, DATA)


def test_what_passes_is_counted(proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    ask()
    ask("PUT", "/thing", b"12345")
    assert [(one.method, one.path, one.status, one.sent) for one in proxy.passages] == [
        ("GET", "/blob", 200, 0),
        ("PUT", "/thing", 200, 5),
    ]
    assert (proxy.received("/b*"), proxy.sent("/thing"), proxy.sent("/blob")) == (SIZE, 5, 0)
    assert (proxy.count(), proxy.count("PUT"), proxy.count(path="/none")) == (2, 1, 0)


def test_connections_are_kept(server: FakeServer, proxy: FaultProxy) -> None:
    connection = http.client.HTTPConnection(proxy.host, timeout=5)
    for _ in range(3):
        connection.request("GET", "/blob")
        assert connection.getresponse().read() == DATA
    connection.close()
    assert proxy.count() == 3


BREAKS = {"cut": faults.cut, "reset": faults.reset, "truncate": faults.truncate, "stall": faults.stall}


@pytest.mark.parametrize("name", BREAKS)
def test_an_answer_breaks_off(name: str, proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    rule = proxy.fail(BREAKS[name](100_000), path="/blob")
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError, TimeoutError)) as caught:
        ask()
    expected = {"reset": ConnectionResetError, "stall": TimeoutError}.get(name, http.client.IncompleteRead)
    assert caught.type is expected
    assert (rule.hits, proxy.passages[0].fault, proxy.received()) == (1, rule.fault.name, 100_000)
    assert ask()[2] == DATA


@pytest.mark.parametrize("name", BREAKS)
def test_a_request_breaks_off(name: str, server: FakeServer, proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    proxy.fail(BREAKS[name](5, "request"), "PUT")
    with pytest.raises((OSError, http.client.HTTPException)):
        ask("PUT", "/thing", b"x" * 1000)
    assert server.count("PUT", "/thing") == 0 or len(server.requests[-1].body) == 5
    assert b'"bytes": 1000' in ask("PUT", "/thing", b"x" * 1000)[2]


def test_a_byte_is_corrupted(proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    proxy.fail(faults.corrupt(100_003), path="/blob")
    body = ask()[2]
    assert [place for place in range(SIZE) if body[place] != DATA[place]] == [100_003]
    proxy.fail(faults.corrupt(1, "request"), "PUT")
    assert b'"sum": 258' in ask("PUT", "/thing", b"\x01\x02\x04")[2]  # 1 + 253 + 4


def test_bytes_dribble(proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    proxy.fail(faults.dribble(50_000, 0.001), path="/blob")
    assert ask()[2] == DATA


@pytest.mark.parametrize("by", [-10, 10])
def test_a_length_is_a_lie(by: int, proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    proxy.fail(faults.lie(by))
    if by < 0:
        assert ask()[2] == DATA[:by]
    else:
        with pytest.raises(http.client.IncompleteRead):
            ask()


def test_an_answer_is_lost_after_the_deed(server: FakeServer, proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    proxy.fail(faults.lose())
    with pytest.raises(http.client.RemoteDisconnected):
        ask("PUT", "/thing", b"123")
    assert server.requests[-1].body == b"123"


def test_ranges_are_ignored_or_shifted(proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    proxy.fail(faults.ignore_range(), ranged=True)
    proxy.fail(faults.shift(7), ranged=True)
    assert ask()[0] == 200  # nobody asked for a range
    assert ask(Range="bytes=10-")[::2] == (200, DATA)
    status, headers, body = ask(Range="bytes=10-")
    assert (status, headers["Content-Range"], body) == (206, f"bytes 3-{SIZE - 1}/{SIZE}", DATA[3:])


def test_the_proxy_itself_answers(server: FakeServer, proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    for fault in (faults.busy(429, 7), faults.unsatisfiable(5), faults.loop(), faults.expired(), faults.swap(b"!")):
        proxy.fail(fault, path="/blob")
    answers = [ask("GET", "/blob?a=1") for _ in range(5)]
    assert [answer[0] for answer in answers] == [429, 416, 301, 403, 200]
    assert [
        answers[0][1]["Retry-After"],
        answers[1][1]["Content-Range"],
        answers[2][1]["Location"],
        answers[4][2],
    ] == ["7", "bytes */5", "/blob?a=1", b"!"]
    assert b"Request has expired" in answers[3][2]
    assert server.requests == []


def test_a_function_may_answer(proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    def told(request: Request) -> Answer:
        return Answer(201, request.body) if request.method == "PUT" else Answer(hang_up=True)

    proxy.fail(faults.answer(told), path="/thing", times=None)
    assert ask("PUT", "/thing", b"body")[::2] == (201, b"body")
    with pytest.raises(http.client.RemoteDisconnected):
        ask("GET", "/thing")


def test_something_happens_in_the_middle(proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    heard: list[int] = []
    proxy.fail(faults.act(lambda: heard.append(proxy.received()), after=70_000))
    proxy.fail(faults.act(lambda: heard.append(0)))
    assert ask()[2] == DATA
    assert ask()[2] == DATA
    assert heard == [70_000, 0]


def test_a_rule_says_which_request_and_how_often(proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    rule = proxy.fail(faults.busy(), "GET", "/b*", after=1, times=2)
    assert [ask()[0] for _ in range(4)] == [200, 503, 503, 200]
    assert [ask("GET", "/blurb")[0] for _ in range(2)] == [404, 503]  # every path has its own first request
    assert ask("HEAD")[0] == 200
    assert rule.hits == 3


def test_a_rule_may_hold_for_ever_or_until_it_is_forgotten(proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    proxy.fail(faults.busy(), times=None)
    assert [ask()[0] for _ in range(3)] == [503] * 3
    proxy.heal()
    assert ask()[0] == 200


def test_connections_are_refused(proxy: FaultProxy, ask: Callable[..., Any]) -> None:
    proxy.refuse(2)
    for _ in range(2):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            ask()
    assert ask()[0] == 200


def test_a_server_that_is_gone_ends_the_connection() -> None:
    with FakeServer() as server:
        upstream = server.url
    with FaultProxy(upstream) as proxy:
        connection = http.client.HTTPConnection(proxy.host, timeout=5)
        connection.request("GET", "/blob")
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()


def test_a_stall_ends_with_the_test(server: FakeServer) -> None:
    with FaultProxy(server.url) as proxy:
        proxy.fail(faults.stall(1))
        connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
        connection.sendall(b"GET /blob HTTP/1.1\r\nHost: x\r\n\r\n")
        said = connection.recv(65536)
    while piece := connection.recv(65536):
        said += piece
    connection.close()
    assert said.endswith(b"\r\n\r\n" + DATA[:1])


class Secured:
    """A server and a proxy that both speak TLS."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(folder / "key.pem")
        self.certificate = (folder / "cert.pem", folder / "key.pem")
        self.context = ssl.create_default_context()
        authority.configure_trust(self.context)

    def connect(self, proxy: FaultProxy, **options: Any) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
        return self.context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False)


@pytest.fixture
def secured(tmp_path: Path) -> Secured:
    return Secured(tmp_path)


def everything(connection: ssl.SSLSocket) -> bytes:
    """Read until the end, which must be one by the rules of TLS."""
    connection.sendall(b"GET /blob HTTP/1.1\r\nHost: x\r\n\r\n")
    read = b""
    while piece := connection.recv(65536):
        read += piece
    return read


def test_tls_ends_politely_or_not(secured: Secured) -> None:
    with FakeServer(secured.certificate) as server, FaultProxy(server.url, secured.certificate) as proxy:
        server.serve_bytes("/blob", DATA)
        for fault in (faults.cut(1000), faults.truncate(1000)):
            proxy.fail(fault, path="/blob")
        with secured.connect(proxy) as connection:
            assert everything(connection).endswith(DATA[:1000])
        with secured.connect(proxy) as connection, pytest.raises(ssl.SSLEOFError):
            everything(connection)
        proxy.refuse(1)
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            secured.connect(proxy)
