from __future__ import annotations

import http.client
import socket
from typing import Any

import pytest

from hca_core.errors import HcaError
from hca_local.listener import Listener, open_pair


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


def free_pair() -> int:
    """A port that is free together with the next one."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
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


def test_a_pair_is_a_port_and_the_next() -> None:
    port = free_pair()
    dss, s3 = open_pair(port, (1, 2))
    with dss, s3:
        assert (dss.port, s3.port) == (port, port + 1)


def test_a_pair_needs_both_ports() -> None:
    port = free_pair()
    with Listener(port + 1), pytest.raises(HcaError, match=f"Port {port + 1} is already in use"):
        open_pair(port)
    Listener(port).close()


def test_the_last_ports_are_taken_again_if_free() -> None:
    last = (free_pair(), free_pair())
    dss, s3 = open_pair(None, last)
    with dss, s3:
        assert (dss.port, s3.port) == last
        other_dss, other_s3 = open_pair(None, last)
        with other_dss, other_s3:
            assert not {other_dss.port, other_s3.port} & set(last)
