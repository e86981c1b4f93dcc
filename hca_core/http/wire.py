"""Kept connections to one host for the bytes of files: as thin as HTTP in Python gets.

The standard library needs a third of the time per request that urllib3 does, which is what thousands of small files
are made of. Proxies are left to urllib3 (see `Routes`).
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import SplitResult

from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import wait_for_read

from hca_core.http.head import FileResponse, request_head
from hca_core.http.stream import Stream


class Wire:
    """Connections to the host of `parts`; up to `keep` of them wait for the next request. Thread-safe.

    `context` is the TLS set-up, or None for plain http.
    """

    def __init__(
        self, parts: SplitResult, *, context: ssl.SSLContext | None, timeouts: tuple[float, float], keep: int
    ) -> None:
        self._host = parts.hostname or ""
        self._port = parts.port
        self._named = _named(parts)
        self._context = context
        self._connect_timeout, self._read_timeout = timeouts
        self._keep = keep
        self._idle: list[HTTPConnection] = []

    def get(self, url: str, target: str, headers: Mapping[str, str]) -> Stream:
        """Ask for `target` (the path and query of `url`) and return the answer, whatever it is."""
        connection = self._waiting() or self._connect()
        try:
            connection.sock.sendall(request_head(self._named, target, headers))
            response = FileResponse(connection.sock)
            response.begin()
        except BaseException:
            connection.close()
            raise

        def finish(complete: bool) -> None:
            self._finish(connection, response, complete)

        return Stream(response, response.status, response.named, url, expected=response.length, finish=finish)

    def close(self) -> None:
        """Close the connections that are not in use."""
        while connection := self._waiting():
            connection.close()

    def _waiting(self) -> HTTPConnection | None:
        """Return a kept connection on which the server has not hung up."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                # Another thread was faster.
                return None
            if not wait_for_read(connection.sock, 0):
                return connection
            connection.close()
        return None

    def _connect(self) -> HTTPConnection:
        if self._context:
            connection: HTTPConnection = HTTPSConnection(
                self._host, self._port, timeout=self._connect_timeout, context=self._context
            )
        else:
            connection = HTTPConnection(self._host, self._port, timeout=self._connect_timeout)
        try:
            connection.connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(self._host, "timed out") from error
        except ssl.SSLError:
            raise
        except OSError as error:
            raise NewConnectionError(connection, str(error)) from error  # type: ignore[arg-type]
        connection.sock.settimeout(self._read_timeout)
        return connection

    def _finish(self, connection: HTTPConnection, response: FileResponse, complete: bool) -> None:
        kept = complete and not response.will_close and len(self._idle) < self._keep
        response.close()
        if kept:
            self._idle.append(connection)
        else:
            connection.close()


def _named(parts: SplitResult) -> str:
    """Return how a request names the host: as signatures expect it, without the usual port."""
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    usual = 443 if parts.scheme == "https" else 80
    return shown if parts.port in (None, usual) else f"{shown}:{parts.port}"
