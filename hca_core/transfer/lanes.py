"""How many connections a large file is worth: decided from how fast it comes, within a budget that files share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hca_core.transfer.digest import MIB

__all__ = ["CONNECTIONS", "TRIAL", "Lanes", "Ramp"]

CONNECTIONS = 16  # for all files of a run together, if there are so few that each may have several
TRIAL = 4  # connections with which it is tried whether several are faster than one
_SLICE = 2 * MIB  # bytes: each connection has a buffer of this size
_LEAST = 16 * MIB  # bytes; a shorter rest is there before several connections are up to speed
_WINDOW = 0.1  # seconds over which one connection is watched …
_LONG_WINDOW = 0.2  # … and several, which take turns
_WORTH = 1.25  # more connections must be at least this much faster
_STEADY = 1.5  # a connection that becomes so much faster within a window is still getting up to speed
_IDLE = 0.5  # share of the time that is spent waiting for bytes; below it more of them are of no use
_BUSY = 0.35  # share of a processor that we use ourselves; above it the connection is hardly what keeps us
_FAST = 200 * MIB  # bytes per second; nobody who limits a connection gives it so much


class Lanes:
    """The connections that the files of a run may have besides the one that each of them has. Thread-safe.

    `slice_size` and `least` are in bytes: what a connection fetches at a time, and the rest of a file for which
    several are tried. `ramp` decides for each file how many it should have.
    """

    def __init__(
        self,
        most: int = CONNECTIONS,
        *,
        slice_size: int = _SLICE,
        least: int = _LEAST,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
        ramp: Callable[[], Ramp] | None = None,
    ) -> None:
        self.slice_size, self.least = slice_size, least
        self.clock, self.cpu = clock, cpu
        self.ramp = ramp or Ramp
        self._most = most
        self._files = self._lent = 0
        self._in_vain: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def file(self) -> Iterator[None]:
        """Count a file, with its one connection, while it is fetched."""
        with self._lock:
            self._files += 1
        try:
            yield
        finally:
            with self._lock:
                self._files -= 1

    def borrow(self) -> bool:
        """Take one more connection, if there is one left."""
        with self._lock:
            granted = self._spare > 0
            self._lent += granted
        return granted

    def give_back(self) -> None:
        """Give one of the borrowed connections back."""
        with self._lock:
            self._lent -= 1

    @property
    def crowded(self) -> bool:
        """Whether borrowed connections must be given back, because more files are fetched by now."""
        return self._spare < 0

    def promising(self, host: str) -> bool:
        """Tell whether it may be tried if several connections to a host are faster than one."""
        return self._spare >= TRIAL - 1 and host not in self._in_vain

    def tried_in_vain(self, host: str) -> None:
        """Remember that several connections to a host were not faster."""
        self._in_vain.add(host)

    @property
    def _spare(self) -> int:
        return self._most - self._files - self._lent


class Ramp:
    """Says how many `connections` a file should have, from one on.

    Once the only connection gives no more than before, leaves us mostly idle, and is not fast anyway, it is tried
    whether four are better (`trying`). If they are, their number doubles as long as that pays, up to `most`. `rate` is
    in bytes per second.
    """

    def __init__(self, most: int = CONNECTIONS) -> None:
        self.connections = 1
        self.trying = False
        self._most = most
        self._growing = True
        self._best = 0.0
        self.rate = 0.0
        self._since: tuple[float, int, float, float] | None = None

    def watch(self, now: float, position: int, waited: float, worked: float) -> None:
        """Take note of how many bytes have been read by now.

        `waited` is the number of seconds spent waiting for them, `worked` the processor time used by all of us.
        """
        if self._since is None:
            self._since = (now, position, waited, worked)
        began, first, idle, busy = self._since
        elapsed = now - began
        if not self._growing or self.trying or elapsed < (_WINDOW if self.connections == 1 else _LONG_WINDOW):
            return
        self._since = (now, position, waited, worked)
        self._judge((position - first) / elapsed, (waited - idle) / elapsed, (worked - busy) / elapsed)

    def tried(self, throughput: float) -> bool:
        """Take note of what the trial gave, in bytes per second; return whether it was worth it."""
        self.trying, self._since = False, None
        self._growing = self._growing and throughput >= self.rate * _WORTH
        self.connections = min(self._most, 2 * TRIAL) if self._growing else 1
        return self._growing

    def lower(self) -> None:
        """Have half as many connections, and never more: the server does not want it."""
        self._growing = False
        self.connections = max(1, self.connections // 2)

    def end(self) -> None:
        """Have one connection from now on."""
        self._growing, self.connections = False, 1

    def _judge(self, rate: float, idle: float, busy: float) -> None:
        before, self.rate = self.rate, rate
        if idle < _IDLE:
            return
        if self.connections == 1:
            steady = before > 0 and rate < before * _STEADY
            self.trying = steady and rate < _FAST and busy < _BUSY
            self.connections = TRIAL if self.trying else 1
        elif rate < self._best * _WORTH:
            self.connections //= 2
            self._growing = False
        else:
            self._best = rate
            self._growing = self.connections < self._most
            self.connections = min(self._most, 2 * self.connections)
