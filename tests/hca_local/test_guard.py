from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from hca_local.guard import Guard, Health
from hca_local.listener import Listener


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@contextmanager
def serving(app: Callable[..., Iterable[bytes]], max_body: int = 1000) -> Iterator[http.client.HTTPConnection]:
    with Listener() as listener:
        listener.serve(Guard(app, listener.port), max_body=max_body)
        connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=5)
        yield connection
        connection.close()


def ask(connection: http.client.HTTPConnection, method: str = "GET", **options: Any) -> tuple[int, bytes, str]:
    connection.request(method, options.pop("path", "/"), **options)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers["Content-Type"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost", "[::1]"])
def test_this_machine_is_answered(host: str) -> None:
    with serving(hello) as connection:
        assert ask(connection, headers={"Host": f"{host}:{connection.port}"})[:2] == (200, b"hello")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{}", "x@127.0.0.1:{}", ""],
)
def test_other_hosts_are_refused(host: str) -> None:
    with serving(hello) as connection:
        status, body, kind = ask(connection, headers={"Host": host.format(connection.port)})
    assert (status, kind) == (403, "application/problem+json")
    assert json.loads(body)["code"] == "foreign_host"


def test_a_request_without_a_host_is_refused() -> None:
    answers: list[str] = []
    app = Guard(hello, 80)
    environ = {"REQUEST_METHOD": "GET", "wsgi.input": SimpleNamespace(remaining=10**9)}
    body = app(environ, lambda status, headers: answers.append(status))  # type: ignore[arg-type]
    assert answers == ["403 Forbidden"]
    assert environ["wsgi.input"].remaining == 0
    assert b"foreign_host" in b"".join(body)


def test_the_usual_port_may_be_left_out() -> None:
    answers: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": "localhost", "wsgi.input": None}
    body = Guard(hello, 80)(environ, lambda status, headers: answers.append(status))  # type: ignore[arg-type]
    assert list(body) == [b"hello"]
    assert answers == ["200 OK"]


def fails_at_once(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    raise ValueError("the secret reason")


def fails_after_the_status(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    yield from fails_at_once(environ, start_response)


@pytest.mark.parametrize("app", [fails_at_once, fails_after_the_status])
def test_a_failure_is_told_without_its_reason(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    with serving(app) as connection:
        connection.request("GET", "/v1/files?X-Amz-Signature=abc")
        answer = connection.getresponse()
        problem = json.loads(answer.read())
    assert answer.status == 500
    assert answer.headers.get_all("Content-Type") == ["application/problem+json"]
    assert problem["code"] == "unhandled_exception"
    assert "secret" not in str(problem)
    assert "Traceback" not in str(problem)
    record = next(record for record in caplog.records if record.name == "hca_local.guard")
    assert answer.headers["X-AWS-REQUEST-ID"] in record.getMessage()
    assert "the secret reason" in caplog.text
    assert "/v1/files" in caplog.text
    assert "Signature" not in caplog.text


def test_a_failure_is_told_to_head_without_a_body() -> None:
    with serving(fails_at_once) as connection:
        assert ask(connection, "HEAD")[:2] == (500, b"")
        assert ask(connection, "HEAD")[:2] == (500, b"")


def fails_in_the_body(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Length", "10")])
    yield b"hello"
    raise ValueError("too late")


def test_a_failure_in_the_body_cuts_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="hca_local.listener")
    with serving(fails_in_the_body) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()


def counts(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [str(len(body)).encode()]


@pytest.mark.parametrize("chunked", [True, False])
def test_bodies_have_a_limit(chunked: bool) -> None:
    def body(size: int) -> Any:
        return iter([b"x" * size]) if chunked else b"x" * size

    with serving(counts, max_body=1000) as connection:
        assert ask(connection, "PUT", body=body(900))[:2] == (200, b"900")
        assert ask(connection, "PUT", body=body(2000))[0] == 413


class Closing:
    """A body that remembers whether it was closed."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"a", b"b"])

    def close(self) -> None:
        self.closed = True


def test_bodies_are_closed() -> None:
    body = Closing()

    def app(environ: dict[str, Any], start_response: Any) -> Closing:
        start_response("200 OK", [])
        return body

    with serving(app) as connection:
        assert ask(connection)[1] == b"ab"
    assert body.closed


def test_health_tells_the_run() -> None:
    with serving(Health(hello, "run-1")) as connection:
        status, body, kind = ask(connection, path="/internal/health")
        assert (status, kind) == (200, "application/json")
        assert json.loads(body) == {"Healthy": True, "instance": "run-1"}
        assert ask(connection, path="/internal")[1] == b"hello"
