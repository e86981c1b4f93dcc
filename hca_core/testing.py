"""What tests of hca and its plugins need: an HTTP server that does as it is told, a clock that waits for nobody.

```python
with FakeServer() as server:
    server.on("GET", "/v1/things/1", Answer.problem(503, "busy", "come back later"), Answer.json({"id": 1}))
    blob = server.serve_bytes("/blob", b"content", etag='"v1"')
    blob.cut(3)
    client = ThingClient(server.url)
    ...
    assert server.count("GET", "/v1/things/1") == 2
```
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

__all__ = ["Answer", "Blob", "Clock", "FakeServer", "Request"]

_PIECE = 65536


@dataclass(frozen=True)
class Request:
    """A request as it arrived. `path` is without the query, and absolute (`http://…`) if we are asked as a proxy."""

    method: str
    path: str
    query: str
    headers: HTTPMessage
    body: bytes

    @property
    def params(self) -> dict[str, list[str]]:
        """The query's parameters, each with all its values."""
        return parse_qs(self.query, keep_blank_values=True)

    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the server says, and how it misbehaves while saying it.

    `length` is the Content-Length it claims (by default the true one); with `chunked` there is none. After `cut` body
    bytes it hangs up. After `stall_at` body bytes it sends nothing more until `release` is set. With `hang_up` it
    closes the connection without a word.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    chunked: bool = False
    cut: int | None = None
    stall_at: int | None = None
    release: threading.Event | None = None
    hang_up: bool = False

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """Return an answer with a JSON body."""
        body = json.dumps(value).encode()
        return cls(status, body, {"Content-Type": "application/json", **(headers or {})})

    @classmethod
    def problem(cls, status: int, code: str, title: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return an error with a problem document, as the DSS writes it."""
        document = {"status": status, "code": code, "title": title, "stacktrace": ""}
        return cls.json(document, status, {"Content-Type": "application/problem+json", **(headers or {})})

    @classmethod
    def redirect(cls, location: str, status: int = 302, retry_after: object = None) -> Answer:
        """Return a redirect, with a `Retry-After` header unless that is None."""
        headers = {"Location": location}
        return cls(status, headers=headers if retry_after is None else {**headers, "Retry-After": str(retry_after)})


Script = Answer | Callable[[Request], Answer]


class Blob:
    """A file that a `FakeServer` serves, with range requests as in HTTP's book unless a fault is switched on.

    Change `data` and `etag` between requests to play an object that was replaced. `sent` counts the body bytes that
    left. Faults hold for the next `times` requests, then the blob behaves again.
    """

    def __init__(self, data: bytes, etag: str | None = None, *, ranges: bool = True) -> None:
        self.data = data
        self.etag = etag
        self.ranges = ranges
        self.sent = 0
        self._faults: deque[Callable[[Answer], Answer]] = deque()
        self._lock = threading.Lock()

    def cut(self, after: int, times: int = 1) -> None:
        """Hang up after `after` body bytes."""
        self._add(lambda answer: replace(answer, cut=after), times)

    def stall(self, after: int, times: int = 1) -> threading.Event:
        """Stop sending after `after` body bytes until the returned event is set (or the server ends)."""
        release = threading.Event()
        self._add(lambda answer: replace(answer, stall_at=after, release=release), times)
        return release

    def corrupt(self, position: int, times: int = 1) -> None:
        """Flip the bits of the byte at `position` of the body."""

        def flip(answer: Answer) -> Answer:
            body = bytearray(answer.body)
            body[position] ^= 0xFF
            return replace(answer, body=bytes(body))

        self._add(flip, times)

    def claim(self, length: int, times: int = 1) -> None:
        """Announce `length` as Content-Length, whatever is sent."""
        self._add(lambda answer: replace(answer, length=length), times)

    def chunk(self, times: int = 1) -> None:
        """Send the body in chunks, without a Content-Length."""
        self._add(lambda answer: replace(answer, chunked=True), times)

    def ignore_range(self, times: int = 1) -> None:
        """Answer 200 with everything, whatever range is asked for."""
        self._add(lambda _: self._whole(), times)

    def shift(self, count: int, times: int = 1) -> None:
        """Answer a range request with a 206 that begins `count` bytes earlier than asked for, and says so."""

        def earlier(answer: Answer) -> Answer:
            if answer.status != 206:
                return answer
            start, last = re.findall(r"\d+", answer.headers["Content-Range"])[:2]
            return self._part(int(start) - count, int(last))

        self._add(earlier, times)

    def answer_once(self, answer: Answer) -> None:
        """Give this answer to the next request instead of the file."""
        self._add(lambda _: answer, 1)

    def __call__(self, request: Request) -> Answer:
        """Return the answer to a request, with the next fault applied."""
        answer = self._answer(request)
        with self._lock:
            fault = self._faults.popleft() if self._faults else None
        return fault(answer) if fault else answer

    def _add(self, fault: Callable[[Answer], Answer], times: int) -> None:
        with self._lock:
            self._faults.extend([fault] * times)

    def _answer(self, request: Request) -> Answer:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        changed = request.headers.get("If-Range", self.etag) != self.etag
        if not wanted or not self.ranges or changed:
            return self._whole()
        start, last = int(wanted[1]), min(int(wanted[2] or len(self.data)), len(self.data) - 1)
        if start >= len(self.data) or last < start:
            return Answer(416, headers={"Content-Range": f"bytes */{len(self.data)}"})
        return self._part(start, last)

    def _whole(self) -> Answer:
        return Answer(200, self.data, self._headers())

    def _part(self, start: int, last: int) -> Answer:
        headers = {**self._headers(), "Content-Range": f"bytes {start}-{last}/{len(self.data)}"}
        return Answer(206, self.data[start : last + 1], headers)

    def _headers(self) -> dict[str, str]:
        ranges = {"Accept-Ranges": "bytes"} if self.ranges else {}
        return {"Content-Type": "application/octet-stream", **ranges, **({"ETag": self.etag} if self.etag else {})}


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


class Clock:
    """A clock for tests: `sleep` returns at once, moves the time on and is remembered in `sleeps`. Thread-safe."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.sleeps: list[float] = []
        self._start = start
        self._passed = 0.0
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        with self._lock:
            self.sleeps.append(seconds)
            self._passed += seconds

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass without anybody having slept."""
        with self._lock:
            self._passed += seconds

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._passed

    def now(self) -> float:
        """Return the seconds since 1970."""
        return self._start + self._passed

    @property
    def slept(self) -> float:
        """The sum of all sleeps."""
        return sum(self.sleeps)
