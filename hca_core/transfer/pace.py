"""How many transfers run at once: more as long as that makes it faster, fewer when a server is overloaded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from hca_core.errors import ApiError, NetworkError

__all__ = ["MOST", "Pace", "room"]

_FEWEST = 8
MOST = 64
_PER_FILE = 64 * 1024  # bytes that the round trips of a request are worth, so that small files count as work, too
_WORTH = 1.25  # twice as many must be at least this much faster
_FILES_PER_TRANSFER = 4  # two connections, the file, and its note
_ANY_NUMBER = 10_000
_OTHER_FILES = 16  # what a process has open besides


def room() -> int:
    """Return how many transfers the system lets this process have at once: each needs some open files."""
    if sys.platform == "win32":
        return _ANY_NUMBER
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return _ANY_NUMBER
    return max(1, (allowed - _OTHER_FILES) // _FILES_PER_TRANSFER)


class Pace:
    """Watches results come in and says how many transfers should run (`limit`).

    It starts with `fewest`. Each time as many are done as run at once, the throughput of that round is compared
    with the best so far: if it is better by a quarter the number doubles, up to `most`; if not, the former number was
    enough and stays. An overloaded or unreachable server halves it.
    """

    def __init__(self, fewest: int = _FEWEST, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = min(fewest, most)
        self._most = most
        self._clock = clock
        self._growing = fewest < most
        self._best = 0.0
        self._start_round()

    def completed(self, transferred: int, error: BaseException | None = None) -> None:
        """Take note of a transfer that is over, of so many bytes."""
        if _overloaded(error):
            self._growing = False
            self.limit = max(1, self.limit // 2)
        if not self._growing:
            return
        self._files += 1
        self._work += transferred + _PER_FILE
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


def _overloaded(error: BaseException | None) -> bool:
    return isinstance(error, NetworkError) or (isinstance(error, ApiError) and error.status in (429, 503))
