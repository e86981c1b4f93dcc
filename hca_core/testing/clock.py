"""A clock for tests that waits for nobody."""

from __future__ import annotations

import threading

__all__ = ["Clock"]


class Clock:
    """A clock for tests: `sleep` returns at once, moves the time on and is remembered in `sleeps`. Thread-safe."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.sleeps: list[float] = []
        self._start = start
        self._passed = 0.0
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        with self._lock:
            self.sleeps.append(seconds)
            self._passed += seconds

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass without anybody having slept."""
        with self._lock:
            self._passed += seconds

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._passed

    def now(self) -> float:
        """Return the seconds since 1970."""
        return self._start + self._passed

    @property
    def slept(self) -> float:
        """The sum of all sleeps."""
        return sum(self.sleeps)
