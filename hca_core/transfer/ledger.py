"""Keeps account of a transfer: what became of each file, in total and written down line by line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hca_core.errors import ArgumentError, HcaError, TransferError
from hca_core.transfer.report import FileResult, Report, ReportFile

__all__ = ["Ledger", "failed", "open_ledger"]


class Ledger:
    """Counts what became of the files, writes it down, and remembers the paths of those that `failed`."""

    def __init__(self, record: Callable[[FileResult], object] | None = None) -> None:
        self.report = Report()
        self.failed: set[Path] = set()
        self._record = record

    def add(self, result: FileResult) -> None:
        """Enter one more file."""
        self.report.add(result)
        if result.status == "failed":
            self.failed.add(result.path)
        if self._record:
            self._record(result)

    def fail(self, name: str, path: Path, error: HcaError | OSError) -> None:
        """Enter something that could not even be planned."""
        self.add(failed(FileResult(name, path, "failed"), error))


@contextmanager
def open_ledger(report: str | os.PathLike[str] | None) -> Iterator[Ledger]:
    """Give a ledger that also writes one line of JSON about each file to `report`, if that names a file.

    Raises:
        ArgumentError: the file cannot be written.
    """
    if not report:
        yield Ledger()
        return
    try:
        file = ReportFile(Path(report))
    except OSError as error:
        raise ArgumentError(f"The report {report} cannot be written: {error.strerror}.") from error
    with file:
        yield Ledger(file.write)


def failed(result: FileResult, error: HcaError | OSError, *, to: str = "written") -> FileResult:
    """Return `result` as a failure; `to` says what could not be done to the file if the system says no."""
    if isinstance(error, OSError):
        error = TransferError(f"{result.url or result.path} cannot be {to}: {error.strerror or error}.")
    return replace(result, status="failed", error=error)
