"""One study on its way from a PACS into a folder: what it consists of, what is missing, again until it is there."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from contextlib import closing
from typing import Protocol

from hca_core.errors import HcaError, TransferError
from hca_core.retry import RetryPolicy
from hca_gen3.pacs.faults import BrokenError, RefusedError
from hca_gen3.pacs.instances import Instance, Request
from hca_gen3.pacs.shelf import Shelf

__all__ = ["Listing", "Patience", "Retriever", "fetch_study"]

Listing = Callable[[], Iterable[Instance | HcaError]]


class Retriever(Protocol):
    """One way of getting instances into the shelf."""

    def retrieve(self, request: Request) -> HcaError | None:
        """Ask for instances; return why those that did not come may be missing, if that is known."""

    def close(self) -> None:
        """Put the connections away; the next request opens others."""


class Patience:
    """How often what breaks off is begun again, and how long to wait before."""

    def __init__(self, policy: RetryPolicy, stop: threading.Event, sleep: Callable[[float], object]) -> None:
        self._policy, self._stop, self._sleep = policy, stop, sleep
        self._failures = 0

    def reset(self) -> None:
        """Something has gone well."""
        self._failures = 0

    def failed(self) -> bool:
        """Wait and return whether to try again."""
        self.check()
        self._failures += 1
        if self._failures >= self._policy.attempts:
            return False
        self._sleep(self._policy.delay(self._failures, rand=random.random()))  # noqa: S311 - spreads load only
        self.check()
        return True

    def check(self) -> None:
        """Raise a CancelledError if we are to stop."""
        if self._stop.is_set():
            raise CancelledError


def fetch_study(shelf: Shelf, listing: Listing, ways: Sequence[Callable[[], Retriever]], patience: Patience) -> None:
    """Fetch what the shelf has not yet of the study that `listing` tells; of the `ways` the first that is not refused.

    Raises:
        CancelledError: we are to stop.
        HcaError: nothing more can be fetched.
    """
    listed = _listed(listing, patience)
    if not listed:
        shelf.fail("", TransferError(f"The PACS has no study {shelf.study}."))
    for found in listed:
        patience.check()
        if isinstance(found, Instance):
            shelf.expect(found)
        else:
            shelf.fail("", found)
    reason = _by_any(ways, shelf, patience)
    shelf.give_up(reason or TransferError("The PACS listed it and did not send it."))


def _listed(listing: Listing, patience: Patience) -> list[Instance | HcaError]:
    while True:
        try:
            found = list(listing())
        except BrokenError:
            if not patience.failed():
                raise
            continue
        patience.reset()
        return found


def _by_any(ways: Sequence[Callable[[], Retriever]], shelf: Shelf, patience: Patience) -> HcaError | None:
    for number, make in enumerate(ways, 1):
        try:
            with closing(make()) as way:
                return _by(way, shelf, patience)
        except RefusedError:
            if number == len(ways):
                raise
    raise AssertionError("there is no way at all")


def _by(way: Retriever, shelf: Shelf, patience: Patience) -> HcaError | None:
    """Ask until nothing is missing, or all was asked for often enough; return why if it kept breaking off."""
    while requests := shelf.requests():
        for request in requests:
            patience.check()
            broken = _ask(way, shelf, request, patience)
            if broken is not None:
                if not patience.failed():
                    return broken
                break
    return None


def _ask(way: Retriever, shelf: Shelf, request: Request, patience: Patience) -> BrokenError | None:
    before = shelf.arrived
    try:
        shelf.asked(request, way.retrieve(request))
        broken = None
    except BrokenError as error:
        way.close()
        shelf.broke(request, error)
        broken = error
    if shelf.problem is not None:
        raise shelf.problem
    if shelf.arrived > before:
        patience.reset()
    return broken
