"""Work that is handed out to executors which obey, break, refuse or never answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from hca_core.transfer.workers import MOST, TRIES, Lent, hand_out


class Breaking(Executor):
    """Does the first `most` things that it is given; then it is broken, as a pool with a dead process is."""

    def __init__(self, most: int) -> None:
        self.left = most
        self.closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.left < 0:
            raise BrokenExecutor
        self.left -= 1
        future: Future[Any] = Future()
        if self.left < 0:
            future.set_exception(BrokenExecutor())
        else:
            future.set_result(fn(*args, **kwargs))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.closed = True


def square(number: int) -> int:
    return number * number


def results(items: range, hire: Callable[[], Executor]) -> dict[int, int]:
    return {item: future.result() for item, future in hand_out(items, square, hire)}


def test_every_item_is_done_however_many_there_are() -> None:
    with ThreadPoolExecutor(3) as threads:
        found = results(range(3 * MOST), lambda: Lent(threads))
        assert found == {number: number * number for number in range(3 * MOST)}
        assert threads.submit(square, 3).result() == 9  # it was lent


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []
    items = (taken.append(number) or number for number in range(10 * MOST))
    with closing(hand_out(items, square, lambda: Breaking(10**6))) as done:
        next(done)
    assert len(taken) == MOST


def test_an_executor_that_breaks_is_replaced_and_shut_down() -> None:
    hired: list[Breaking] = []

    def hire() -> Executor:
        hired.append(Breaking(3))
        return hired[-1]

    assert results(range(5), hire) == {number: number * number for number in range(5)}
    assert len(hired) == 2
    assert all(executor.closed for executor in hired)


def test_what_is_lost_three_times_fails_alone() -> None:
    hired: list[Executor] = []

    def hire() -> Executor:
        hired.append(Breaking(0))
        return hired[-1]

    ((item, future),) = hand_out([7], square, hire)
    assert item == 7
    assert isinstance(future.exception(), BrokenExecutor)
    assert len(hired) == TRIES


def test_what_work_raises_is_in_the_future_and_stops_nobody() -> None:
    with ThreadPoolExecutor(1) as threads:
        found = {item: future.exception() for item, future in hand_out([0, 1], (1).__truediv__, lambda: Lent(threads))}
    assert isinstance(found[0], ZeroDivisionError)
    assert found[1] is None


def test_an_executor_that_takes_nothing_fails_every_item() -> None:
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    assert [str(future.exception()) for _, future in hand_out([1, 2], square, lambda: Lent(threads))] == [
        "cannot schedule new futures after shutdown"
    ] * 2


def test_who_stops_early_cancels_what_has_not_begun() -> None:
    gate = threading.Event()
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number:
            gate.wait(20)

    threads = ThreadPoolExecutor(1)
    with closing(hand_out(range(50), work, lambda: threads)) as done:
        assert next(done)[0] == 0
    gate.set()
    threads.shutdown(wait=True)
    assert len(begun) <= 2
    with pytest.raises(RuntimeError):
        threads.submit(work, 0)


def test_what_was_cancelled_elsewhere_is_told() -> None:
    class Refusing(Breaking):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    ((_, future),) = hand_out([1], square, lambda: Refusing(0))
    with pytest.raises(CancelledError):
        future.result()
