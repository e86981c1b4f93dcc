"""Sends records to a project of a commons, in parts that it can swallow, and tells what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hca_core.errors import ApiError, NetworkError
from hca_gen3.commons import Commons, parsed
from hca_gen3.records_file import Record, RecordsFile
from hca_gen3.transaction import Complaint, Transaction, read_transaction

__all__ = ["Sender", "Settled", "Target"]

_TOO_LARGE = 413
_TOO_SLOW = 504


class Settled(NamedTuple):
    """Records with the same fate: accepted, `created` and `updated` of them; or refused because of `complaints`."""

    records: Sequence[Record]
    created: int = 0
    updated: int = 0
    complaints: tuple[Complaint, ...] = ()


class _TooMuch(Exception):
    """The commons, or what stands before it, cannot swallow so many records at once."""


class _Unclear(Exception):
    """Nobody knows whether the records were created."""


@dataclass(frozen=True)
class Target:
    """A project of a commons, and how to submit to it: `create_only` refuses what exists, `dry_run` writes nothing."""

    commons: Commons
    program: str
    project: str
    create_only: bool = False
    dry_run: bool = False

    @property
    def url(self) -> str:
        """Where records are sent to."""
        return self.commons.url(self.program, self.project, *(["_dry_run"] if self.dry_run else []))

    @property
    def repeatable(self) -> bool:
        """Whether the same records can be sent twice without harm."""
        return self.dry_run or not self.create_only

    def send(self, body: bytes, media_type: str, *, retryable: bool) -> tuple[int, object]:
        """Return the status and the document with which the commons answers records, which it may refuse (400)."""
        response = self.commons.send(
            "POST" if self.create_only else "PUT",
            self.url,
            data=body,
            headers={"Content-Type": media_type},
            retryable=retryable,
            accept=[400],
        )
        return response.status_code, parsed(response)


class Sender:
    """Sends the records of one file after the other to `target`."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def settle(self, file: RecordsFile, records: Sequence[Record]) -> Iterator[Settled]:
        """Send some records of a file together, and tell what became of each of them.

        A commons accepts all of them or none. So those that it blames are left out and the others are sent again; if
        it blames none, or they are too many for it, they are sent by halves.

        Raises:
            ApiError, AuthError, NetworkError: nothing can be submitted here and now.
        """
        todo = [list(records)]
        while todo:
            part = todo.pop()
            try:
                found = self._send(file, part)
            except _TooMuch:
                todo.extend(_halves(part))
                continue
            except _Unclear as error:
                yield Settled(part, complaints=(Complaint(str(error), "UNKNOWN"),))
                continue
            if isinstance(found, Complaint):
                yield Settled(part, complaints=(found,))
            elif found.accepted:
                yield Settled(part, found.created, found.updated)
            else:
                refused, rest = _parted(part, found)
                yield from refused
                todo.extend(rest)

    def _send(self, file: RecordsFile, part: Sequence[Record]) -> Transaction | Complaint:
        body = file.body(part)
        try:
            status, document = self._tried(body, file.media_type, alone=len(part) == 1)
        except ApiError as error:
            if error.status != _TOO_LARGE:
                raise
            if len(part) > 1:
                raise _TooMuch from error
            return Complaint(f"It is too large for the commons ({len(body)} bytes).", "TOO_LARGE")
        return read_transaction(document, status=status, url=self._target.url)

    def _tried(self, body: bytes, media_type: str, *, alone: bool) -> tuple[int, object]:
        """Return the answer to some records; be patient with a commons that is busy, but not with too many records."""
        try:
            return self._target.send(body, media_type, retryable=alone and self._target.repeatable)
        except (ApiError, NetworkError) as error:
            slow = _is_too_slow(error)
            if slow and not self._target.repeatable:
                raise _Unclear("The commons did not answer in time; it may have created the record.") from error
            if slow and not alone:
                raise _TooMuch from error
            if alone or not self._target.repeatable or not isinstance(error, ApiError) or error.status < 429:
                raise
        return self._target.send(body, media_type, retryable=True)


def _is_too_slow(error: ApiError | NetworkError) -> bool:
    """Return whether the commons may still be at work with what it got; several tries mean that nobody is there."""
    return error.status == _TOO_SLOW if isinstance(error, ApiError) else error.attempts == 1


def _halves(part: Sequence[Record]) -> list[list[Record]]:
    """Return both halves, the first one last, because the last one is sent next."""
    middle = len(part) // 2
    return [list(part[middle:]), list(part[:middle])]


def _parted(part: Sequence[Record], found: Transaction) -> tuple[list[Settled], list[list[Record]]]:
    """Return the records that are refused, and what to send again."""
    blamed = found.blamed([record.name for record in part])
    if not blamed and len(part) > 1:
        return [], _halves(part)
    if not blamed:
        words = found.errors or ("The commons does not say why.",)
        return [Settled(part, complaints=tuple(Complaint(word, "TRANSACTION") for word in words))], []
    refused = [Settled([part[position]], complaints=complaints) for position, complaints in sorted(blamed.items())]
    rest = [record for position, record in enumerate(part) if position not in blamed]
    return refused, [rest] if rest else []
