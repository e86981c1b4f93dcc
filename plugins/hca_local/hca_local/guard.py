"""Stands before every application of the stack: who may ask, and what is said when all else fails."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["HEALTH_PATH", "BodyTooLarge", "Guard", "Health"]

log = logging.getLogger(__name__)

HEALTH_PATH = "/internal/health"
BLOCK = 64 * 1024  # bytes


class BodyTooLarge(OSError):
    """More bytes arrive than the server takes."""


@dataclass(frozen=True)
class Answer:
    """A small JSON answer of our own."""

    status: HTTPStatus
    document: dict[str, Any]
    content_type: str = "application/json"
    request_id: str | None = None

    def send(self, environ: WSGIEnvironment, start_response: StartResponse, *, close: bool = False) -> list[bytes]:
        """Start the response and return its body, which is empty for HEAD; `close` ends the connection after it."""
        body = json.dumps(self.document).encode()
        headers = [("Content-Type", self.content_type), ("Content-Length", str(len(body)))]
        if self.request_id:
            headers.append(("X-AWS-REQUEST-ID", self.request_id))
        if close:
            headers.append(("Connection", "close"))
        start_response(f"{self.status.value} {self.status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def problem(status: HTTPStatus, code: str, title: str, request_id: str | None = None) -> Answer:
    """Return a problem document as the DSS sends them."""
    document = {"status": status.value, "code": code, "title": title}
    return Answer(status, document, "application/problem+json", request_id)


FOREIGN_HOST = problem(
    HTTPStatus.FORBIDDEN,
    "foreign_host",
    "This service answers only requests that are addressed to 127.0.0.1 or localhost, and to its port.",
)
TOO_LARGE = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", "The body of the request is too large.")


class Guard:
    """WSGI middleware that answers only requests addressed to this machine by name, and never shows a traceback.

    A web page can make a browser send requests to a loopback port under the page's own host name; the `Host` header
    gives it away.
    """

    def __init__(self, app: WSGIApplication, port: int) -> None:
        self._app = app
        names = ("127.0.0.1", "localhost", "[::1]")
        self._hosts = {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_HOST", "").lower() in self._hosts:
            return self._answer(environ, start_response)
        environ["wsgi.input"].remaining = 0  # nobody reads the body, not even the server
        return FOREIGN_HOST.send(environ, start_response, close=True)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        held = HeldStart(start_response, lambda: _skip_body(environ["wsgi.input"]))
        try:
            yield from _run(self._app, environ, held)
        except (ConnectionError, TimeoutError):
            raise  # the client is gone: there is nobody to tell, and nothing is wrong here
        except Exception as error:
            answer = _explain(error, environ)
            if held.sent:
                raise  # too late for another answer: the server cuts the connection, and the client notices
            yield from answer.send(environ, start_response)


class HeldStart:
    """A `start_response` that keeps status and headers until the body begins, so that an error can replace them.

    `before` is called before anything is sent.
    """

    def __init__(self, start_response: StartResponse, before: Callable[[], None]) -> None:
        self._start_response = start_response
        self._before = before
        self._pending: tuple[str, list[tuple[str, str]]] | None = None
        self.sent = False

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        if self.sent and exc_info:
            raise exc_info[1]
        self._pending = (status, headers)
        return _write

    def send(self) -> None:
        """Pass on what the application said; once."""
        if self._pending and not self.sent:
            self._before()
            self.sent = True
            self._start_response(*self._pending)


def _skip_body(body: Any) -> None:
    """Read what the application has not read; the server would do so at once, into one buffer."""
    with suppress(BodyTooLarge, ValueError):
        while getattr(body, "remaining", 0) > 0 and body.read(BLOCK):
            pass


def _write(_data: bytes, /) -> object:
    raise RuntimeError("an application behind the guard returns its body")


def _run(app: WSGIApplication, environ: WSGIEnvironment, held: HeldStart) -> Iterator[bytes]:
    body = app(environ, held)
    try:
        for chunk in body:
            held.send()
            yield chunk
        held.send()
    finally:
        close = getattr(body, "close", None)
        if close:
            close()


def _explain(error: Exception, environ: WSGIEnvironment) -> Answer:
    """Return what the client is told about an error; the log gets the rest, without the query, which may be signed."""
    if isinstance(error, BodyTooLarge):
        return TOO_LARGE
    request_id = str(uuid.uuid4())
    log.error("Request %s: %s %r", request_id, environ["REQUEST_METHOD"], environ.get("PATH_INFO"), exc_info=error)
    title = f"Something went wrong inside the local stack; `hca local logs` shows what, under {request_id}."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "unhandled_exception", title, request_id)


class Health:
    """WSGI middleware that answers `/internal/health` with the name of this run, by which `down` knows the process."""

    def __init__(self, app: WSGIApplication, instance: str) -> None:
        self._app = app
        self._answer = Answer(HTTPStatus.OK, {"Healthy": True, "instance": instance})

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == HEALTH_PATH:
            return self._answer.send(environ, start_response)
        return self._app(environ, start_response)
