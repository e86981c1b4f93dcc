"""Keeps all transfers of a run together below a number of bytes per second."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping

from hca_core.errors import ArgumentError
from hca_core.transfer.job import ByteStream, Opener

__all__ = ["RateLimit", "limited", "parse_rate"]

_RATE = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)B?(?:/s)?")
_FACTORS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3}
_SLICE = 64 * 1024  # bytes per turn: small enough that many files share a slow line fairly


class RateLimit:
    """A budget of `bytes_per_second` that all threads draw from; at most a tenth of a second's worth is saved up."""

    def __init__(
        self,
        bytes_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate = bytes_per_second
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._free_at = clock()

    def take(self, count: int) -> None:
        """Wait until `count` more bytes are within the budget."""
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now - 0.1) + count / self.rate
            wait = self._free_at - now
        if wait > 0:
            self._sleep(wait)


def parse_rate(text: str) -> float:
    """Return the bytes per second that `500k`, `5M` or `1.5MB/s` mean.

    Raises:
        ArgumentError: it is no rate, or zero.
    """
    match = _RATE.fullmatch(text.strip())
    rate = float(match[1]) * _FACTORS[match[2]] if match else 0.0
    if not rate:
        raise ArgumentError(f"{text!r} is not a transfer rate.", hint="Give bytes per second, such as 500k or 5M.")
    return rate


class _LimitedStream:
    def __init__(self, stream: ByteStream, limit: RateLimit) -> None:
        self._stream, self._limit = stream, limit
        self.status: int = stream.status
        self.headers: Mapping[str, str] = stream.headers
        self.url: str = stream.url

    def readinto(self, buffer: memoryview) -> int:
        count = self._stream.readinto(buffer[:_SLICE])
        self._limit.take(count)
        return count

    def close(self) -> None:
        self._stream.close()


def limited(opener: Opener, limit: RateLimit) -> Opener:
    """Return `opener`, reading no faster than `limit` allows."""

    def opened(url: str, *, offset: int = 0, validator: str | None = None) -> ByteStream:
        return _LimitedStream(opener(url, offset=offset, validator=validator), limit)

    return opened
