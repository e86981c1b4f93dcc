"""What became of a transfer, file by file and as a whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from hca_core.errors import HcaError, TransferError

__all__ = ["FileResult", "Report", "ReportFile", "Status", "named"]

Status = Literal["fetched", "resumed", "present", "sent", "copied", "unannounced", "failed"]
_NAMED = 5  # failures that a message names


@dataclass(frozen=True)
class FileResult:
    """What became of one file: `size` and `transferred` in bytes, `attempts` in requests that were to move them.

    `status` is `fetched`, `resumed` (an earlier run's bytes were continued), `present` (nothing to do), `sent`,
    `copied` (inside a store), `unannounced` (it is there, but who waits for it could not be told), or `failed`. The
    last two have an `error`. `url` names an object instead of the file at `path`: the one that was copied, or the one
    that a fetched file has become, which then is at `path` no more.
    """

    name: str
    path: Path
    status: Status
    size: int | None = None
    transferred: int = 0
    seconds: float = 0.0
    attempts: int = 0
    error: HcaError | None = None
    url: str | None = None

    def as_record(self) -> dict[str, Any]:
        """Return the result as JSON data."""
        record: dict[str, Any] = {
            "name": self.name,
            "path": self.url or str(self.path),
            "status": self.status,
            "size": self.size,
            "transferred": self.transferred,
            "seconds": round(self.seconds, 3),
            "attempts": self.attempts,
        }
        if self.error is not None:
            record |= {"error": self.error.message, "hint": self.error.hint, "kind": type(self.error).__name__}
        return record


@dataclass
class Report:
    """The sum of many results; of the files themselves only the failed ones are kept, so it stays small.

    `counts` has the number of files by status, `transferred` their bytes, `seconds` how long it took altogether.
    """

    counts: Counter[Status] = field(default_factory=Counter)
    transferred: int = 0
    seconds: float = 0.0
    failures: list[FileResult] = field(default_factory=list)

    def add(self, result: FileResult) -> None:
        """Count one more file."""
        self.counts[result.status] += 1
        self.transferred += result.transferred
        if result.error is not None or result.status == "failed":
            self.failures.append(result)

    @property
    def files(self) -> int:
        """How many files were counted."""
        return sum(self.counts.values())

    def as_record(self, *usual: Status) -> dict[str, Any]:
        """Return the totals as JSON data; the statuses that are `usual` are there even if no file has them."""
        return {
            "files": self.files,
            **{str(status): self.counts[status] for status in dict.fromkeys((*usual, *self.counts))},
            "transferred": self.transferred,
            "seconds": round(self.seconds, 3),
        }

    def raise_for_failures(self) -> None:
        """Raise a TransferError that names the first failures and carries this report, if there are any."""
        if not self.failures:
            return
        first = self.failures[0].error
        raise TransferError(
            f"{len(self.failures)} of {self.files} files failed: {named(self.failures)}.",
            report=self,
            hint=(first.hint if first else None) or "Run the same command again: complete files are not sent again.",
        )


def named(failures: Sequence[FileResult]) -> str:
    """Return the first failures in words, and how many more there are, without a full stop."""
    words = "; ".join(f"{failure.name}: {str(failure.error).removesuffix('.')}" for failure in failures[:_NAMED])
    return f"{words}; and {len(failures) - _NAMED} more" if len(failures) > _NAMED else words


class ReportFile:
    """Writes one line of JSON per result to `path`, each as soon as it is known."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def __enter__(self) -> ReportFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, result: FileResult) -> None:
        """Add one line."""
        self._file.write(json.dumps(result.as_record()) + "\n")
