"""Slows down those who guess passwords, by the account that they try and by where they come from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from hca_local.oidc.memory import Expiring

__all__ = ["Throttle"]

FREE_FOR_ACCOUNT = 5  # wrong passwords in a row before one has to wait
FREE_FOR_ADDRESS = 50
FIRST_WAIT = 30  # seconds; twice as long after each further one
LONGEST_WAIT = 900
FORGOTTEN = 3600  # seconds after which nothing is held against anybody
MOST = 10_000  # accounts and addresses that are remembered


@dataclass(frozen=True)
class _Tally:
    failures: int = 0
    blocked_until: float = 0


class Throttle:
    """Counts attempts before it is known how they end, so that many at a time are counted as well."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._tallies: Expiring[_Tally] = Expiring(FORGOTTEN, MOST, now)
        self._lock = threading.Lock()

    def attempt(self, account: str, address: str) -> int:
        """Count an attempt to sign in. Return 0 if it may be made, else after how many seconds the next one may."""
        keys = _keys(account, address)
        with self._lock:
            wait = max(self._tally(key).blocked_until - self._now() for key, _ in keys)
            if wait > 0:
                return int(wait) + 1
            for key, free in keys:
                failures = self._tally(key).failures + 1
                self._tallies.put(key, _Tally(failures, self._now() + _wait(failures, free)))
        return 0

    def succeeded(self, account: str, address: str) -> None:
        """Take back an attempt, which was right; the account's others are forgiven."""
        (account_key, _), (address_key, free) = _keys(account, address)
        with self._lock:
            self._tallies.pop(account_key)
            failures = max(self._tally(address_key).failures - 1, 0)
            self._tallies.put(address_key, _Tally(failures, self._now() + _wait(failures, free)))

    def _tally(self, key: str) -> _Tally:
        return self._tallies.get(key) or _Tally()


def _keys(account: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    return (f"account {account.lower()[:200]}", FREE_FOR_ACCOUNT), (f"address {address}", FREE_FOR_ADDRESS)


def _wait(failures: int, free: int) -> float:
    if failures < free:
        return 0
    doublings = min(failures - free, 10)
    return float(min(FIRST_WAIT * 2**doublings, LONGEST_WAIT))
