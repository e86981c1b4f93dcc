"""A port of this machine on which a test's own server answers, in threads that end with it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["Handler", "Listening"]

_PIECE = 65536


class Listening(ThreadingHTTPServer):
    """Serves 127.0.0.1 with `handler` between `start` and `stop`, which hangs up on everybody.

    It takes a free port unless one is named. `certificate` (PEM files of a certificate and its key) makes it speak TLS.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int, certificate: tuple[Path, Path] | None) -> None:
        super().__init__(("127.0.0.1", port), handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            # Handshakes belong to each connection's thread, not to the one that accepts.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self.server_address[1])
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if certificate else 'http'}://{self.host}"
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Give the port back and end all connections."""
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """What handlers of such a server have in common: `serve` answers a request, whatever its method."""

    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; the second must not wait for the first to be acknowledged.
    disable_nagle_algorithm = True

    def serve(self) -> None:
        """Answer one request."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer one request; every other method leads here, too."""
        self.serve()

    do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def pieces(self) -> Iterator[bytes]:
        """Yield the body of the request as it arrives."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left and (piece := self.rfile.read1(min(left, _PIECE))):
            left -= len(piece)
            yield piece

    def send_head(self, status: int, headers: Iterable[tuple[str, str]], length: int | None) -> None:
        """Send everything but the body, which has `length` bytes, or is sent in chunks if that is None."""
        self.send_response_only(status, _phrase(status))
        for name, value in headers:
            self.send_header(name, value)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        elif status not in (204, 304):
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def send_piece(self, piece: bytes, *, chunked: bool) -> None:
        """Send some bytes of the body; none end one that is sent in chunks."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests keep their stderr clean."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
