from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from origin import Fault, Origin, job_for

from hca_core.errors import ApiError, ArgumentError, TransferError
from hca_core.testing import FakeServer
from hca_core.transfer import durable, pool
from hca_core.transfer.job import TransferJob
from hca_core.transfer.pool import each, run
from hca_core.transfer.report import FileResult, Report
from hca_core.transfer.sink import SMALL

DATA = b"content" * 100


def jobs(folder: Path, count: int) -> Iterator[TransferJob]:
    for number in range(count):
        yield job_for(DATA, folder / f"{number}", identity=f"{number}")


@pytest.mark.parametrize("at_once", [1, 2, 7])
def test_every_item_is_worked_on_once(at_once: int) -> None:
    assert sorted(each(range(100), lambda number: number * 2, jobs=at_once)) == list(range(0, 200, 2))
    assert list(each([], str, jobs=at_once)) == []


def test_one_at_a_time_keeps_the_order_and_the_thread() -> None:
    seen = list(each(range(5), lambda number: (number, threading.current_thread()), jobs=1))
    assert seen == [(number, threading.current_thread()) for number in range(5)]


@pytest.mark.parametrize("jobs", [0, -3])
def test_fewer_than_one_job_are_refused_instead_of_waited_for(jobs: int) -> None:
    with pytest.raises(ArgumentError, match=f"jobs={jobs} is too small"):
        each([1], str, jobs=jobs)


def test_never_more_than_jobs_run_at_once() -> None:
    lock, running, most = threading.Lock(), 0, 0
    all_there = threading.Barrier(4)

    def work(number: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_there.wait()
        with lock:
            running -= 1

    list(each(range(40), work, jobs=4))
    assert most == 4


@pytest.mark.parametrize("at_once", [1, 3])
def test_items_are_taken_as_they_are_needed(at_once: int) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1_000_000):
            taken += 1
            yield number

    results = each(items(), lambda number: number, jobs=at_once)
    for _ in range(10):
        next(results)
    assert taken <= 10 + 2 * at_once
    results.close()


def test_work_begins_before_the_last_item_is_known() -> None:
    began = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        assert began.wait(10)
        yield 2

    def work(number: int) -> int:
        began.set()
        return number

    assert sorted(each(items(), work, jobs=2)) == [1, 2]


@pytest.mark.parametrize("at_once", [1, 3])
def test_what_work_raises_is_raised_and_ends_it(at_once: int) -> None:
    stop, done = threading.Event(), []

    def work(number: int) -> None:
        if number == 3:
            raise ValueError("three")
        done.append(number)

    with pytest.raises(ValueError, match="three"):
        list(each(range(1000), work, jobs=at_once, stop=stop))
    assert stop.is_set()
    assert len(done) < 20


@pytest.mark.parametrize("at_once", [1, 3])
def test_what_the_items_raise_is_raised(at_once: int) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(each(items(), str, jobs=at_once))


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_caller_who_leaves_early_stops_the_work(at_once: int) -> None:
    stop = threading.Event()
    results = each(range(1000), str, jobs=at_once, stop=stop)
    next(results)
    results.close()
    assert stop.is_set()


@pytest.mark.parametrize("at_once", [1, 3])
def test_nothing_begins_once_stop_is_set(at_once: int) -> None:
    stop, done = threading.Event(), []

    def work(number: int) -> None:
        done.append(number)
        if number == 5:
            stop.set()

    list(each(range(1000), work, jobs=at_once, stop=stop))
    assert 5 in done
    assert len(done) <= 5 + 2 * at_once


def test_work_that_hangs_does_not_hold_up_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_FAREWELL", 0.01)
    release = threading.Event()
    results = each([0, 1], lambda number: number or release.wait(), jobs=2)
    assert next(results) == 1
    results.close()
    release.set()


