"""Hands blocks of bytes through stages that run in threads of their own, always in the same few buffers."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

__all__ = ["BLOCK", "Ring", "Stage"]

BLOCK = 512 * 1024  # bytes: enough that the interpreter costs nothing, few enough to stay in the processor's cache
_BLOCKS = 4

Stage = Callable[[memoryview], object]
_Queue = queue.SimpleQueue["memoryview | None"]


class Ring:
    """A producer fills `buffer()` and calls `pass_on(count)`; every stage then sees those bytes, in order.

    Four buffers go round: a producer that is faster than the slowest stage waits for a free one. Hashing, reading
    and writing release the interpreter's lock, so the stages really run side by side. What fits into one buffer
    is worked on by the caller, without any thread.
    """

    def __init__(self, *stages: Stage, block: int = BLOCK) -> None:
        self._stages = stages
        self._size = block
        self._buffers: dict[int, memoryview] = {}  # by the id of the bytearray, to find the whole again from a part
        self._filling: memoryview | None = None
        self._held: memoryview | None = None
        self._free: _Queue = queue.SimpleQueue()
        self._before: list[_Queue] = []  # for each stage, what it has yet to see
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None

    def buffer(self) -> memoryview:
        """Return a buffer to fill; the same one until `pass_on` is called."""
        if self._filling is None:
            self._filling = self._new() if self._free.empty() and len(self._buffers) < _BLOCKS else self._next_free()
        return self._filling

    def pass_on(self, count: int) -> None:
        """Give the first `count` bytes of the current buffer to the stages."""
        block, self._filling = self.buffer()[:count], None
        if not self._threads and self._held is None:
            self._held = block
            return
        if not self._threads:
            self._start()
        self._before[0].put(block)

    def drain(self) -> None:
        """Wait until every stage has seen every byte; raise what a stage raised."""
        if self._threads:
            self._wait()
        elif self._held is not None:
            for stage in self._stages:
                stage(self._held)
            self._free.put(self._held)
            self._held = None
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the threads once they are through with what was passed on."""
        if self._threads:
            self._before[0].put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _new(self) -> memoryview:
        memory = bytearray(self._size)
        self._buffers[id(memory)] = memoryview(memory)
        return self._buffers[id(memory)]

    def _next_free(self) -> memoryview:
        block = self._free.get()
        assert block is not None
        return self._buffers[id(block.obj)]

    def _wait(self) -> None:
        # Every buffer comes back once; the one being filled never left.
        away = len(self._buffers) - (self._filling is not None)
        for block in [self._free.get() for _ in range(away)]:
            self._free.put(block)

    def _start(self) -> None:
        self._before = [queue.SimpleQueue() for _ in self._stages]
        for stage, before, behind in zip(self._stages, self._before, [*self._before[1:], self._free], strict=True):
            thread = threading.Thread(target=self._work, args=(stage, before, behind), name="hca-ring", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._before[0].put(self._held)
        self._held = None

    def _work(self, stage: Stage, before: _Queue, behind: _Queue) -> None:
        while (block := before.get()) is not None:
            try:
                stage(block)
            except BaseException as error:  # noqa: BLE001 - the producer is told; the buffers must keep going round
                self._error = error
            behind.put(block)
        if behind is not self._free:
            behind.put(None)
