"""Threads for connections: never fewer than are talking."""

from __future__ import annotations

import threading

from hca_local.threads import Threads


class Conversation:
    """Goes on until it is let go or cut."""

    def __init__(self, *, again: bool = False, fails: bool = False) -> None:
        self.again = again
        self.fails = fails
        self.begun, self.over, self.closed = threading.Event(), threading.Event(), threading.Event()

    def communicate(self) -> bool:
        self.begun.set()
        assert self.over.wait(5)
        if self.fails:
            raise RuntimeError("a bug")
        return self.again

    def cut(self) -> None:
        self.over.set()

    def close(self) -> None:
        self.closed.set()


def test_everybody_has_a_thread_at_once() -> None:
    threads = Threads(lambda _: None)
    talks = [Conversation() for _ in range(50)]
    for talk in talks:
        threads.put(talk)
    assert all(talk.begun.wait(5) for talk in talks)
    for talk in talks:
        talk.cut()
    assert all(talk.closed.wait(5) for talk in talks)
    threads.stop(1)


def test_a_thread_is_used_again() -> None:
    rested = threading.Semaphore(0)
    threads = Threads(lambda _: rested.release())
    for _ in range(20):
        talk = Conversation(again=True)
        talk.cut()
        threads.put(talk)
        assert rested.acquire(timeout=5)
        assert not talk.closed.is_set()
    assert threads.idle <= 2
    threads.stop(1)


def test_a_bug_ends_a_connection_but_no_thread() -> None:
    threads = Threads(lambda _: None)
    for _ in range(3):
        talk = Conversation(fails=True)
        talk.cut()
        threads.put(talk)
        assert talk.closed.wait(5)
    threads.stop(1)


def test_stopping_cuts_what_does_not_end() -> None:
    threads = Threads(lambda _: None)
    talk = Conversation()
    threads.put(talk)
    assert talk.begun.wait(5)
    threads.stop(0.01)
    assert talk.closed.is_set()


def test_threads_end_when_there_is_nothing_to_do() -> None:
    threads = Threads(lambda _: None, lull=0.01)
    talk = Conversation()
    talk.cut()
    threads.put(talk)
    assert talk.closed.wait(5)
    while threads.idle:
        threading.Event().wait(0.01)
    again = Conversation()
    again.cut()
    threads.put(again)
    assert again.closed.wait(5)
    threads.stop(1)
