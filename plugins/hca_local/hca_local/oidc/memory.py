"""What the provider knows only until it stops: things that are forgotten after a while, or when there are too many."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Expiring"]

Value = TypeVar("Value")


class Expiring(Generic[Value]):
    """Values by their names, each for `seconds` after it was put, and no more than `most`. Thread-safe."""

    def __init__(self, seconds: float, most: int, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._most = most
        self._now = now
        self._kept: OrderedDict[str, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, name: str, value: Value) -> None:
        """Keep a value; the oldest ones make room for it."""
        with self._lock:
            self._kept.pop(name, None)
            self._kept[name] = (self._now() + self._seconds, value)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def get(self, name: str) -> Value | None:
        """Return the value with this name, or None if there is none any more."""
        with self._lock:
            expires, value = self._kept.get(name, (0.0, None))
            return value if expires > self._now() else None

    def pop(self, name: str) -> Value | None:
        """Forget the value with this name and return it; two that ask at the same time do not both get it."""
        with self._lock:
            expires, value = self._kept.pop(name, (0.0, None))
            return value if expires > self._now() else None
