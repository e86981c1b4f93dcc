"""What a study consists of: instances, and which of them are asked for together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from hca_core.errors import TransferError

__all__ = ["TRIES", "Instance", "Request", "checked_uid", "kind_of", "plan"]

TRIES = 3
_TOGETHER = 100  # instances that one request names
_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")


class Instance(NamedTuple):
    """One file of a study: the UIDs of its series, of itself, and of its kind (empty if the PACS does not tell)."""

    series: str
    uid: str
    kind: str = ""

    @property
    def name(self) -> str:
        """Its path in the folder of the study."""
        return f"sam-{self.series}/{self.uid}.dcm"


@dataclass(frozen=True)
class Request:
    """Instances of one series to ask for; `whole` says that they are all it has."""

    series: str
    instances: tuple[Instance, ...]
    whole: bool


def checked_uid(text: object, what: str) -> str:
    """Return a UID that a PACS or a person has named, fit to be part of a path.

    Raises:
        TransferError: it is not a valid UID.
    """
    uid = str(text)
    if len(uid) > 64 or not _UID.fullmatch(uid):
        raise TransferError(f"{uid[:100]!r} is not a valid UID of {what}: numbers with dots between, 64 at most.")
    return uid


def kind_of(text: object) -> str:
    """Return the UID of a kind of instance that a PACS has named; empty if it is none."""
    try:
        return checked_uid(text, "a kind of instance")
    except TransferError:
        return ""


def plan(missing: Iterable[Instance], tries: Mapping[str, int], begun: Set[str]) -> list[Request]:
    """Return what to ask for next, `missing` being ordered by series.

    A series of which nothing is there (it is not in `begun`) is asked for as a whole; of the others the missing
    instances, many at a time; those that did not come when they were asked for (`tries`, by UID), one by one and last,
    until they were asked for often enough.
    """
    first, again = [], []
    for series, group in groupby(missing, key=lambda instance: instance.series):
        fresh = []
        for instance in group:
            asked = tries.get(instance.uid, 0)
            if not asked:
                fresh.append(instance)
            elif asked < TRIES:
                again.append((asked, Request(series, (instance,), whole=False)))
        first += _together(series, fresh, whole=series not in begun)
    return first + [request for _, request in sorted(again, key=lambda one: one[0])]


def _together(series: str, fresh: list[Instance], *, whole: bool) -> list[Request]:
    if not fresh:
        return []
    if whole:
        return [Request(series, tuple(fresh), whole=True)]
    starts = range(0, len(fresh), _TOGETHER)
    return [Request(series, tuple(fresh[start : start + _TOGETHER]), whole=False) for start in starts]
