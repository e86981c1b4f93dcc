"""The process that serves a local stack: its parts, their ports, its end."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hca_core.errors import HcaError
from hca_local.guard import Guard, Health
from hca_local.parts import Parts, open_parts
from hca_local.root import Root, Secrets, ensure_secrets, open_root, write_settings
from hca_local.state import SERVICES, State, hold, read_state, write_state

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from hca_local.listener import Listener

__all__ = ["main", "serve", "until_signal"]

log = logging.getLogger(__name__)

MIB = 1024 * 1024
MAX_OBJECT = 5 * 1024 * MIB  # what S3 takes in one request
MAX_BODY = {
    "dss": 64 * MIB,  # a bundle of 100 000 files takes some 20 MiB
    "s3": MAX_OBJECT,
    "auth": MIB,
    "upload": MAX_OBJECT,
}


Compose = Callable[[Root, Secrets, State], Parts]


def serve(
    root: Root,
    port: int | None = None,
    *,
    instance: str | None = None,
    stop: threading.Event,
    on_ready: Callable[[State], None],
    compose: Compose = open_parts,
) -> None:
    """Serve the stack in `root` until `stop` is set: `SERVICES` on `port` and those after it.

    Without `port`, those of the last run are taken if they are free. `on_ready` is called once all answer.
    `instance` is the name of this run, at random if None.

    Raises:
        HcaError: the stack runs already, a port is taken, or a part cannot be opened.
    """
    with hold(root):
        state, listeners = _take_ports(root, port, instance or uuid.uuid4().hex)
        with _all(listeners):
            secrets = ensure_secrets(root)
            parts = compose(root, secrets, state)
            with closing(parts), _all(listeners):  # the ports close before the files behind them do
                apps: dict[str, WSGIApplication] = {**parts.apps, "dss": Health(parts.apps["dss"], state.instance)}
                for name, app in apps.items():
                    listeners[name].serve(Guard(app, listeners[name].port), max_body=MAX_BODY[name])
                write_settings(root, state, secrets)
                with _ready(root, state) as state:
                    on_ready(state)
                    stop.wait()


@contextmanager
def _all(listeners: Mapping[str, Listener]) -> Iterator[None]:
    with ExitStack() as opened:
        for listener in listeners.values():
            opened.enter_context(listener)
        yield


def _take_ports(root: Root, port: int | None, instance: str) -> tuple[State, dict[str, Listener]]:
    from hca_local.listener import open_listeners

    last = read_state(root)
    # From here on nobody takes the last run's process for this one; its ports are kept in case we fail.
    state = State(os.getpid(), instance, last.ports if last else {})
    write_state(root, state)
    listeners = open_listeners(SERVICES, port, state.ports)
    return replace(state, ports={name: listener.port for name, listener in listeners.items()}), listeners


@contextmanager
def _ready(root: Root, state: State) -> Iterator[State]:
    try:
        write_state(root, replace(state, ready=True))
        yield replace(state, ready=True)
    finally:
        write_state(root, state)


@contextmanager
def until_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, SIGTERM and the end of the terminal set; only for the main thread."""
    stop = threading.Event()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in map(signal.Signals.__getitem__, names)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None, compose: Compose = open_parts) -> int:
    """Serve a stack as a background process does; the last line on stderr says why it could not."""
    parser = argparse.ArgumentParser(prog="python -m hca_local.stack", description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--instance")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        with until_signal() as stop:
            root = open_root(options.root)
            serve(root, options.port, instance=options.instance, stop=stop, on_ready=_log_ready, compose=compose)
    except HcaError as error:
        sys.stderr.write(" ".join(filter(None, (error.message, error.hint))) + "\n")
        return error.exit_code
    log.info("Stopped.")
    return 0


def _log_ready(state: State) -> None:
    log.info("Process %d serves the DSS at %s and objects at %s.", state.pid, state.url("dss"), state.url("s3"))


if __name__ == "__main__":
    sys.exit(main())
