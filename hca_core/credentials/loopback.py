"""Waits on this machine for the browser to come back from a login."""

from __future__ import annotations

import hmac
import html
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hca_core.errors import HcaError

__all__ = ["Listener"]

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title} - hca</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.125rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto; padding: 0 1.5rem; }}
h1 {{ font-size: 1.6rem; margin: 0 0 .5rem; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
</main>
</body>
</html>
"""
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
ENDS = 120.0  # seconds for which a browser is kept waiting for the end of the login
LINGERS = 3.0  # seconds for which we wait for the browser to have shown that end


class Listener:
    """An HTTP server on a free port of 127.0.0.1 that takes one answer: the one that knows `state`.

    Use it in a `with` statement. The browser is shown how the block ends: by an error, or well.
    """

    def __init__(self, state: str) -> None:
        self._state = state
        self._answer: dict[str, str] | None = None
        self._lock = threading.Lock()
        self._page = _page("Not finished", "See the terminal in which you started to log in.")
        self._ended = threading.Event()
        self._shown = threading.Event()
        self._server = _Server(self)
        self._host = f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def redirect_uri(self) -> str:
        """Where the provider has to send the browser."""
        return f"http://{self._host}/"

    def wait(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> Mapping[str, str] | None:
        """Return the parameters of the answer, or None if it does not come in time."""
        deadline = clock() + seconds
        while self._answer is None and clock() < deadline:
            self._server.handle_request()
        return self._answer

    def accept(self, host: str | None, target: str) -> bool:
        """Take a request if it is the answer; no other page on the web knows its state and our host."""
        parts = urlsplit(target)
        found = parse_qs(parts.query)
        answer = {name: values[0] for name, values in found.items() if len(values) == 1}
        ours = host == self._host and parts.path == "/" and ("code" in answer or "error" in answer)
        if not ours or not hmac.compare_digest(answer.get("state", "").encode(), self._state.encode()):
            return False
        with self._lock:
            first, self._answer = self._answer is None, self._answer or answer
        return first

    def end(self) -> bytes:
        """Return the page that shows how the login ended, when it has."""
        self._ended.wait(ENDS)
        return self._page

    def shown(self) -> None:
        """Note that the browser has the page."""
        self._shown.set()

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._page = _page("You are logged in", "You can close this page and go back to the terminal.")
        elif isinstance(error, HcaError):
            self._page = _page("You are not logged in", error.message)
        self._ended.set()
        if self._answer is not None:
            self._shown.wait(LINGERS)
        self._server.server_close()


def _page(title: str, text: str) -> bytes:
    return PAGE.format(title=html.escape(title), text=html.escape(text)).encode("utf-8", "replace")


class _Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    timeout = 0.1  # of one look whether somebody is there

    def __init__(self, listener: Listener) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.listener = listener

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser may hang up whenever it wants to."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10  # browsers open connections on which they say nothing

    def do_GET(self) -> None:
        listener = self.server.listener
        try:
            accepted = listener.accept(self.headers.get("Host"), self.path)
        except ValueError:
            accepted = False
        if not accepted:
            self._send(404, _page("Nothing here", "This address only takes the answer to a login."))
            return
        self._send(200, listener.end())
        listener.shown()

    def _send(self, status: int, page: bytes) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def version_string(self) -> str:
        return "hca"

    def log_message(self, format: str, *args: Any) -> None:
        """The addresses hold codes, which belong in no log."""
