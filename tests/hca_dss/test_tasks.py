"""The documented `TaskRunner`."""

from __future__ import annotations

import logging
import threading

import pytest

from hca_dss.tasks import TaskRunner


def test_tasks_run_with_their_arguments_and_may_submit_others() -> None:
    runner, done = TaskRunner(threads=2), []

    def task(depth: int, *, name: str) -> None:
        done.append(f"{name}{depth}")
        for side in ("l", "r") if depth else ():
            runner.submit(f"{name}{side}", task, depth - 1, name=f"{name}{side}")

    runner.submit("root", task, 2, name="t")
    assert runner.wait_for_futures() == 0
    assert sorted(done) == ["t2", "tl1", "tll0", "tlr0", "tr1", "trl0", "trr0"]


def test_a_failed_task_is_counted_and_named_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    runner, done = TaskRunner(threads=1), []
    runner.submit("first", done.append, 1)
    runner.submit("second", lambda: 1 / 0)
    runner.submit("third", done.append, 3)
    with caplog.at_level(logging.WARNING):
        assert runner.wait_for_futures() == 1
    assert done == [1, 3]
    assert caplog.messages == ["second failed: division by zero"]
    assert runner.wait_for_futures() == 0


def test_waiting_for_nothing_ends_at_once() -> None:
    assert TaskRunner().wait_for_futures() == 0


def test_as_many_run_at_once_as_there_are_threads() -> None:
    runner, met = TaskRunner(threads=3), threading.Barrier(3)
    for number in range(3):
        runner.submit(number, met.wait, 10)
    assert runner.wait_for_futures() == 0


def test_after_an_interruption_nothing_new_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(threading.Condition):
        def wait_for(self, *_: object) -> bool:
            raise KeyboardInterrupt

    runner, started, release, done = TaskRunner(threads=1), threading.Event(), threading.Event(), []
    runner._changed = Interrupted()

    def first() -> None:
        started.set()
        release.wait(10)

    runner.submit("first", first)
    runner.submit("second", done.append, 2)
    started.wait(10)
    with pytest.raises(KeyboardInterrupt):
        runner.wait_for_futures()
    with pytest.raises(RuntimeError):
        runner.submit("third", done.append, 3)
    release.set()
    runner._pool.shutdown()
    assert done == []
