"""Waits for something that others have to do, and asks at growing intervals whether it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Patience"]

_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 1.0, 60.0, 1.618  # seconds, and a factor


@dataclass(frozen=True)
class Patience:
    """How long to wait: `timeout` in seconds."""

    timeout: float
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def until(self, is_done: Callable[[], bool]) -> bool:
        """Ask again and again, the last time when the time is over; return whether it was done by then."""
        deadline, wait = self.clock() + self.timeout, _FIRST_WAIT
        while not is_done():
            remaining = deadline - self.clock()
            if not remaining > 0:  # nor is it if the time is no number
                return False
            self.sleep(min(wait, remaining))
            wait = min(wait * _GROWTH, _LONGEST_WAIT)
        return True
