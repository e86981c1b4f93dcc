"""One application on one port of 127.0.0.1, served by threads of this process."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cheroot import wsgi

from hca_core.errors import HcaError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Listener", "open_listeners"]

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
THREADS = 16
BACKLOG = 128
MAX_HEADERS = 64 * 1024  # bytes
IDLE = 60  # seconds without a byte after which a connection is given up
GRACE = 0.5  # seconds that requests have to end when the listener closes
NOTICE = 0.1  # seconds that closing may take to be noticed


class Listener:
    """A port, taken at once, on which an application is served later."""

    def __init__(self, port: int = 0) -> None:
        """Take a port; 0 takes any free one.

        Raises:
            HcaError: the port cannot be had.
        """
        self._socket = _bind(port)
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def serve(self, app: WSGIApplication, *, max_body: int) -> None:
        """Answer requests in threads, with bodies of up to `max_body` bytes, until `close`."""
        self._server = _Server(self._socket, app, max_body)
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name=f"port-{self.port}")
        self._thread.start()

    def close(self) -> None:
        """Give the port back, if it was not yet; requests that are being answered have `GRACE` to end."""
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
        self._socket.close()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(wsgi.Server):
    """A cheroot server on a socket that is listening already."""

    def __init__(self, listening: socket.socket, app: WSGIApplication, max_body: int) -> None:
        super().__init__(
            listening.getsockname(),
            app,
            numthreads=THREADS,
            request_queue_size=BACKLOG,
            timeout=IDLE,
        )
        self._listening = listening
        self.shutdown_timeout = GRACE
        self.max_request_header_size = MAX_HEADERS
        self.max_request_body_size = max_body
        self.expiration_interval = NOTICE

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:
        self.socket = self._listening
        return self._listening

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        log.log(level, "%s", msg, exc_info=traceback)


def _bind(port: int) -> socket.socket:
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if port:
            _allow_reuse(taken)
        taken.bind((HOST, port))
        _allow_reuse(taken)  # not earlier if the port is to be a free one, for that may then be somebody else's
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taken.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        taken.close()
        raise _refusal(port, error) from error
    return taken


def _allow_reuse(taken: socket.socket) -> None:
    # Connections that are still closing would otherwise block the port for a minute after each stop. Windows does not
    # have that problem, and means something else by this option.
    if os.name == "posix":
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _refusal(port: int, error: Exception) -> HcaError:
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        return HcaError(
            f"Port {port} is already in use.", hint="Name another with --port, or stop the program that uses it."
        )
    return HcaError(f"Port {port} cannot be used: {error}.", hint="Name another with --port, 1024 or above.")


def open_listeners(names: Sequence[str], port: int | None, last: Mapping[str, int]) -> dict[str, Listener]:
    """Take `port` and those after it; if None, those of `last` time if they are free, or any free ones.

    Raises:
        HcaError: a port that was asked for cannot be had.
    """
    if port is not None:
        return _take({name: port + place for place, name in enumerate(names)})
    if last:
        try:
            return _take({name: last.get(name, 0) for name in names})
        except HcaError as error:
            log.info("%s Taking others.", error)
    return _take(dict.fromkeys(names, 0))


def _take(ports: Mapping[str, int]) -> dict[str, Listener]:
    taken: dict[str, Listener] = {}
    try:
        for name, port in ports.items():
            taken[name] = Listener(port)
    except BaseException:
        for listener in taken.values():
            listener.close()
        raise
    return taken