def test_the_number_of_workers_follows_the_limit() -> None:
    limits, workers = [1], dict[int, set[int]]()

    def work(number: int) -> int:
        workers.setdefault(number // 100, set()).add(threading.get_ident())
        threading.Event().wait(0.0002)
        return number

    for number in each(range(300), work, jobs=lambda: limits[-1]):
        limits.append(4 if 50 <= number < 150 else 1)
    assert [len(workers[hundred]) for hundred in range(3)] == [4, 4, 1]
    assert not any(thread.ident in set.union(*workers.values()) for thread in threading.enumerate())


@pytest.mark.parametrize("concurrency", [1, 4, None])
def test_many_files_are_fetched(concurrency: int | None, tmp_path: Path) -> None:
    told: list[FileResult] = []
    report = run(jobs(tmp_path, 50), Origin(DATA), concurrency=concurrency, on_result=told.append)
    assert report.counts == {"fetched": 50}
    assert report.transferred == 50 * len(DATA)
    assert report.seconds > 0
    assert sorted(result.name for result in told) == sorted(str(number) for number in range(50))
    assert all((tmp_path / str(number)).read_bytes() == DATA for number in range(50))


def test_the_same_file_is_fetched_once(tmp_path: Path) -> None:
    origin = Origin(DATA)
    report = run([*jobs(tmp_path, 3), *jobs(tmp_path, 3)], origin)
    assert (report.files, len(origin.requests)) == (3, 3)


def test_two_files_for_one_path_are_a_failure_of_the_second(tmp_path: Path) -> None:
    first = job_for(DATA, tmp_path / "f", identity="one")
    report = run([first, replace(first, identity="two", name="other")], Origin(DATA))
    assert [failure.name for failure in report.failures] == ["other"]
    assert "same path" in str(report.failures[0].error)
    assert report.counts == {"fetched": 1, "failed": 1}


def test_a_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    report = run(jobs(tmp_path, 20), Origin(DATA, Fault("gone"), Fault("none"), Fault("gone")), concurrency=2)
    assert report.counts == {"fetched": 18, "failed": 2}
    with pytest.raises(TransferError, match="2 of 20 files failed") as caught:
        report.raise_for_failures()
    assert caught.value.report is report


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    origin = Origin(DATA, Fault("none"), Fault("gone"))
    report = run(jobs(tmp_path, 100), origin, concurrency=1, fail_fast=True)
    assert report.counts == {"fetched": 1, "failed": 1}
    assert len(origin.requests) == 2


def test_a_full_disk_stops_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The only stand-in here: a file system of a few kilobytes would need root.
    import errno

    from hca_core.transfer import sink

    def full(file: Any, data: memoryview) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sink, "_write", full)
    report = run(jobs(tmp_path, 100), Origin(DATA), concurrency=1)
    assert report.counts == {"failed": 1}
    assert list(tmp_path.iterdir()) == []


def test_results_are_told_when_the_files_are_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(durable, "_sync", lambda path: events.append(path.name))
    run(jobs(tmp_path, 2), Origin(DATA), concurrency=1, on_result=lambda result: events.append(f"told {result.name}"))
    assert events == ["0", "1", tmp_path.name, "told 0", "told 1"]


def test_a_file_that_cannot_be_forced_to_the_disk_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(path: Path) -> None:
        if path.name == "1":
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(durable, "_sync", sync)
    report = run(jobs(tmp_path, 3), Origin(DATA), concurrency=1)
    assert [failure.name for failure in report.failures] == ["1"]
    assert "Input/output error" in str(report.failures[0].error)


def test_an_interrupted_run_has_a_report(tmp_path: Path) -> None:
    report = Report()

    def interrupted() -> Iterator[TransferJob]:
        yield from jobs(tmp_path, 5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(interrupted(), Origin(DATA), concurrency=1, report=report)
    assert report.counts == {"fetched": 5}


def test_an_unexpected_error_is_not_hidden(tmp_path: Path) -> None:
    def broken(url: str, *, offset: int = 0, validator: str | None = None) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(jobs(tmp_path, 5), broken)


def test_openers_errors_are_kept_in_the_report(tmp_path: Path) -> None:
    report = run(jobs(tmp_path, 1), Origin(DATA, Fault("gone")))
    assert isinstance(report.failures[0].error, ApiError)


CHILD = """
import hashlib, sys
from pathlib import Path
from hca_core.http import Session
from hca_core.transfer.job import TransferJob
from hca_core.transfer.pool import run
url, folder, size, sha256 = sys.argv[1:]
jobs = [TransferJob(f"{n}", url + f"/{n}", Path(folder, f"{n}"), f"{n}", int(size), sha256) for n in range(4)]
run(jobs, Session().open)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_stopped_leaves_what_the_next_continues(ending: signal.Signals, tmp_path: Path) -> None:
    from hca_core.http import Session

    data = bytes(range(256)) * 4096 * 3
    sha256 = hashlib.sha256(data).hexdigest()
    at = len(data) * 6 // 10
    with FakeServer() as server:
        blobs = [server.serve_bytes(f"/{number}", data, '"1"') for number in range(4)]
        for blob in blobs:
            blob.stall(at)
        arguments = [server.url, str(tmp_path), str(len(data)), sha256]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        child = subprocess.Popen([sys.executable, "-c", CHILD, *arguments], env=environment, stderr=subprocess.PIPE)
        parts = [tmp_path / f"{number}.part" for number in range(4)]
        while not all(part.exists() and part.stat().st_size >= at - SMALL // 2 for part in parts):
            assert child.poll() is None
            threading.Event().wait(0.01)
        child.send_signal(ending)
        child.communicate(timeout=10)
        there = sum(part.stat().st_size for part in parts)
        sent = sum(blob.sent for blob in blobs)
        with Session() as session:
            again = [
                TransferJob(f"{n}", f"{server.url}/{n}", tmp_path / f"{n}", f"{n}", len(data), sha256) for n in range(4)
            ]
            report = run(again, session.open)
        assert report.counts == {"resumed": 4}
        assert sum(blob.sent for blob in blobs) - sent == 4 * len(data) - there
    assert all((tmp_path / f"{number}").read_bytes() == data for number in range(4))
    assert len(list(tmp_path.iterdir())) == 4
