"""How many files are fetched at once: more as long as that makes it faster, fewer when a server is overloaded."""

from __future__ import annotations

import time
from collections.abc import Callable

from hca_core.errors import ApiError, NetworkError
from hca_core.transfer.report import FileResult

__all__ = ["Pace"]

_FEWEST = 8
_MOST = 64
_PER_FILE = 64 * 1024  # bytes that the round trips of a request are worth, so that small files count as work, too
_WORTH = 1.25  # twice as many must be at least this much faster


class Pace:
    """Watches results come in and says how many transfers should run (`limit`).

    It starts with 8. Each time as many files are done as run at once, the throughput of that round is compared with
    the best so far: if it is better by a quarter the number doubles, up to 64; if not, the former number was enough
    and stays. An overloaded or unreachable server halves it.
    """

    def __init__(self, fewest: int = _FEWEST, most: int = _MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = fewest
        self._most = most
        self._clock = clock
        self._growing = fewest < most
        self._best = 0.0
        self._start_round()

    def completed(self, result: FileResult) -> None:
        """Take note of a result."""
        if _overloaded(result):
            self._growing = False
            self.limit = max(1, self.limit // 2)
        if not self._growing:
            return
        self._files += 1
        self._work += result.transferred + _PER_FILE
        if self._files >= self.limit:
            self._judge(self._work / max(self._clock() - self._since, 1e-6))
            self._start_round()

    def _judge(self, throughput: float) -> None:
        if throughput < self._best * _WORTH:
            self._growing = False
            self.limit //= 2
            return
        self._best = throughput
        self._growing = self.limit < self._most
        self.limit = min(self._most, self.limit * 2)

    def _start_round(self) -> None:
        self._files = self._work = 0
        self._since = self._clock()


def _overloaded(result: FileResult) -> bool:
    error = result.error
    return isinstance(error, NetworkError) or (isinstance(error, ApiError) and error.status in (429, 503))
