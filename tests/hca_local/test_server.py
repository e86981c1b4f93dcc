"""Silent, slow, greedy and broken clients, each beside one that wants a normal answer."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from hca_local.guard import Guard
from hca_local.listener import Listener
from hca_local.server import Limits

MAX_BODY = 100_000
FEW = Limits(connections=10, patience=0.05)
HEAD = b"PUT / HTTP/1.1\r\nHost: HOST\r\n"
BEGINNINGS = {
    "nothing": b"",
    "half a head": HEAD + b"X-Slow: a",
    "half a body": HEAD + b"Content-Length: 1000\r\n\r\nabc",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "an answer that is not read": HEAD.replace(b"/ ", b"/much ", 1) + b"Content-Length: 0\r\n\r\n",
}


def count(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with the number of bytes that arrived, or with more than fits into the buffers of the system."""
    size = 0
    while environ["PATH_INFO"] != "/unread" and (block := environ["wsgi.input"].read(1000)):
        size += len(block)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x" * 100_000] * 100 if environ["PATH_INFO"] == "/much" else [str(size).encode()]


@contextmanager
def serving(limits: Limits | None = None) -> Iterator[int]:
    with Listener() as listener:
        listener.serve(Guard(count, listener.port), max_body=MAX_BODY, limits=limits or Limits())
        yield listener.port


def get(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/")
    status = connection.getresponse().status
    connection.close()
    return status


def connect(port: int, begin: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    client.sendall(begin.replace(b"HOST", f"127.0.0.1:{port}".encode()))
    return client


def ask(port: int, data: bytes) -> tuple[int, bytes]:
    """Send bytes, and return status and body of the answer."""
    with connect(port, data) as client:
        answer = http.client.HTTPResponse(client)
        answer.begin()
        return answer.status, answer.read()


# ── slow clients ──


@contextmanager
def slow_clients(port: int, begin: bytes, number: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as opened:
        yield [opened.enter_context(connect(port, begin)) for _ in range(number)]


@pytest.mark.parametrize("begin", BEGINNINGS.values(), ids=BEGINNINGS)
def test_slow_clients_leave_room_for_others(begin: bytes) -> None:
    with serving() as port, slow_clients(port, begin, 60):
        assert [get(port) for _ in range(3)] == [200] * 3


@pytest.mark.parametrize("begin", BEGINNINGS.values(), ids=BEGINNINGS)
def test_too_many_slow_clients_lose_their_connections(begin: bytes) -> None:
    with serving(FEW) as port, slow_clients(port, begin, FEW.connections) as clients:
        threading.Event().wait(2 * FEW.patience)
        assert [get(port) for _ in range(3)] == [200] * 3
        assert any(map(has_ended, clients))


def has_ended(client: socket.socket) -> bool:
    client.settimeout(0.05)
    with suppress(TimeoutError):
        try:
            while client.recv(1 << 20):
                pass
        except ConnectionError:
            pass
        return True
    return False


def test_a_trickle_is_no_work() -> None:
    with serving(FEW) as port, slow_clients(port, BEGINNINGS["half a head"], FEW.connections) as clients:
        for _ in range(10):
            for client in clients:
                client.send(b"a")
            threading.Event().wait(FEW.patience / 5)
        assert [get(port) for _ in range(3)] == [200] * 3
        assert any(map(has_ended, clients))


def test_who_sends_enough_is_not_cut() -> None:
    with serving(FEW) as port, slow_clients(port, b"", FEW.connections):
        threading.Event().wait(2 * FEW.patience)
        with connect(port, HEAD + b"Content-Length: 100000\r\n\r\n") as busy:
            for _ in range(5):
                busy.sendall(b"x" * 20_000)
                assert get(port) == 200
            answer = http.client.HTTPResponse(busy)
            answer.begin()
            assert answer.read() == b"100000"


def test_beyond_all_measure_nobody_is_let_in() -> None:
    limits = Limits(connections=2, patience=60)
    with serving(limits) as port, slow_clients(port, b"", 4), connect(port, b"") as refused:
        assert refused.recv(1) == b""


def test_a_silent_connection_ends_at_last() -> None:
    with serving(Limits(idle=0.05)) as port, connect(port, b"") as idle, connect(port, HEAD + b"X: y") as halved:
        assert idle.recv(1) == b""
        assert b"408" in halved.recv(1000)


# ── bodies ──


def test_a_body_may_be_of_any_form() -> None:
    with serving() as port:
        assert ask(port, HEAD + b"Content-Length: 3\r\n\r\nabc") == (200, b"3")
        chunks = b"2\r\nab\r\n1;name=value\r\nc\r\n0\r\nTrailer: x\r\n\r\n"
        assert ask(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks) == (200, b"3")


@pytest.mark.parametrize("length", [b"-1", b"1_0", b"+5", b"9" * 30, b"x"])
def test_a_length_is_a_number(length: bytes) -> None:
    with serving() as port:
        status, body = ask(port, HEAD + b"Content-Length: " + length + b"\r\n\r\n")
        assert (status, json.loads(body)["code"]) == (400, "bad_request")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_not_read_is_no_part_of_the_next_request(chunked: bool) -> None:
    with serving() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        for _ in range(2):
            connection.request("PUT", "/unread", body=iter([b"x" * 90_000]) if chunked else b"x" * 90_000)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"0")
        connection.close()


@pytest.mark.parametrize("announced", [True, False])
def test_who_sends_too_much_still_hears_why(announced: bool) -> None:
    def blocks() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 100_000

    with serving() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        headers = {"Content-Length": "20000000"} if announced else {}
        connection.request("PUT", "/", body=blocks(), headers=headers, encode_chunked=not announced)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (413, "body_too_large")
        connection.close()


def test_after_a_broken_chunk_nothing_follows() -> None:
    request = HEAD.replace(b"/ ", b"/unread ", 1) + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"
    with serving() as port, connect(port, request + b"GET / HTTP/1.1\r\n\r\n") as client:
        answer = b"".join(iter(lambda: client.recv(1000), b""))
        assert answer.count(b"HTTP/1.1") == 1
        assert answer.startswith(b"HTTP/1.1 200")


# ── what is no request ──


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\n\n", 400),
        (b"get / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/9.1\r\n\r\n", 505),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 414),
        (HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n", 413),
        (HEAD + b"X: y\r\n" * 20_000 + b"\r\n", 413),
        (HEAD + b"no colon\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
def test_nonsense_is_answered_with_a_problem(data: bytes, status: int) -> None:
    with serving() as port:
        got, body = ask(port, data)
        assert got == status
        assert json.loads(body)["status"] == status
        assert get(port) == 200
