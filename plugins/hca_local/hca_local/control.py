"""Starts, finds and stops the process that serves a local stack."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Any

from hca_core.errors import HcaError
from hca_local.guard import HEALTH_PATH
from hca_local.root import DSS_DESCRIPTION, STAGING_BUCKET, Root
from hca_local.state import HOST, SERVICES, State, hold, is_held, read_state, running

__all__ = ["answers", "delete", "describe", "environment", "overridden", "read_log", "start", "stop"]

COMMAND = (sys.executable, "-m", "hca_local.stack")
LOG_LIMIT = 1024 * 1024  # bytes after which a new log begins at the next start
START_PATIENCE = 30.0  # seconds
STOP_PATIENCE = 10.0  # seconds
TICK = 0.02  # seconds between two looks

_AWS_OVERRIDES = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

Clock = Callable[[], float]
Sleep = Callable[[float], None]


def start(
    root: Root,
    port: int | None = None,
    *,
    command: Sequence[str] = COMMAND,
    patience: float = START_PATIENCE,
    sleep: Sleep = time.sleep,
    clock: Clock = time.monotonic,
) -> tuple[State, bool]:
    """Return the state of the running stack, and whether it had to be started for that.

    Raises:
        HcaError: it cannot be started (the message has the last line of its log), or it runs on another port.
    """
    state, started = running(root), False
    if state is None or not answers(state):  # one that was killed may not be quite gone yet
        state, started = _launch(root, port, command, clock() + patience, sleep, clock)
    check_port(state, port)
    return state, started


def check_port(state: State, port: int | None) -> None:
    """Raise an HcaError if a stack that runs does not run on the port that was asked for."""
    if port is not None and state.ports["dss"] != port:
        raise HcaError(
            f"The stack already runs on port {state.ports['dss']}, not on {port}.",
            hint="Stop it first: `hca local down`. Or use another --root for a second stack.",
        )


def _launch(
    root: Root, port: int | None, command: Sequence[str], deadline: float, sleep: Sleep, clock: Clock
) -> tuple[State, bool]:
    instance = uuid.uuid4().hex
    with _open_log(root) as log:
        begin = log.tell()
        child = _spawn(root, [*command, "--instance", instance, *_port_option(port)], log)
    ours = False
    try:
        while True:
            state = running(root)
            if state and answers(state):
                ours = state.instance == instance
                return state, ours
            # If our process ended but the lock is held, somebody else starts the stack at the same time.
            if child.poll() is not None and not is_held(root):
                raise HcaError(f"The stack did not start: {_reason(root, begin)}", hint=f"Its log is {root.log_file}.")
            if clock() > deadline:
                raise HcaError("The stack started but does not answer.", hint=f"Its log is {root.log_file}.")
            sleep(TICK)
    finally:
        # A process that lost the race, or that we gave up, would otherwise serve as soon as the lock is free.
        if not ours:
            child.kill()


def _port_option(port: int | None) -> list[str]:
    return [] if port is None else ["--port", str(port)]


def _spawn(root: Root, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    # In the root, so that the process neither imports from the user's folder nor keeps it busy.
    return subprocess.Popen(  # noqa: S603 - our own module, or what a test names
        [*command, "--root", str(root.path)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=root.path,
        **detached,
    )


def _open_log(root: Root) -> IO[bytes]:
    file = root.log_file
    file.parent.mkdir(mode=0o700, exist_ok=True)
    if file.exists() and file.stat().st_size > LOG_LIMIT:
        file.replace(file.with_suffix(".log.1"))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    log = os.fdopen(descriptor, "ab")
    log.seek(0, os.SEEK_END)
    return log


def _reason(root: Root, begin: int) -> str:
    """Return the last line that the process wrote to the log after byte `begin`."""
    with root.log_file.open("rb") as log:
        log.seek(begin)
        lines = log.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it ended without a word.")


def answers(state: State) -> bool:
    """Return whether the process of this very run answers on its port."""
    connection = HTTPConnection(HOST, state.ports.get("dss"), timeout=2)
    try:
        connection.request("GET", HEALTH_PATH)
        found = json.loads(connection.getresponse().read(10_000))
        return isinstance(found, dict) and found.get("instance") == state.instance
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()


def stop(
    root: Root,
    *,
    patience: float = STOP_PATIENCE,
    kill: Callable[[int, int], None] = os.kill,
    sleep: Sleep = time.sleep,
    clock: Clock = time.monotonic,
) -> int | None:
    """Stop the process that serves this root and return its id, or None if none does.

    It is asked to end, and after `patience` seconds made to.

    Raises:
        HcaError: the process does not answer, so that its id may be that of a stranger.
    """
    if not is_held(root):
        return None
    state = read_state(root)
    if state is None or not state.ready or not answers(state):
        raise HcaError(
            f"The stack in {root.path} does not answer, so it was not stopped.",
            hint="If it is just starting, try again. If it hangs, end its process yourself; the log may tell which.",
        )
    kill(state.pid, signal.SIGTERM)
    if not _released(root, clock() + patience, sleep, clock) and read_state(root) == state:
        kill(state.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        if not _released(root, clock() + patience, sleep, clock):
            raise HcaError(f"Process {state.pid}, which serves {root.path}, cannot be stopped.")
    return state.pid


def _released(root: Root, deadline: float, sleep: Sleep, clock: Clock) -> bool:
    while is_held(root):
        if clock() > deadline:
            return False
        sleep(TICK)
    return True


def delete(root: Root) -> None:
    """Delete a root and all data in it.

    Raises:
        HcaError: its stack is running.
    """
    last = (root.marker, root.lock_file)  # so that what is left of an interrupted deletion is still known as ours
    with hold(root, patience=0.2):
        for entry in root.path.iterdir():
            if entry not in last:
                _remove(entry)
    for entry in last:
        entry.unlink(missing_ok=True)
    root.path.rmdir()


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def describe(root: Root, state: State | None) -> dict[str, Any]:
    """Return what a user or a script wants to know about a stack; without `state` it is not running."""
    if state is None:
        return {"running": False, "root": str(root.path)}
    return {
        "running": True,
        **{f"{service}_url": state.url(service) for service in SERVICES},
        "swagger_url": f"{state.url('dss')}{DSS_DESCRIPTION}",
        "staging_bucket": STAGING_BUCKET,
        "config_file": str(root.config_file),
        "aws_credentials_file": str(root.aws_file),
        "log_file": str(root.log_file),
        "root": str(root.path),
        "pid": state.pid,
    }


def environment(root: Root, state: State, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the lines with which a POSIX shell makes `hca` and AWS tools use a stack."""
    values = {
        "HCA_CONFIG_FILE": str(root.config_file),
        "AWS_ENDPOINT_URL_S3": state.url("s3"),
        "AWS_SHARED_CREDENTIALS_FILE": str(root.aws_file),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **_without_proxy(environ),
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return lines + [f"unset {name}" for name in overridden(environ)]


def _without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what keeps requests to this machine from a proxy that the environment names for all others."""
    if not any(environ.get(name) for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")):
        return {}
    before = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    exceptions = ",".join(dict.fromkeys([*filter(None, before.split(",")), HOST]))
    # Some programs read one spelling, some the other.
    return {"NO_PROXY": exceptions, "no_proxy": exceptions}


def overridden(environ: Mapping[str, str]) -> list[str]:
    """Return the variables that are set and would make AWS tools overlook the credentials of the stack."""
    return [name for name in _AWS_OVERRIDES if name in environ]


def read_log(root: Root, *, follow: bool = False, sleep: Sleep = time.sleep) -> Iterator[str]:
    """Yield the log in pieces; with `follow`, go on for ever with what is added.

    Raises:
        HcaError: there is no log.
    """
    if not root.log_file.exists():
        raise HcaError(f"There is no log in {root.path}.", hint="It begins with `hca local up`.")
    with root.log_file.open(encoding="utf-8", errors="replace") as log:
        while True:
            piece = log.read(64 * 1024)
            if piece:
                yield piece
            elif follow:
                sleep(0.2)
            else:
                return
