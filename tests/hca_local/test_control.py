from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hca_core.errors import HcaError
from hca_local import control
from hca_local.root import Root, find_root, open_root, read_secrets
from hca_local.state import SERVICES, State, hold, is_held, read_state, running, write_state

from .conftest import PORTS, Stack
from .test_listener import free_ports


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with us."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_start_returns_when_the_stack_answers(stack: Stack) -> None:
    state, started = stack.start()
    assert started
    assert control.answers(state)
    assert state.pid != os.getpid()
    assert running(stack.root) == state


def test_the_process_is_detached(stack: Stack) -> None:
    state, _ = stack.start()
    assert os.getsid(state.pid) == state.pid
    assert stat.S_IMODE(stack.root.log_file.stat().st_mode) == 0o600
    assert "serves the DSS" in stack.root.log_file.read_text()


def test_starting_twice_finds_the_first(stack: Stack) -> None:
    first, _ = stack.start()
    assert stack.start() == (first, False)
    assert stack.start(first.ports["dss"]) == (first, False)
    assert control.describe(stack.root, first) == control.describe(stack.root, running(stack.root))


def test_starting_at_the_same_time_starts_one(stack: Stack) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: stack.start(), range(4)))
    assert len({state.instance for state, _ in results}) == 1


def test_a_running_stack_does_not_change_its_port(stack: Stack) -> None:
    state, _ = stack.start()
    with pytest.raises(HcaError, match=f"already runs on port {state.ports['dss']}, not on {state.ports['dss'] + 10}"):
        stack.start(state.ports["dss"] + 10)


def test_ports_that_were_asked_for(stack: Stack) -> None:
    port = free_ports()
    state, _ = stack.start(port)
    assert list(state.ports.values()) == list(range(port, port + len(SERVICES)))


def test_a_taken_port_is_named(stack: Stack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(HcaError, match=f"Port {port} is already in use. Name another with --port"):
            stack.start(port)
    assert not is_held(stack.root)


def test_the_reason_of_a_failure_is_the_last_line_of_the_log(stack: Stack) -> None:
    with pytest.raises(HcaError, match="did not start: RuntimeError: the disk is full") as caught:
        stack.start(behaviour="breaks")
    assert str(stack.root.log_file) in str(caught.value.hint)
    assert stack.start()[1]


def test_a_stack_that_never_answers_is_ended(stack: Stack) -> None:
    with pytest.raises(HcaError, match="does not answer"):
        control.start(stack.root, command=stack.command("dawdles"), patience=0.1)
    while is_held(stack.root):
        pass


def test_a_stale_state_is_replaced_and_its_process_left_alone(stack: Stack, stranger: subprocess.Popen[bytes]) -> None:
    write_state(stack.root, State(stranger.pid, "old", PORTS, ready=True))
    assert control.stop(stack.root) is None
    state, started = stack.start()
    assert started
    assert state.pid != stranger.pid
    assert stranger.poll() is None


def test_a_damaged_state_is_replaced(stack: Stack) -> None:
    stack.root.state_file.write_text("{")
    assert stack.start()[1]


def test_a_stack_that_is_just_going_is_not_taken_for_one_that_runs(stack: Stack) -> None:
    write_state(stack.root, State(os.getpid(), "dying", PORTS, ready=True))
    with ThreadPoolExecutor(1) as pool:
        with hold(stack.root):
            starting = pool.submit(stack.start)
            time.sleep(0.1)
            assert not starting.done()
        state, started = starting.result()
    assert started
    assert control.answers(state)


def test_after_a_kill_it_starts_with_the_same_ports_and_data(stack: Stack) -> None:
    first, _ = stack.start()
    secrets = read_secrets(stack.root)
    (stack.root.path / "dss").mkdir()
    (stack.root.path / "dss" / "precious").write_text("data")
    with socket.create_connection(("127.0.0.1", first.ports["dss"])) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(10)  # a connection that is open when the process dies must not block the port
        stack.kill()
        second, started = stack.start()
    assert started
    assert second.ports == first.ports
    assert read_secrets(stack.root) == secrets
    assert (stack.root.path / "dss" / "precious").read_text() == "data"


def test_other_ports_if_the_last_ones_are_taken(stack: Stack) -> None:
    first, _ = stack.start()
    control.stop(stack.root)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first.ports["dss"]))
        other.listen()
        second, _ = stack.start()
    assert second.ports["dss"] != first.ports["dss"]


def test_stop_ends_the_process_and_says_which(stack: Stack) -> None:
    state, _ = stack.start()
    assert control.stop(stack.root) == state.pid
    assert running(stack.root) is None
    assert control.stop(stack.root) is None


def test_stop_insists(stack: Stack) -> None:
    state, _ = stack.start(behaviour="clings")
    signals: list[int] = []

    def kill(pid: int, number: int) -> None:
        signals.append(number)
        os.kill(pid, number)

    assert control.stop(stack.root, patience=0.1, kill=kill) == state.pid
    assert signals == [signal.SIGTERM, signal.SIGKILL]
    assert not is_held(stack.root)


