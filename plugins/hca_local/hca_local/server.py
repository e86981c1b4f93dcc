"""An HTTP server in which silent, slow and greedy clients do no harm to others."""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cheroot import server, wsgi
from cheroot.makefile import MakeFile

from hca_local.chunks import ChunkedBody
from hca_local.threads import Threads

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Limits", "Server"]

log = logging.getLogger(__name__)

BACKLOG = 512
MAX_HEADERS = 64 * 1024  # bytes
GRACE = 0.5  # seconds that requests have to end when the server stops
NOTICE = 0.1  # seconds that stopping may take to be noticed
BLOCK = 64 * 1024  # bytes
PACE = 16 * 1024  # bytes that excuse a client for one second of waiting

_LENGTH = re.compile(rb"[0-9]{1,18}")


@dataclass(frozen=True)
class Limits:
    """How much of a server clients may take; times are in seconds.

    A connection is given up after `idle` without a byte. Above `connections`, a client that keeps us waiting for more
    than `patience` loses its connection to one who comes; above twice as many, nobody else is let in. Who sends what
    nobody reads any more may go on for `linger`.
    """

    connections: int = 256
    patience: float = 1.0
    idle: float = 60.0
    linger: float = 2.0


class MeteredSocket:
    """A socket that knows how long its other end has kept it waiting, less what the bytes excuse that moved."""

    def __init__(self, wrapped: socket.socket) -> None:
        self._wrapped = wrapped
        self._waited = 0.0
        self._since: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def rest(self) -> None:
        """Wait from now on, until bytes move."""
        self._waited, self._since = 0.0, time.monotonic()

    def owed(self) -> float:
        """Return the seconds of waiting; 0 while it does not wait."""
        since = self._since
        return 0.0 if since is None else self._waited + time.monotonic() - since

    def recv_into(self, buffer: WriteableBuffer) -> int:
        """Receive as any socket does."""
        return self._move(self._wrapped.recv_into, buffer)

    def send(self, data: bytes) -> int:
        """Send as any socket does."""
        return self._move(self._wrapped.send, data)

    def _move(self, move: Callable[[Any], int], data: Any) -> int:
        self._since = time.monotonic()
        moved = 0
        try:
            moved = move(data)
        finally:
            # Nothing is saved up: who has sent a lot and then stops begins to owe at once.
            self._waited = max(self.owed() - moved / PACE, 0.0)
            self._since = None
        return moved


class Connection(server.HTTPConnection):
    """A connection that can be cut, and that hears its client out before it ends."""

    def __init__(self, owner: Server, sock: socket.socket, makefile: Any = MakeFile) -> None:
        self.meter = MeteredSocket(sock)
        self.met = False  # whether the client has said anything
        super().__init__(owner, self.meter, makefile)
        owner.open.add(self)

    def communicate(self) -> bool:
        """Answer one request; return whether another may follow."""
        keep = bool(super().communicate())  # type: ignore[no-untyped-call]
        if not keep:
            self._hear_out()
        return keep

    def _hear_out(self) -> None:
        # What arrives after a socket was closed makes the system throw away what was sent, too: our answer.
        scratch, end = bytearray(BLOCK), time.monotonic() + self.server.limits.linger
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                if not self.socket.recv_into(scratch):
                    break

    def cut(self) -> None:
        """End the connection from another thread; the one that serves it closes it."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back."""
        self.server.open.discard(self)
        super().close()


class Request(server.HTTPRequest):
    """A request that is refused with a problem document, and whose body never fills the memory."""

    def respond(self) -> None:
        """Have the application answer."""
        length = self.inheaders.get(b"Content-Length", b"0")
        if self.chunked_read:
            self.rfile = ChunkedBody(self.conn.rfile, self.server.max_body)
        elif not _LENGTH.fullmatch(length):
            self.simple_response("400 Bad Request", "The Content-Length is not a number.")
            return
        elif int(length) > self.server.max_body:
            title = f"The body of the request has more than {self.server.max_body} bytes."
            self.simple_response("413 Body Too Large", title)
            return
        else:
            self.rfile = server.KnownLengthRFile(self.conn.rfile, int(length))
        self.server.gateway(self).respond()
        if self.ready:
            self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")
        if isinstance(self.rfile, ChunkedBody) and not self.rfile.ended:
            self.close_connection = True  # nobody knows where the next request begins

    def write(self, chunk: bytes) -> None:
        """Send a part of the answer."""
        for start in range(0, len(chunk), BLOCK):  # cheroot copies all that is left for every piece it can send
            super().write(chunk[start : start + BLOCK])

    def simple_response(self, status: str, msg: str = "") -> None:
        """Answer instead of the application, for there is no request that it could understand."""
        number, _, phrase = str(status).partition(" ")
        self.close_connection = True
        code = re.sub("[^a-z]+", "_", phrase.lower()).strip("_")
        problem = {"status": int(number), "code": code, "title": msg or f"{phrase}."}
        body = json.dumps(problem).encode()
        head = (
            f"{self.server.protocol} {status}\r\nContent-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        with suppress(OSError):
            self.conn.wfile.write(head.encode("latin-1") + body)


Connection.RequestHandlerClass = Request


class Server(wsgi.Server):
    """A cheroot server on a socket that is listening already, for bodies of up to `max_body` bytes.

    Connections get a thread as long as they say something, and their number is limited.
    """

    ConnectionClass = Connection
    keep_alive_conn_limit = None  # type: ignore[assignment]  # our own limit is for all connections

    def __init__(self, listening: socket.socket, app: WSGIApplication, max_body: int, limits: Limits) -> None:
        super().__init__(listening.getsockname(), app, request_queue_size=BACKLOG, timeout=limits.idle)  # type: ignore[arg-type]
        self.limits = limits
        self.requests = Threads(self.put_conn)
        self.open: set[Connection] = set()
        self._listening = listening
        self.shutdown_timeout = GRACE
        self.max_request_header_size = MAX_HEADERS
        self.max_body = max_body
        self.expiration_interval = NOTICE

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:
        self.socket = self._listening
        return self._listening

    def process_conn(self, conn: Connection) -> None:
        """Have a connection served, a new one as soon as it says something."""
        if conn.met:
            self.requests.put(conn)
            return
        conn.met = True
        if self._has_room():
            self.put_conn(conn)
        else:
            conn.close()

    def put_conn(self, conn: Connection) -> None:
        """Let a connection rest until its client says something."""
        conn.meter.rest()
        super().put_conn(conn)

    def _has_room(self) -> bool:
        """Whether there is room for one more; if it is scarce, the client that keeps us waiting most has to go."""
        if len(self.open) > self.limits.connections:
            slowest = max(self.open.copy(), key=lambda conn: conn.meter.owed())
            if slowest.meter.owed() > self.limits.patience:
                slowest.cut()
        return len(self.open) <= 2 * self.limits.connections

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        log.log(level, "%s", msg, exc_info=traceback)
