"""Which process serves a root, and where: the lock decides whether, the state file tells who."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hca_core.errors import HcaError
from hca_core.paths import atomic_write
from hca_local.root import Root

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["HOST", "SERVICES", "State", "hold", "is_held", "read_state", "running", "serves", "write_state"]

HOST = "127.0.0.1"
SERVICES = ("dss", "s3", "auth", "upload")
"""What a stack serves, in the order of its ports."""


@dataclass(frozen=True)
class State:
    """The process that serves a stack, or did last. `instance` is a random name of that one run.

    `ports` are known by the names in `SERVICES`, and empty before they are; `ready` means that all services answer.
    """

    pid: int
    instance: str
    ports: Mapping[str, int] = field(default_factory=dict)
    ready: bool = False

    def url(self, service: str) -> str:
        """Return the address of a service, without a slash at the end."""
        return f"http://{HOST}:{self.ports[service]}"


def read_state(root: Root) -> State | None:
    """Return the last state that was written, or None if there is none that makes sense."""
    try:
        state = State(**json.loads(root.state_file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return state if _is_sensible(state) else None


def _is_sensible(state: State) -> bool:
    if not isinstance(state.pid, int) or state.pid <= 0 or not isinstance(state.instance, str):
        return False
    if not isinstance(state.ports, dict) or not all(isinstance(port, int) for port in state.ports.values()):
        return False
    return not state.ready or set(SERVICES) <= state.ports.keys()


def write_state(root: Root, state: State) -> None:
    """Record which process serves; only the one that holds the lock may."""
    atomic_write(root.state_file, json.dumps(asdict(state), indent=2) + "\n")


@contextmanager
def hold(root: Root, *, patience: float = 0.5) -> Iterator[None]:
    """Be the only process that serves or changes this root while the block runs.

    `patience` in seconds outlasts those that only look whether the lock is free.

    Raises:
        HcaError: another process holds it.
    """
    from filelock import Timeout

    lock = _lock(root)
    try:
        lock.acquire(timeout=patience, poll_interval=0.02)
    except Timeout as error:
        raise HcaError(f"The stack in {root.path} is running.", hint="Stop it with `hca local down`.") from error
    try:
        yield
    finally:
        lock.release()


def is_held(root: Root) -> bool:
    """Return whether a process serves this root, or is about to."""
    if sys.platform == "win32":
        return _seems_held(root)
    import fcntl

    try:
        descriptor = os.open(root.lock_file, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        # A shared lock, because those who only look must not take each other for the process that serves.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _seems_held(root: Root) -> bool:
    """Return whether the lock cannot be had; somebody who looks at the same moment is waited for."""
    from filelock import Timeout

    lock = _lock(root)
    try:
        lock.acquire(timeout=0.05, poll_interval=0.01)
    except Timeout:
        return True
    lock.release()
    return False


def _lock(root: Root) -> BaseFileLock:
    from filelock import FileLock

    return FileLock(root.lock_file, mode=0o600)


def running(root: Root) -> State | None:
    """Return the state of the process that serves this root now, or None if none does or it is not ready."""
    state = read_state(root)
    return state if state and state.ready and is_held(root) else None


def serves(root: Root, url: str) -> bool:
    """Return whether `url` is on a service that this root serves now and that takes the stack's tokens.

    Only the address itself counts: what `localhost` means is for others to decide.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if (parts.scheme, parts.hostname) != ("http", HOST):
        return False
    state = running(root)
    return state is not None and port in (state.ports["dss"], state.ports["auth"])