def test_stop_kills_no_stranger(stack: Stack, stranger: subprocess.Popen[bytes], tmp_path: Path) -> None:
    other = Stack(open_root(tmp_path / "other"))
    state, _ = other.start()
    killed: list[int] = []
    try:
        with hold(stack.root):
            # The state of some former run: its process id is a stranger's now, its port another stack's.
            write_state(stack.root, State(stranger.pid, "former", state.ports, ready=True))
            with pytest.raises(HcaError, match="does not answer"):
                control.stop(stack.root, kill=lambda pid, number: killed.append(pid))
    finally:
        control.stop(other.root)
    assert killed == []


def test_stop_waits_for_a_stack_that_is_starting(stack: Stack) -> None:
    with hold(stack.root), pytest.raises(HcaError, match="does not answer"):
        control.stop(stack.root)


def test_delete_refuses_while_the_stack_runs(stack: Stack) -> None:
    stack.start()
    with pytest.raises(HcaError, match="is running"):
        control.delete(stack.root)
    assert running(stack.root)


def test_delete_leaves_nothing_and_follows_no_link(root: Root, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "thesis.tex").touch()
    (root.path / "dss").mkdir()
    (root.path / "dss" / "file").touch()
    (root.path / "link").symlink_to(tmp_path / "outside")
    control.delete(root)
    assert not root.path.exists()
    assert (tmp_path / "outside" / "thesis.tex").exists()


def test_a_deletion_that_fails_half_way_can_be_repeated(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    (root.path / "dss").mkdir()
    (root.path / "dss" / "file").touch()

    def fail(*_: object, **__: object) -> None:
        raise PermissionError("dss")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", fail)
        with pytest.raises(PermissionError):
            control.delete(root)
    assert find_root(root.path) == root
    control.delete(root)
    assert not root.path.exists()


def test_a_long_log_is_put_aside_at_the_next_start(stack: Stack) -> None:
    stack.root.log_file.parent.mkdir()
    stack.root.log_file.write_bytes(b"old\n" * (control.LOG_LIMIT // 4 + 1))
    stack.start()
    assert stack.root.log_file.stat().st_size < 10_000
    assert stack.root.log_file.with_suffix(".log.1").stat().st_size > control.LOG_LIMIT


def test_the_log_is_read_and_followed(root: Root) -> None:
    root.log_file.parent.mkdir()
    root.log_file.write_text("one\n")

    def sleep(seconds: float) -> None:
        with root.log_file.open("a") as log:
            log.write("two\n")

    assert list(control.read_log(root)) == ["one\n"]
    following = control.read_log(root, follow=True, sleep=sleep)
    assert [next(following), next(following)] == ["one\n", "two\n"]


def test_a_missing_log_is_said(root: Root) -> None:
    with pytest.raises(HcaError, match="There is no log"):
        list(control.read_log(root))


@pytest.mark.parametrize("folder", ["plain", "with space", 'it\'s; echo $HOME `id` "x"'])
def test_the_shell_gets_each_value_as_it_is(tmp_path: Path, folder: str) -> None:
    root = open_root(tmp_path / folder)
    lines = control.environment(root, State(1, "one", PORTS, ready=True), {})
    names = [line.removeprefix("export ").partition("=")[0] for line in lines]
    show = "".join(f'; printf "%s\\n" "${name}"' for name in names)
    run = subprocess.run(["sh", "-c", "\n".join(lines) + show], capture_output=True, text=True, check=True, env={})
    assert dict(zip(names, run.stdout.splitlines(), strict=True)) == {
        "HCA_CONFIG_FILE": str(root.config_file),
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:8001",
        "AWS_SHARED_CREDENTIALS_FILE": str(root.aws_file),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def test_what_would_hide_the_credentials_is_unset(root: Root) -> None:
    lines = control.environment(root, State(1, "one", PORTS), {"AWS_PROFILE": "work", "PATH": "/bin"})
    assert [line for line in lines if line.startswith("unset")] == ["unset AWS_PROFILE"]


def test_a_root_that_is_not_served(root: Root) -> None:
    assert control.describe(root, None) == {"running": False, "root": str(root.path)}
    assert read_state(root) is None


@pytest.mark.parametrize(
    ("environ", "exceptions"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy.example.org"}, None),
        ({"http_proxy": "http://proxy.example.org"}, "127.0.0.1"),
        ({"HTTP_PROXY": "http://proxy.example.org", "NO_PROXY": "intranet,127.0.0.1"}, "intranet,127.0.0.1"),
        ({"ALL_PROXY": "socks5://proxy.example.org", "no_proxy": "intranet"}, "intranet,127.0.0.1"),
    ],
)
def test_requests_to_this_machine_do_not_go_through_a_proxy(
    root: Root, environ: dict[str, str], exceptions: str | None
) -> None:
    lines = control.environment(root, State(1, "one", PORTS), environ)
    set_to = [line.partition("=")[2] for line in lines if line.startswith(("export NO_PROXY=", "export no_proxy="))]
    assert set_to == ([] if exceptions is None else [exceptions] * 2)
