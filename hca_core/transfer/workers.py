"""Hands work out to the workers of an executor, which may be other processes or machines, and may be lost."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["Hire", "Lent", "hand_out"]

T = TypeVar("T")
R = TypeVar("R")

Hire = Callable[[], Executor]

MOST = 256  # items that are handed out at a time; the others wait where they come from
TRIES = 3
_POLL = 1.0  # seconds; on Windows an endless wait cannot be interrupted


def hand_out(items: Iterable[T], work: Callable[[T], R], hire: Hire) -> Generator[tuple[T, Future[R]], None, None]:
    """Yield every item and the finished future of `work(item)`, in the order in which they are done.

    The work, the items and the results must be fit to be pickled. Items are taken as they are needed. An executor that
    breaks, as those of processes do when one of them dies, is replaced by another one (`hire` is called again), and
    what it had is handed out again, each item up to 3 times. When the caller stops early or is interrupted, what has
    not begun never will.
    """
    return _Office(work, hire).results(iter(items))


class Lent(Executor):
    """An executor that belongs to somebody else: it can be used, but not shut down."""

    def __init__(self, owned: Executor) -> None:
        self._owned = owned

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Have the owner's executor do it."""
        return self._owned.submit(fn, *args, **kwargs)


@dataclass(frozen=True)
class _Task(Generic[T]):
    item: T
    executor: Executor
    tries: int


class _Office(Generic[T, R]):
    """Knows what is handed out, and to whom."""

    def __init__(self, work: Callable[[T], R], hire: Hire) -> None:
        self._work, self._hire = work, hire
        self._executor = hire()
        self._pending: dict[Future[R], _Task[T]] = {}

    def results(self, items: Iterator[T]) -> Generator[tuple[T, Future[R]], None, None]:
        try:
            more = True
            while more or self._pending:
                while more and len(self._pending) < MOST:
                    more = self._take(items)
                for future in wait(self._pending, _POLL, FIRST_COMPLETED).done:
                    task = self._pending.pop(future)
                    if not self._again(task, future):
                        yield task.item, future
        finally:
            self._dismiss()

    def _take(self, items: Iterator[T]) -> bool:
        for item in items:
            self._submit(item, 1)
            return True
        return False

    def _submit(self, item: T, tries: int) -> None:
        executor = self._executor
        try:
            future = executor.submit(self._work, item)
        except Exception as error:  # noqa: BLE001 - whatever an executor says, the caller is told it of this item
            future = Future()
            future.set_exception(error)
        self._pending[future] = _Task(item, executor, tries)

    def _again(self, task: _Task[T], future: Future[R]) -> bool:
        """Hand out a task once more if it was lost together with its executor."""
        lost = not future.cancelled() and isinstance(future.exception(), BrokenExecutor)
        if not lost or task.tries >= TRIES:
            return False
        if task.executor is self._executor:
            self._executor.shutdown(wait=False)
            self._executor = self._hire()
        self._submit(task.item, task.tries + 1)
        return True

    def _dismiss(self) -> None:
        for future in self._pending:
            future.cancel()
        self._executor.shutdown(wait=not self._pending)
