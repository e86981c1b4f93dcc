"""DSS_VERSION timestamps: making new ones, and checking those that come from elsewhere."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from hca_core.errors import ArgumentError

_SHAPE = re.compile(r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z", re.ASCII)
_FORMAT = "%Y-%m-%dT%H%M%S.%fZ"
_TICK = timedelta(microseconds=1)


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Versions:
    """Hands out versions that only ever grow, even when the clock stands still or is set back."""

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = datetime.min.replace(tzinfo=timezone.utc)

    def __call__(self) -> str:
        """Return a new version: UTC now, 25 characters, greater than every one before."""
        with self._lock:
            self._last = max(self._clock(), self._last + _TICK)
            return self._last.strftime(_FORMAT)


create_version = Versions()


def check_version(text: str) -> str:
    """Return `text` if it is a DSS_VERSION of a real date and time; otherwise raise an ArgumentError that names it."""
    if not _SHAPE.fullmatch(str(text)) or not _is_real(text):
        raise ArgumentError(
            f"{str(text)[:100]!r} is not a DSS version.", hint="A version looks like 2024-05-01T120000.000000Z."
        )
    return text


@lru_cache(maxsize=1000)  # the files of a bundle share a few versions
def _is_real(text: str) -> bool:
    try:
        datetime.strptime(text, _FORMAT)
    except ValueError:
        return False
    return True
