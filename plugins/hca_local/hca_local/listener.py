"""One application on one port of 127.0.0.1, served by threads of this process."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hca_core.errors import HcaError
from hca_local.server import BACKLOG, Limits, Server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Listener", "open_listeners"]

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
FILES = 4096  # for some hundred connections on each port, and what stands behind them


class Listener:
    """A port, taken at once, on which an application is served later."""

    def __init__(self, port: int = 0) -> None:
        """Take a port; 0 takes any free one.

        Raises:
            HcaError: the port cannot be had.
        """
        self._socket = _bind(port)
        self.port: int = self._socket.getsockname()[1]
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def serve(self, app: WSGIApplication, *, max_body: int, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        """Answer requests in threads, with bodies of up to `max_body` bytes, until `close`."""
        _allow_files()
        self._server = Server(self._socket, app, max_body, limits)
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


def _allow_files() -> None:
    """Let this process have as many connections and files open as the system lets it have for the asking."""
    if os.name == "posix":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < FILES and (hard == resource.RLIM_INFINITY or hard > soft):
            wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
