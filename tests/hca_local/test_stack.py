from __future__ import annotations

import http.client
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hca_core.errors import HcaError
from hca_local.control import answers
from hca_local.parts import Parts, describe
from hca_local.root import Root, Secrets
from hca_local.stack import serve, until_signal
from hca_local.state import SERVICES, State, is_held, read_state, running

from .conftest import Stack


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["HTTP_HOST"].encode()]


class Composed:
    """Hands out trivial applications and remembers what it was given."""

    def __init__(self) -> None:
        self.closings = 0
        self.state: State | None = None

    def __call__(self, root: Root, secrets: Secrets, state: State) -> Parts:
        self.state = state
        return Parts(dict.fromkeys(SERVICES, app), self.close)

    def close(self) -> None:
        self.closings += 1


@contextmanager
def served(root: Root, compose: Any) -> Iterator[State]:
    """Serve in a thread of this process while the block runs."""
    stop, ready = threading.Event(), threading.Event()
    options: dict[str, Any] = {"stop": stop, "on_ready": lambda _: ready.set(), "compose": compose}
    thread = threading.Thread(target=serve, args=(root,), kwargs=options)
    thread.start()
    try:
        assert ready.wait(10)
        state = running(root)
        assert state is not None
        yield state
    finally:
        stop.set()
        thread.join()


def get(port: int | None, host: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/", headers={"Host": host} if host else {})
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def test_serves_all_services_until_it_is_stopped(root: Root) -> None:
    composed = Composed()
    with served(root, composed) as state:
        assert composed.state is not None
        assert composed.state.ports == state.ports
        for port in state.ports.values():
            assert get(port) == (200, f"127.0.0.1:{port}".encode())
        assert answers(state)
        assert composed.closings == 0
    assert composed.closings == 1
    assert not is_held(root)
    assert not answers(state)


def test_all_services_refuse_foreign_hosts(root: Root) -> None:
    with served(root, Composed()) as state:
        for port in state.ports.values():
            assert get(port, host=f"evil.example:{port}")[0] == 403


def test_settings_are_written_before_it_is_ready(root: Root) -> None:
    with served(root, Composed()) as state:
        assert (
            json.loads(root.config_file.read_bytes())["DSSClient"]["swagger_url"]
            == f"{state.url('dss')}/v1/swagger.json"
        )
        for file in (root.secrets_file, root.state_file, root.config_file, root.aws_file, root.lock_file):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_root_is_served_once(root: Root) -> None:
    with served(root, Composed()), pytest.raises(HcaError, match="is running"):
        serve(root, stop=threading.Event(), on_ready=print, compose=Composed())


def test_a_part_that_cannot_be_opened_leaves_nothing_behind(root: Root) -> None:
    def broken(root: Root, secrets: Secrets, state: State) -> Parts:
        raise HcaError("The disk is full.")

    with pytest.raises(HcaError, match="The disk is full"):
        serve(root, stop=threading.Event(), on_ready=print, compose=broken)
    state = read_state(root)
    assert state is not None
    assert not state.ready
    with served(root, Composed()):
        pass


def test_an_instance_is_one_run(root: Root) -> None:
    with served(root, Composed()) as one:
        pass
    with served(root, Composed()) as two:
        assert not answers(one)
    assert one.instance != two.instance
    assert one.ports == two.ports


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_set_the_event_and_are_given_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with until_signal() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(5)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_in_order(stack: Stack, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*stack.command(), "--root", str(stack.root.path)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "serves the DSS" in line:
            break
    process.send_signal(number)
    output = process.communicate(timeout=20)[1]
    assert process.returncode == 0
    assert output.rstrip().endswith("Stopped.")
    assert not is_held(stack.root)


def test_the_process_says_why_it_does_not_start(stack: Stack) -> None:
    stack.start()
    second = subprocess.run(
        [*stack.command(), "--root", str(stack.root.path)], capture_output=True, text=True, timeout=20, check=False
    )
    assert second.returncode == 1
    assert second.stderr.splitlines()[-1].startswith(f"The stack in {stack.root.path} is running.")


def test_starting_it_imports_no_client_library() -> None:
    code = "import sys, hca_local.stack; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"requests", "boto3", "werkzeug", "cheroot"} & set(loaded)


def test_the_description_is_the_shipped_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HCA_CONFIG_FILE", "/no/such/file")
    api, document = describe("dss")
    assert len(api.operations) == 22
    assert document["basePath"] == "/v1"
