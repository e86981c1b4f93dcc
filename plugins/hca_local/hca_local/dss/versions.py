"""DSS_VERSION timestamps: how they look, and the service's own ones."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

__all__ = ["Versions", "format_version", "is_version"]

_SHAPE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})\.([0-9]{6})Z")
_TICK = timedelta(microseconds=1)


def is_version(text: str) -> bool:
    """Return whether `text` is a DSS_VERSION of a date and time that exists."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return False
    try:
        datetime(*map(int, found.groups()))  # type: ignore[arg-type]  # seven numbers
    except ValueError:
        return False
    return True


def format_version(moment: datetime) -> str:
    """Return a moment in UTC as a DSS_VERSION."""
    # strftime's %Y has fewer than four digits before the year 1000 on some platforms.
    return f"{moment.year:04d}-{moment:%m-%dT%H%M%S.%f}Z"


class Versions:
    """Hands out the present time, never the same one twice."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._last = datetime.min.replace(tzinfo=timezone.utc)

    def __call__(self) -> str:
        """Return a version that is greater than every one before."""
        with self._lock:
            self._last = max(self._now(), self._last + _TICK)
            return format_version(self._last)
