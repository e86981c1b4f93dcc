"""The process that serves a local stack: its parts, its two ports, its end."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import HcaError
from hca_local.guard import Guard, Health
from hca_local.options import read_options
from hca_local.root import STAGING_BUCKET, Root, Secrets, ensure_secrets, open_root, write_settings
from hca_local.state import State, hold, read_state, write_state

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from hca_core.openapi.model import Api
    from hca_local.listener import Listener

__all__ = ["Parts", "compose", "main", "serve", "until_signal"]

log = logging.getLogger(__name__)

MIB = 1024 * 1024
MAX_JSON = 64 * MIB  # a bundle of 100 000 files takes some 20 MiB
MAX_OBJECT = 5 * 1024 * MIB  # what S3 takes in one request


@dataclass(frozen=True)
class Parts:
    """The applications of a stack; `close` releases their files."""

    dss: WSGIApplication
    s3: WSGIApplication
    close: Callable[[], None]


Compose = Callable[[Root, Secrets, State], Parts]


def compose(root: Root, secrets: Secrets, state: State) -> Parts:
    """Open the DSS and the object store, which keep what they have in folders of `root`."""
    from hca_local.dss.app import DssApp
    from hca_local.s3.app import S3App
    from hca_local.s3.signing import AccessKey
    from hca_local.s3.store import ObjectStore
    from hca_local.users import Users

    api, document = describe()
    store = ObjectStore(root.objects)
    store.create_bucket(STAGING_BUCKET)
    key = AccessKey(secrets.access_key_id, secrets.secret_access_key)
    dss = DssApp(
        api,
        document,
        root=root.dss,
        store=store,
        public_url=state.dss_url,
        s3_url=state.s3_url,
        access_key=key,
        users=Users.from_records(secrets.users),
        **asdict(read_options(root)),
    )

    def close() -> None:
        dss.close()
        store.close()

    return Parts(dss, S3App(store, {key.id: key}.get), close)


def describe() -> tuple[Api, dict[str, Any]]:
    """Return the API of the DSS as its plugin ships it; what the user's settings say about other DSSs is no matter."""
    from hca_core.app import App
    from hca_core.openapi.document import bundled
    from hca_core.openapi.parse import parse

    document = bundled(App().service("dss").description)
    return parse(document), document


def serve(
    root: Root,
    port: int | None = None,
    *,
    instance: str | None = None,
    stop: threading.Event,
    on_ready: Callable[[State], None],
    compose: Compose = compose,
) -> None:
    """Serve the stack in `root` until `stop` is set: the DSS on `port`, the object store on the next one.

    Without `port`, those of the last run are taken if they are free. `on_ready` is called once both answer.
    `instance` is the name of this run, at random if None.

    Raises:
        HcaError: the stack runs already, a port is taken, or a part cannot be opened.
    """
    with hold(root):
        state, dss, s3 = _take_ports(root, port, instance or uuid.uuid4().hex)
        with dss, s3:
            secrets = ensure_secrets(root)
            parts = compose(root, secrets, state)
            with closing(parts), dss, s3:  # the ports close before the files behind them do
                s3.serve(Guard(parts.s3, s3.port), max_body=MAX_OBJECT)
                dss.serve(Guard(Health(parts.dss, state.instance), dss.port), max_body=MAX_JSON)
                write_settings(root, state, secrets)
                with _ready(root, state) as state:
                    on_ready(state)
                    stop.wait()


def _take_ports(root: Root, port: int | None, instance: str) -> tuple[State, Listener, Listener]:
    from hca_local.listener import open_pair

    last = read_state(root)
    known = last.ports if last else None
    # From here on nobody takes the last run's process for this one; its ports are kept in case we fail.
    state = State(os.getpid(), instance, *(known or (None, None)))
    write_state(root, state)
    dss, s3 = open_pair(port, known)
    return replace(state, dss_port=dss.port, s3_port=s3.port), dss, s3


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


def main(arguments: Sequence[str] | None = None, compose: Compose = compose) -> int:
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
    log.info("Process %d serves the DSS at %s and objects at %s.", state.pid, state.dss_url, state.s3_url)


if __name__ == "__main__":
    sys.exit(main())
