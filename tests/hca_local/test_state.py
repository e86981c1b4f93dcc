from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from hca_core.errors import HcaError
from hca_local.root import Root
from hca_local.state import State, hold, is_held, read_state, running, serves, write_state

from .conftest import PORTS

READY = State(4242, "one", PORTS, ready=True)


def test_a_state_is_read_as_it_was_written(root: Root) -> None:
    assert read_state(root) is None
    write_state(root, READY)
    assert read_state(root) == READY


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "{}", '{"pid": -1, "instance": "x"}', '{"pid": 1, "instance": "x", "ports": {"dss": "y"}}'],
)
def test_a_damaged_state_is_no_state(root: Root, text: str) -> None:
    root.state_file.write_text(text)
    assert read_state(root) is None
    with hold(root):
        assert running(root) is None


def test_only_the_lock_tells_that_a_stack_runs(root: Root) -> None:
    write_state(root, READY)
    assert running(root) is None
    with hold(root):
        assert running(root) == READY
    assert running(root) is None


def test_a_stack_that_is_starting_does_not_run_yet(root: Root) -> None:
    write_state(root, replace(READY, ready=False))
    with hold(root):
        assert running(root) is None


def test_the_lock_has_one_holder(root: Root) -> None:
    with hold(root):
        assert is_held(root)
        with pytest.raises(HcaError, match="is running"), hold(root, patience=0.05):
            pass
    assert not is_held(root)


def test_those_who_look_do_not_mislead_each_other(root: Root) -> None:
    assert not is_held(root)
    with hold(root):
        pass
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda _: is_held(root), range(2000)))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no shared locks")
def test_somebody_who_is_looking_is_not_the_one_who_serves(root: Root) -> None:
    import fcntl

    root.lock_file.touch()
    with root.lock_file.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert not is_held(root)


def test_what_a_running_stack_serves(root: Root) -> None:
    write_state(root, READY)
    assert not serves(root, "http://127.0.0.1:8000/v1")
    with hold(root):
        assert serves(root, "http://127.0.0.1:8000/v1")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:8000/v1",
        "http://127.0.0.1:8001/",
        "http://127.0.0.1/v1",
        "http://localhost:8000/v1",
        "http://127.0.0.1:8000@example.org/v1",
        "http://example.org:8000/v1",
        "http://127.0.0.1.example.org:8000/v1",
        "http://127.0.0.1:port/v1",
        "http://[::1:8000/",
        "",
    ],
)
def test_what_it_does_not_serve(root: Root, url: str) -> None:
    write_state(root, READY)
    with hold(root):
        assert not serves(root, url)
