"""A proxy that stands before a server and lets go wrong what it is told to."""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from hca_core.testing.answers import Answer, Request, Script
from hca_core.testing.faults import Body, Broken, Fault, Manner
from hca_core.testing.listening import Handler, Listening

__all__ = ["FaultProxy", "Passage", "Rule"]

_PIECE = 65536
_OF_ONE_CONNECTION = frozenset({"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
_FAREWELL = 0.2  # seconds a client gets to answer the end of a TLS connection
_NOTHING = Fault("nothing")


@dataclass
class Passage:
    """A request that came by. `sent` and `received` count the bytes of its two bodies so far, as the client sees it."""

    method: str
    path: str
    query: str
    range: str | None = None
    fault: str | None = None
    status: int | None = None
    sent: int = 0
    received: int = 0

    def is_for(self, method: str, path: str) -> bool:
        """Tell whether method and path are like these patterns."""
        return fnmatchcase(self.method, method) and fnmatchcase(self.path, path)


@dataclass
class Rule:
    """When a fault happens; made by `FaultProxy.fail`. `hits` is how often it has happened."""

    fault: Fault
    method: str
    path: str
    after: int
    times: int | None
    ranged: bool
    hits: int = 0
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def holds(self, passage: Passage) -> bool:
        """Count a request if it is one of those meant, and tell whether the fault is due for it."""
        if not passage.is_for(self.method, self.path) or (self.ranged and passage.range is None):
            return False
        place = (passage.method, passage.path)
        due = self._seen[place] >= self.after and (self.times is None or self._seen[place] < self.after + self.times)
        self._seen[place] += 1
        self.hits += due
        return due


class FaultProxy:
    """Passes requests on to the server at `upstream` (`http://127.0.0.1:8000`), and spoils those that a rule is about.

    ```python
    with FakeServer() as server, FaultProxy(server.url) as proxy:
        server.serve_bytes("/blob", content, etag='"v1"')
        proxy.fail(faults.cut(1000), path="/blob")
        download(f"{proxy.url}/blob")
        assert [one.status for one in proxy.passages] == [200, 206]
        assert proxy.received("/blob") == len(content)
    ```

    Requests go on as they came, with the `Host` that the client wrote: a server that looks at it, or signs addresses,
    must be told that the proxy's address is its own. It takes a free `port` unless one is named. `certificate` (PEM
    files of a certificate and its key) makes it speak TLS; the certificate of the server is not verified. Use it in a
    `with` statement.
    """

    def __init__(self, upstream: str, certificate: tuple[Path, Path] | None = None, port: int = 0) -> None:
        self.passages: list[Passage] = []
        self._upstream = urlsplit(upstream)
        self._rules: list[Rule] = []
        self._refused = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = _Server(self, port, certificate)
        self.port, self.host, self.url = self._server.port, self._server.host, self._server.url

    def fail(
        self,
        fault: Fault,
        method: str = "*",
        path: str = "*",
        *,
        after: int = 0,
        times: int | None = 1,
        ranged: bool = False,
    ) -> Rule:
        """Let a fault happen to requests whose method and path (without query) are like these patterns.

        Of the requests for each path it is the first, or those that come after so many; `times` is how often, None
        for ever. With `ranged` only requests for a range count. Rules are asked in the order in which they were made;
        a request that one of them takes is not counted by the others.
        """
        rule = Rule(fault, method, path, after, times, ranged)
        with self._lock:
            self._rules.append(rule)
        return rule

    def refuse(self, connections: int) -> None:
        """Close the next so many connections as soon as they are made, before any TLS."""
        with self._lock:
            self._refused = connections

    def heal(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()
            self._refused = 0

    def count(self, method: str = "*", path: str = "*") -> int:
        """Return how many requests came by for these patterns."""
        return sum(one.is_for(method, path) for one in list(self.passages))

    def sent(self, path: str = "*") -> int:
        """Return how many bytes clients sent in the bodies of requests for a pattern of paths."""
        return sum(one.sent for one in list(self.passages) if one.is_for("*", path))

    def received(self, path: str = "*") -> int:
        """Return how many bytes were sent to clients in the bodies of answers for a pattern of paths."""
        return sum(one.received for one in list(self.passages) if one.is_for("*", path))

    def __enter__(self) -> FaultProxy:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.stop()

    def admits(self) -> bool:
        """Tell whether a connection that was just made may stay."""
        with self._lock:
            refused = self._refused > 0
            self._refused -= refused
        return not refused

    def note(self, passage: Passage) -> Fault:
        """Enter a request, and return what is to happen to it."""
        with self._lock:
            self.passages.append(passage)
            rule = next((rule for rule in self._rules if rule.holds(passage)), None)
        passage.fault = rule.fault.name if rule else None
        return rule.fault if rule else _NOTHING

    def connect(self) -> http.client.HTTPConnection:
        """Return a new connection to the server."""
        host, port = self._upstream.hostname or "", self._upstream.port
        if self._upstream.scheme == "http":
            return http.client.HTTPConnection(host, port)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port, context=context)

    def wait_for_end(self, connection: socket.socket) -> None:
        """Wait until the client hangs up, or the test ends."""
        while not self._stopped.is_set():
            if select.select([connection], [], [], 0.05)[0] and not connection.recv(_PIECE):
                return


class _Server(Listening):
    def __init__(self, proxy: FaultProxy, port: int, certificate: tuple[Path, Path] | None) -> None:
        super().__init__(_Handler, port, certificate)
        self.proxy = proxy

    def verify_request(self, request: object, client_address: object) -> bool:
        return self.proxy.admits()


class _Handler(Handler):
    server: _Server

    def serve(self) -> None:
        parts = urlsplit(self.path)
        passage = Passage(self.command, parts.path, parts.query, self.headers.get("Range"))
        fault = self.server.proxy.note(passage)
        try:
            if fault.instead is None:
                self._pass_on(passage, fault)
            else:
                self._say_instead(passage, fault.instead)
        except Broken as broken:
            self._end(broken.manner)
        except (OSError, http.client.HTTPException):
            self._end("close")  # one of the two is gone, so the other one is left

    def _say_instead(self, passage: Passage, script: Script) -> None:
        body = b"".join(_counted(self.pieces(), passage, "sent"))
        headers = cast("http.client.HTTPMessage", self.headers)
        request = Request(passage.method, passage.path, passage.query, headers, body)
        answer = script if isinstance(script, Answer) else script(request)
        if answer.hang_up:
            raise Broken("close")
        passage.status = answer.status
        self.send_head(answer.status, answer.headers.items(), len(answer.body))
        self._send(iter([answer.body]), passage, chunked=False)

    def _pass_on(self, passage: Passage, fault: Fault) -> None:
        with closing(self.server.proxy.connect()) as connection:
            self._ask(connection, passage, fault)
            with closing(connection.getresponse()) as response:
                if fault.lost:
                    raise Broken("close")
                self._answer(response, passage, fault)

    def _ask(self, connection: http.client.HTTPConnection, passage: Passage, fault: Fault) -> None:
        headers = fault.ask({name: value for name, value in self.headers.items() if not _is_ours(name)})
        chunked = "Transfer-Encoding" in self.headers
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        body = fault.request(_counted(self.pieces(), passage, "sent"))
        connection.endheaders(body, encode_chunked=chunked)

    def _answer(self, response: http.client.HTTPResponse, passage: Passage, fault: Fault) -> None:
        passage.status = response.status
        length = response.length
        if self.command == "HEAD" or length is not None:
            length = fault.length(int(response.headers.get("Content-Length", 0)))
        headers = [(name, value) for name, value in response.headers.items() if not _is_ours(name, "content-length")]
        self.send_head(response.status, headers, length)
        self._send(fault.answer(_body(response)), passage, chunked=length is None)
        if length is not None and self.command != "HEAD" and length != passage.received:
            raise Broken("close")

    def _send(self, body: Body, passage: Passage, *, chunked: bool) -> None:
        for piece in _counted(body, passage, "received"):
            self.send_piece(piece, chunked=chunked)
        if chunked:
            self.send_piece(b"", chunked=True)

    def _end(self, manner: Manner) -> None:
        """End the connection to the client."""
        self.close_connection = True
        with suppress(OSError):
            if manner == "stall":
                self.server.proxy.wait_for_end(self.connection)
            elif manner == "reset":
                # Nothing lingers: the system forgets the connection, and says so to whoever goes on using it.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif manner == "close" and isinstance(self.connection, ssl.SSLSocket):
                self.connection.settimeout(_FAREWELL)
                self.connection.unwrap()


def _is_ours(name: str, *others: str) -> bool:
    return name.lower() in _OF_ONE_CONNECTION or name.lower() in others


def _body(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while piece := response.read1(_PIECE):
        yield piece
    if response.length:
        raise Broken("close")


def _counted(body: Body, passage: Passage, what: str) -> Iterator[bytes]:
    """Count before passing on: what somebody has got is always counted."""
    for piece in body:
        if piece:
            setattr(passage, what, getattr(passage, what) + len(piece))
            yield piece
