"""Threads for connections: as many as are talking at the same time."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Threads"]

log = logging.getLogger(__name__)

LULL = 10.0  # seconds


class Conversation(Protocol):
    """What a thread is needed for."""

    def communicate(self) -> bool:
        """Answer one request; return whether another may follow."""

    def cut(self) -> None:
        """Make `communicate` end soon, from another thread."""

    def close(self) -> None:
        """Give everything back."""


class Threads:
    """What cheroot uses as its thread pool; `rest` takes a connection from which another request may come.

    A thread ends after `lull` seconds without work.
    """

    min = 1  # cheroot asks for it

    def __init__(self, rest: Callable[[Any], object], *, lull: float = LULL) -> None:
        self._rest = rest
        self._lull = lull
        self._waiting: queue.SimpleQueue[Conversation | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._active: set[Conversation] = set()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Nothing to do: threads begin when they are needed."""

    @property
    def idle(self) -> int:
        """How many threads have nothing to do."""
        return len(self._threads) - len(self._active)

    def put(self, conversation: Conversation) -> None:
        """Have a thread answer the next request of a connection, now."""
        with self._lock:
            self._active.add(conversation)
            if len(self._active) > len(self._threads):
                thread = threading.Thread(target=self._work, name=f"{threading.current_thread().name}-request")
                self._threads.append(thread)
                thread.start()
        self._waiting.put(conversation)

    def stop(self, timeout: float) -> None:
        """Return once no thread runs any more; after `timeout` seconds the connections are cut."""
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._waiting.put(None)
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))
        with self._lock:
            late = list(self._active)
        for conversation in late:
            conversation.cut()
        for thread in threads:
            thread.join()

    def _work(self) -> None:
        while (conversation := self._next()) is not None:
            goes_on = False
            try:
                goes_on = conversation.communicate()
            except Exception:
                log.info("A connection broke", exc_info=True)
            with self._lock:
                self._active.discard(conversation)
            self._rest(conversation) if goes_on else conversation.close()

    def _next(self) -> Conversation | None:
        """The connection to serve next; None if the thread is to end."""
        while True:
            try:
                return self._waiting.get(timeout=self._lull)
            except queue.Empty:
                with self._lock:
                    if len(self._threads) > len(self._active):  # enough others are left
                        self._threads.remove(threading.current_thread())
                        return None
