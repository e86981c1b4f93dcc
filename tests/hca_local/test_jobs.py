"""Work in the background, whatever interrupts it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hca_local.jobs import Job, Jobs, Workers
from hca_local.problem import Problem


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(tmp_path: Path, clock: Clock) -> Iterator[Jobs]:
    found = Jobs(tmp_path, clock)
    yield found
    found.close()


def perform(jobs: Jobs, task: Callable[[Job], str], done: threading.Event) -> None:
    """Let workers do what there is until `done` is set."""
    workers = Workers(jobs, {"do": task})
    try:
        assert done.wait(10)
    finally:
        workers.close()


def test_jobs_are_done_in_the_order_in_which_they_are_due(jobs: Jobs, clock: Clock) -> None:
    late, early = jobs.add("do", "x", {"n": 1}, delay=5), jobs.add("do", "x", {"n": 2}, delay=1)
    clock.now += 5
    assert (jobs.take(), jobs.take()) == (early, late)


def test_a_job_that_is_not_due_waits(jobs: Jobs, clock: Clock) -> None:
    jobs.add("do", "x", {}, delay=10)
    done = threading.Event()
    taken = []

    def take() -> None:
        taken.append(jobs.take())
        done.set()

    thread = threading.Thread(target=take)
    thread.start()
    assert not done.wait(0.15)
    clock.now += 10
    assert done.wait(10)
    thread.join()
    assert taken[0] is not None


def test_how_a_job_ended_is_remembered(jobs: Jobs, tmp_path: Path, clock: Clock) -> None:
    done = threading.Semaphore(0)

    def task(job: Job) -> str:
        done.release()
        if job.subject == "refused":
            raise Problem(404, "not_found", "There is nothing.")
        if job.subject == "broken":
            raise ZeroDivisionError
        return "there"

    ids = [jobs.add("do", subject, {}).id for subject in ("fine", "refused", "broken")]
    workers = Workers(jobs, {"do": task})
    for _ in ids:
        assert done.acquire(timeout=10)
    workers.close()
    again = Jobs(tmp_path, clock)
    found = [again.find(id) for id in ids]
    again.close()
    assert [(job.status, job.outcome) for job in found if job] == [
        ("SUCCEEDED", "there"),
        ("FAILED", "There is nothing."),
        ("FAILED", "Unknown issue"),
    ]


def test_a_job_that_was_interrupted_is_begun_again(tmp_path: Path, clock: Clock) -> None:
    first = Jobs(tmp_path, clock)
    job = first.add("do", "x", {"n": 1})
    begun = threading.Event()

    def endless(_: Job) -> str:
        begun.set()
        while True:
            first.go_on()

    perform(first, endless, begun)
    first.close()
    second = Jobs(tmp_path, clock)
    done = threading.Event()

    def quick(job: Job) -> str:
        done.set()
        return str(job.arguments["n"])

    perform(second, quick, done)
    found = second.find(job.id)
    second.close()
    assert found is not None
    assert (found.status, found.outcome) == ("SUCCEEDED", "1")


def test_the_same_job_is_added_once_while_it_runs(jobs: Jobs) -> None:
    job = jobs.ensure("do", "x", {"n": 1})
    assert jobs.ensure("do", "x", {"n": 1}) == job
    assert jobs.ensure("do", "x", {"n": 2}) != job
    assert jobs.ensure("do", "y", {"n": 1}) != job
    jobs.finish(job, "FAILED", "why")
    newer = jobs.ensure("do", "x", {"n": 1})
    assert newer != job
    assert jobs.latest("x") == newer
    assert jobs.latest("z") is None


def test_nobody_waits_for_jobs_after_the_end(jobs: Jobs) -> None:
    jobs.add("do", "x", {})
    jobs.interrupt()
    assert jobs.take() is None
