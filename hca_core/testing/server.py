"""An HTTP server for tests that does as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import deque
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from hca_core.testing.answers import Answer, Blob, Request, Script

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
        self._server = _Server(self, port)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            # Handshakes belong to each connection's thread, not to the one that accepts.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if certificate else "http"
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{scheme}://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

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
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for event in self._events:
                event.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, fake: FakeServer, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.fake = fake
        self.connections = 0
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""

    def hang_up(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; the second must not wait for the first to be acknowledged.
    disable_nagle_algorithm = True
    server: _Server

    def answer(self) -> None:
        parts = urlsplit(self.path)
        proxied = f"{parts.scheme}://{parts.netloc}" if parts.scheme else ""
        headers = cast("HTTPMessage", self.headers)
        request = Request(self.command, proxied + parts.path, parts.query, headers, self._body())
        answer = self.server.fake.answer(request)
        if answer.hang_up:
            self.close_connection = True
            return
        self._send_head(answer)
        if self.command != "HEAD":
            self._send_body(answer, request.path)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _send_head(self, answer: Answer) -> None:
        self.send_response_only(answer.status, _phrase(answer.status))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
        self.end_headers()

    def _send_body(self, answer: Answer, path: str) -> None:
        end = len(answer.body) if answer.cut is None else min(answer.cut, len(answer.body))
        stall = end if answer.stall_at is None else min(answer.stall_at, end)
        self._send(answer, 0, stall, path)
        if answer.stall_at is not None and answer.release:
            answer.release.wait()
        self._send(answer, stall, end, path)
        if answer.chunked and answer.cut is None:
            self.wfile.write(b"0\r\n\r\n")
        if answer.cut is not None or answer.length not in (None, len(answer.body)):
            self.close_connection = True

    def _send(self, answer: Answer, start: int, end: int, path: str) -> None:
        for position in range(start, end, _PIECE):
            piece = answer.body[position : min(position + _PIECE, end)]
            # Counted first, so that what a client has got is always counted.
            self.server.fake.sent(path, len(piece))
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.chunked else piece)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests keep their stderr clean."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
