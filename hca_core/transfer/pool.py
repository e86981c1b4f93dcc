"""Does many things at once without holding many in memory, and stops at once when asked to."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from hca_core.errors import ArgumentError, TransferError
from hca_core.transfer.durable import flush
from hca_core.transfer.fetch import Existing, fetch, is_hopeless
from hca_core.transfer.job import Opener, Progress, TransferJob
from hca_core.transfer.lanes import CONNECTIONS, Lanes
from hca_core.transfer.pace import MOST, Pace, room
from hca_core.transfer.private import Sweeper
from hca_core.transfer.quota import Quota
from hca_core.transfer.report import FileResult, Report

__all__ = ["Batch", "each", "run"]

T = TypeVar("T")
R = TypeVar("R")

_BATCH_FILES = 1000  # results are told after at most so many files
_BATCH_SECONDS = 2.0  # … or after so much time
_FAREWELL = 1.0  # seconds that interrupted work gets to put its things away
_POLL = 0.2  # seconds; on Windows an endless wait cannot be interrupted


def each(
    items: Iterable[T],
    work: Callable[[T], R],
    *,
    jobs: int | Callable[[], int],
    stop: threading.Event | None = None,
) -> Generator[R, None, None]:
    """Yield `work(item)` for every item, in the order in which they are done.

    At most `jobs` run at once (a function is asked again and again); with 1 they run in the caller's thread. Items
    are taken as they are needed, by the caller's thread and at most `jobs` ahead. What `work` raises is raised here.

    Once `stop` is set nothing new begins, and the iteration ends. It is set here when the caller stops early or is
    interrupted or an error is raised; what still runs then has a second to notice.

    Raises:
        ArgumentError: nothing can be done by fewer than one.
    """
    if isinstance(jobs, int) and jobs < 1:
        raise ArgumentError(f"jobs={jobs} is too small.", hint="Give at least 1.")
    stop = stop or threading.Event()
    if jobs == 1:
        return _in_turn(items, work, stop)
    return _Crew(work, jobs if callable(jobs) else lambda: jobs, stop).results(iter(items))


def _in_turn(items: Iterable[T], work: Callable[[T], R], stop: threading.Event) -> Generator[R, None, None]:
    try:
        for item in items:
            if stop.is_set():
                return
            yield work(item)
    except BaseException:
        stop.set()
        raise


@dataclass(frozen=True)
class _Outcome(Generic[R]):
    value: R | None = None
    error: BaseException | None = None


class _Stopped(Exception):
    """`stop` was set and no result is ready."""


class _Crew(Generic[T, R]):
    """Threads that work off a queue. They are daemons: one that waits for a dead server must not delay the exit."""

    def __init__(self, work: Callable[[T], R], limit: Callable[[], int], stop: threading.Event) -> None:
        self._work, self._limit, self._stop = work, limit, stop
        self._tasks: queue.SimpleQueue[tuple[T] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[_Outcome[R]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._employed = 0
        self._pending = 0

    def results(self, items: Iterator[T]) -> Generator[R, None, None]:
        try:
            more = True
            while more or self._pending:
                while self._pending and (not more or self._is_full() or not self._done.empty()):
                    outcome = self._next()
                    if outcome.error is not None:
                        raise outcome.error
                    yield outcome.value  # type: ignore[misc]  # None, too, may be what `work` returns
                more = more and not self._stop.is_set() and self._take(items)
        except _Stopped:
            return
        except BaseException:
            self._stop.set()
            raise
        finally:
            self._dismiss()

    def _is_full(self) -> bool:
        # As many wait as work, so that nobody is idle while the caller deals with a result.
        return self._pending >= 2 * self._limit()

    def _take(self, items: Iterator[T]) -> bool:
        for item in items:
            self._pending += 1
            self._employ()
            self._tasks.put((item,))
            return True
        return False

    def _employ(self) -> None:
        wanted = min(self._limit(), self._pending)
        while self._employed < wanted:
            thread = threading.Thread(target=self._run, name="hca-transfer", daemon=True)
            thread.start()
            self._threads.append(thread)
            self._employed += 1
        while self._employed > self._limit():
            self._tasks.put(None)
            self._employed -= 1

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._stop.is_set():
                return
            try:
                outcome = _Outcome(self._work(task[0]))
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                outcome = _Outcome(error=error)
            self._done.put(outcome)

    def _next(self) -> _Outcome[R]:
        while True:
            try:
                outcome = self._done.get(timeout=_POLL)
            except queue.Empty:
                if self._stop.is_set():
                    raise _Stopped from None
                continue
            if self._stop.is_set() and isinstance(outcome.error, CancelledError):
                raise _Stopped
            self._pending -= 1
            return outcome

    def _dismiss(self) -> None:
        for _ in range(self._employed):
            self._tasks.put(None)
        latest = time.monotonic() + _FAREWELL
        for thread in self._threads:
            thread.join(max(0.0, latest - time.monotonic()))


def run(
    jobs: Iterable[TransferJob],
    opener: Opener,
    *,
    concurrency: int | None = None,
    existing: Existing = "skip",
    quota: Quota | None = None,
    progress: Progress | None = None,
    fail_fast: bool = False,
    on_result: Callable[[FileResult], object] | None = None,
    report: Report | None = None,
) -> Report:
    """Fetch many files and return what became of them; failures are in the report, `raise_for_failures` raises them.

    By default 8 files are fetched at once, and up to 64 as long as that makes it faster; `concurrency` fixes the
    number, but they are never more than the system's limit of open files allows. While there are fewer, a large file
    may have several connections, up to 16 or `concurrency` altogether. Jobs for the same target and identity
    are done once. A failure does not stop the others, unless it is one of this machine (such as a full disk), or with
    `fail_fast`. `on_result` is called in the caller's thread, a batch at a time, when the files of the batch are safely
    on the disk. Give a `report` to have one even if the run is interrupted.
    """
    report = Report() if report is None else report
    stop, sweeper = threading.Event(), Sweeper()
    most = min(concurrency or MOST, room())
    pace = Pace(most=most)
    lanes = Lanes(min(concurrency or CONNECTIONS, most))
    batch = Batch(report, on_result)

    def work(candidate: _Candidate) -> FileResult:
        if candidate.clashes:
            return _clash(candidate.job)
        with lanes.file():
            return fetch(
                candidate.job,
                opener,
                existing=existing,
                quota=quota,
                progress=progress,
                stop=stop,
                sweep=sweeper,
                sleep=stop.wait,
                lanes=lanes,
            )

    began = time.monotonic()
    try:
        with closing(each(_unique(jobs), work, jobs=most if concurrency else lambda: pace.limit, stop=stop)) as results:
            for result in results:
                pace.completed(result.transferred, result.error)
                batch.add(result)
                if result.error is not None and (fail_fast or is_hopeless(result.error)):
                    break
    finally:
        batch.settle()
        report.seconds += time.monotonic() - began
    return report


@dataclass(frozen=True)
class _Candidate:
    job: TransferJob
    clashes: bool


def _unique(jobs: Iterable[TransferJob]) -> Iterator[_Candidate]:
    # Hashes instead of texts keep a million jobs small. The chance that any two of a million targets have the same
    # one is below 1 in 10 million, and then the second is refused, not taken for the first.
    seen: dict[int, int] = {}
    for job in jobs:
        target, identity = hash(os.fspath(job.target)), hash(job.identity)
        if target not in seen:
            seen[target] = identity
            yield _Candidate(job, clashes=False)
        elif seen[target] != identity:
            yield _Candidate(job, clashes=True)


def _clash(job: TransferJob) -> FileResult:
    error = TransferError(f"{job.name}: another file of this run has the same path, {job.target}.")
    return FileResult(job.name, job.target, "failed", job.size, error=error)


class Batch:
    """Results on their way into the report; they get there when the files are safely on the disk."""

    def __init__(self, report: Report, on_result: Callable[[FileResult], object] | None) -> None:
        self._report = report
        self._on_result = on_result
        self._results: list[FileResult] = []
        self._since = time.monotonic()

    def add(self, result: FileResult) -> None:
        """Take one more result; now and then all of them are settled."""
        self._results.append(result)
        if len(self._results) >= _BATCH_FILES or time.monotonic() - self._since >= _BATCH_SECONDS:
            self.settle()

    def settle(self) -> None:
        """Force the files to the disk and tell what became of them."""
        results, self._results = self._results, []
        lost = flush(result.path for result in results if result.status in ("fetched", "resumed"))
        for result in results:
            error = lost.get(result.path)
            told = _lost(result, error) if error else result
            self._report.add(told)
            if self._on_result:
                self._on_result(told)
        self._since = time.monotonic()


def _lost(result: FileResult, cause: OSError) -> FileResult:
    if isinstance(cause, FileNotFoundError):
        error = TransferError(f"{result.path} was there, but somebody has deleted it.")
    else:
        error = TransferError(f"{result.name} could not be forced to the disk at {result.path}: {cause.strerror}.")
    error.__cause__ = cause
    return replace(result, status="failed", error=error)
