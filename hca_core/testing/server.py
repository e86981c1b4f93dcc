"""An HTTP server for tests that does as it is told."""

from __future__ import annotations

import threading
from collections import deque
from http.client import HTTPMessage
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from hca_core.testing.answers import Answer, Blob, Request, Script
from hca_core.testing.listening import Handler, Listening

__all__ = ["FakeServer"]

_PIECE = 65536


class FakeServer:
    """An HTTP/1.1 server on 127.0.0.1 that answers from a script and remembers what it was asked.

    It takes a free port unless one is named. `certificate` (PEM files of a certificate and its key) makes it speak TLS.
    Unknown paths get a 404 problem. Use it in a `with` statement.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None, port: int = 0) -> None:
        self.requests: list[Request] = []
        self._scripts: dict[tuple[str, str], deque[Script]] = {}
        self._blobs: dict[str, Blob] = {}
        self._events: list[threading.Event] = []
        self._lock = threading.Lock()
        self._server = _Server(self, port, certificate)
        self.host, self.url = self._server.host, self._server.url

    def on(self, method: str, path: str, *answers: Script) -> None:
        """Answer requests for `path` (without query) with these, one after the other; the last one repeats.

        An answer may be a function of the request.
        """
        with self._lock:
            self._scripts[method, path] = deque(answers)

    def serve_bytes(self, path: str, data: bytes, etag: str | None = None, *, ranges: bool = True) -> Blob:
        """Serve a file for GET and HEAD; the returned blob can be told to misbehave."""
        blob = Blob(data, etag, ranges=ranges)
        self._blobs[path] = blob
        self.on("GET", path, blob)
        self.on("HEAD", path, blob)
        return blob

    def count(self, method: str, path: str) -> int:
        """Return how many requests there were for a method and path (without query)."""
        return sum((request.method, request.path) == (method, path) for request in list(self.requests))

    @property
    def connections(self) -> int:
        """How many connections were made so far."""
        return self._server.connections

    def __enter__(self) -> FakeServer:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for event in self._events:
                event.set()
        self._server.stop()

    def answer(self, request: Request) -> Answer:
        """Remember a request and return the answer that is due."""
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get((request.method, request.path))
            step = (script.popleft() if len(script) > 1 else script[0]) if script else None
        if step is None:
            return Answer.problem(404, "not_found", f"Nothing was prepared for {request.method} {request.path}")
        answer = step if isinstance(step, Answer) else step(request)
        if answer.release:
            with self._lock:
                self._events.append(answer.release)
        return answer

    def sent(self, path: str, count: int) -> None:
        """Note that `count` body bytes left for `path`."""
        blob = self._blobs.get(path)
        if blob:
            with self._lock:
                blob.sent += count


class _Server(Listening):
    def __init__(self, fake: FakeServer, port: int, certificate: tuple[Path, Path] | None) -> None:
        super().__init__(_Handler, port, certificate)
        self.fake = fake


class _Handler(Handler):
    server: _Server

    def serve(self) -> None:
        parts = urlsplit(self.path)
        proxied = f"{parts.scheme}://{parts.netloc}" if parts.scheme else ""
        headers = cast("HTTPMessage", self.headers)
        request = Request(self.command, proxied + parts.path, parts.query, headers, b"".join(self.pieces()))
        answer = self.server.fake.answer(request)
        if answer.hang_up:
            self.close_connection = True
            return
        length = None if answer.chunked else len(answer.body) if answer.length is None else answer.length
        self.send_head(answer.status, answer.headers.items(), length)
        if self.command != "HEAD":
            self._send_body(answer, request.path)

    def _send_body(self, answer: Answer, path: str) -> None:
        end = len(answer.body) if answer.cut is None else min(answer.cut, len(answer.body))
        stall = end if answer.stall_at is None else min(answer.stall_at, end)
        self._send(answer, 0, stall, path)
        if answer.stall_at is not None and answer.release:
            answer.release.wait()
        self._send(answer, stall, end, path)
        if answer.chunked and answer.cut is None:
            self.send_piece(b"", chunked=True)
        if answer.cut is not None or answer.length not in (None, len(answer.body)):
            self.close_connection = True

    def _send(self, answer: Answer, start: int, end: int, path: str) -> None:
        for position in range(start, end, _PIECE):
            piece = answer.body[position : min(position + _PIECE, end)]
            # Counted first, so that what a client has got is always counted.
            self.server.fake.sent(path, len(piece))
            self.send_piece(piece, chunked=answer.chunked)
