"""Sends many files, none of which keeps the others from being sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from hca_core.errors import AuthError, HcaError, NetworkError
from hca_core.transfer.job import Progress
from hca_core.transfer.ledger import Ledger, failed
from hca_core.transfer.objects import NO_BUCKET
from hca_core.transfer.pool import each
from hca_core.transfer.report import FileResult

__all__ = ["JOBS", "Outgoing", "send_all"]

JOBS = 8  # files at a time, if nobody says otherwise
_UNANSWERED = 8  # files in a row to which nobody answered, after which the rest is not tried


class Outgoing(Protocol):
    """A file to send: messages call it `name`, `size` is in bytes."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> Path: ...

    @property
    def size(self) -> int: ...


F = TypeVar("F", bound=Outgoing)


def send_all(
    files: Sequence[F], send: Callable[[F], FileResult], *, jobs: int, ledger: Ledger, progress: Progress
) -> None:
    """Call `send` for each file, `jobs` at a time, and enter into the ledger what becomes of it.

    A file whose sending raises is a failure, and the others go on; but if nobody answers about several files in a
    row, the rest is not tried and does not get into the ledger. Progress counts the bytes of all files as waiting.

    Raises:
        AuthError, NotFoundError: somebody does not let us in, or there is no such bucket; so it is with all files.
    """

    def attempt(file: F) -> FileResult:
        return _attempt(file, send, progress)

    unanswered = 0
    for file in files:
        progress.add(file.name, file.size)
    with closing(each(files, attempt, jobs=jobs)) as results:
        for result in results:
            ledger.add(result)
            unanswered = unanswered + 1 if isinstance(result.error, NetworkError) else 0
            if unanswered >= _UNANSWERED:
                break


def _attempt(file: F, send: Callable[[F], FileResult], progress: Progress) -> FileResult:
    begun = time.monotonic()
    try:
        result = send(file)
    except (HcaError, OSError) as error:
        if isinstance(error, AuthError) or getattr(error, "code", None) == NO_BUCKET:
            raise
        result = failed(FileResult(file.name, file.path, "failed", file.size), error, to="read")
    finally:
        progress.done(file.name)
    return replace(result, seconds=time.monotonic() - begun)
