from __future__ import annotations

import http.client
import socket
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from hca_core.errors import HcaError
from hca_local.listener import Listener, open_listeners
from hca_local.state import SERVICES


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


def free_ports(count: int = len(SERVICES)) -> int:
    """A port that is free together with those after it."""
    while True:
        with ExitStack() as taken, suppress(OSError, OverflowError):
            first = taken.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            for offset in range(1, count):
                taken.enter_context(socket.socket()).bind(("127.0.0.1", port + offset))
            return port


def get(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/")
    body = connection.getresponse().read()
    connection.close()
    return body


def test_serves_until_it_is_closed() -> None:
    listener = Listener()
    listener.serve(hello, max_body=10)
    assert get(listener.port) == b"hello"
    listener.close()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        get(listener.port)


def test_listens_on_loopback_only() -> None:
    with Listener() as listener, socket.socket() as other:
        other.bind(("127.0.0.2", listener.port))


def test_closing_leaves_idle_connections_no_time() -> None:
    listener = Listener()
    listener.serve(hello, max_body=10)
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=5)
    connection.request("GET", "/")
    connection.getresponse().read()
    listener.close()
    assert connection.sock is not None
    assert connection.sock.recv(1) == b""
    connection.close()


def test_a_port_is_free_again_at_once() -> None:
    with Listener() as listener:
        port = listener.port
        listener.serve(hello, max_body=10)
        get(port)
    with Listener(port) as again:
        again.serve(hello, max_body=10)
        assert get(port) == b"hello"


def test_a_taken_port_is_named() -> None:
    with Listener() as listener:
        with pytest.raises(HcaError, match=f"Port {listener.port} is already in use") as caught:
            Listener(listener.port)
        assert "--port" in str(caught.value.hint)


def test_an_impossible_port_is_named() -> None:
    with pytest.raises(HcaError, match="Port 70000 cannot be used"):
        Listener(70000)


def test_listeners_take_a_port_and_the_next_ones() -> None:
    port = free_ports(2)
    opened = open_listeners(("one", "two"), port, {"one": 1, "two": 2})
    with opened["one"] as one, opened["two"] as two:
        assert (one.port, two.port) == (port, port + 1)


def test_all_ports_that_were_asked_for_must_be_free() -> None:
    port = free_ports(2)
    with Listener(port + 1), pytest.raises(HcaError, match=f"Port {port + 1} is already in use"):
        open_listeners(("one", "two"), port, {})
    Listener(port).close()


def test_the_last_ports_are_taken_again_if_free() -> None:
    last = {"one": free_ports(1), "two": free_ports(1)}
    opened = open_listeners(("one", "two"), None, last)
    with opened["one"] as one, opened["two"] as two:
        assert (one.port, two.port) == tuple(last.values())
        others = open_listeners(("one", "two"), None, last)
        with others["one"] as other_one, others["two"] as other_two:
            assert not {other_one.port, other_two.port} & set(last.values())


def test_a_service_that_is_new_gets_a_port() -> None:
    last = {"one": free_ports(1)}
    opened = open_listeners(("one", "two"), None, last)
    with opened["one"] as one, opened["two"] as two:
        assert one.port == last["one"]
        assert two.port not in (0, one.port)
