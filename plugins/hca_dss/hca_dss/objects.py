"""Layout `none` in an object store instead of a folder."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from hca_core.errors import AuthError, HcaError, NetworkError, NotFoundError
from hca_core.transfer.digest import MIB
from hca_core.transfer.fetch import fetch, is_hopeless
from hca_core.transfer.job import Progress, Silent, TransferJob, pass_over
from hca_core.transfer.lanes import CONNECTIONS, Lanes
from hca_core.transfer.ledger import Ledger, failed
from hca_core.transfer.pace import Pace, room
from hca_core.transfer.pool import each
from hca_core.transfer.report import FileResult
from hca_dss.bundles import READERS, Planner
from hca_dss.delivery import Manner
from hca_dss.download import free_bytes_in
from hca_dss.layouts import Contents, State
from hca_dss.passage import Space, temporary_folder
from hca_dss.plan import content_job
from hca_dss.rows import Entry, Manifest
from hca_dss.shelf import Place, Shelf

__all__ = ["Objects"]

logger = logging.getLogger(__name__)

_MOST = 32  # contents at a time: a store keeps as many connections
_UNANSWERED = 8  # contents in a row about which the store did not answer, after which the rest is not tried
_LONG_SENDING = 64 * MIB  # bytes from which on sending a content is worth a bar of its own


class Objects(Contents):
    """Layout `none` at a `place` in an object store. What is on this machine is only there while it passes."""

    def __init__(self, place: Place, listed: Manifest, planner: Planner, manner: Manner, ledger: Ledger) -> None:
        super().__init__(listed, planner, manner, ledger)
        self.place = place
        self._shelf = Shelf(planner.client.app.object_store(place.scheme), place)
        self._saved: dict[int, int] = {}  # sizes by hashes of checksums, which are small

    def refuse_without_room(self, free: int) -> None:
        """Do nothing: a store has room."""

    def prepare(self) -> None:
        try:
            self._shelf.try_out()
        except AuthError as error:
            logger.info("workers may be allowed what is not allowed here: %s", error)

    def perform(self) -> None:
        self._shelf.try_out()
        began = time.monotonic()
        try:
            with temporary_folder() as folder:
                self._keep_all(folder)
        finally:
            self.ledger.report.seconds += time.monotonic() - began

    def _keep_all(self, folder: Path) -> None:
        jobs, stop = self.manner.jobs, threading.Event()
        most = min(jobs or _MOST, room())
        pace, lanes = Pace(most=most), Lanes(min(jobs or CONNECTIONS, most))
        space = Space(free_bytes_in(folder))
        keeper = _Keeper(self._shelf, self.manner, self.planner.client.api.base_url, folder, space, stop, lanes)
        entries = (entry for _, entry in self.contents())
        limit: int | Callable[[], int] = most if jobs else lambda: pace.limit
        unanswered = 0
        with closing(each(entries, keeper.keep, jobs=limit, stop=stop)) as results:
            for kept in results:
                pace.completed(kept.result.transferred, kept.result.error)
                self.enter(kept.result)
                unanswered = unanswered + 1 if kept.is_unanswered else 0
                stopped = self.manner.fail_fast and kept.result.error is not None
                if stopped or kept.is_hopeless or unanswered >= _UNANSWERED:
                    return

    def enter(self, result: FileResult) -> None:
        if result.status != "failed" and result.size is not None and result.url:
            self._saved[hash(result.url.rpartition("/")[2])] = result.size
        super().enter(result)

    def lose(self, entry: Entry, error: HcaError | OSError) -> None:
        result = FileResult(entry.label, self.listed.path, "failed", url=self.place.url(entry.file.sha256))
        self.enter(failed(result, error))

    def outcome(self, entry: Entry) -> tuple[State, str]:
        sha256 = entry.file.sha256
        return self.compared(entry, self._saved.get(hash(sha256))), self.place.url(sha256)

    def summary(self) -> dict[str, Any]:
        self._shelf.refuse_missing_bucket()
        counted: Counter[str] = Counter()
        answers: Counter[bool | None] = Counter()
        for size, there in each(self._counted(counted), self._look, jobs=READERS):
            answers[there] += 1
            counted["bytes_to_fetch"] += 0 if there else size
        return {
            "files": counted["files"],
            "total_bytes": counted["total_bytes"],
            "contents": answers.total(),
            "contents_present": None if answers[None] else answers[True],
            "bytes_to_fetch": counted["bytes_to_fetch"],
            "failed": [failure.as_record() for failure in self.ledger.report.failures],
        }

    def _counted(self, counted: Counter[str]) -> Iterator[Entry]:
        """Count the files and their bytes, and yield one of each content."""
        seen = set[int]()
        for entry in self.entries():
            counted["files"] += 1
            counted["total_bytes"] += entry.file.size
            if hash(entry.file.sha256) not in seen:
                seen.add(hash(entry.file.sha256))
                yield entry

    def _look(self, entry: Entry) -> tuple[int, bool | None]:
        size = entry.file.size
        overwritten = self.manner.existing == "overwrite"
        return size, False if overwritten else self._shelf.has(entry.file.sha256, size)


class _Kept(NamedTuple):
    """What became of a content; `refused` if fetching it was not what failed."""

    result: FileResult
    refused: bool

    @property
    def is_hopeless(self) -> bool:
        """Whether no other content would fare better."""
        error = self.result.error
        return is_hopeless(error) or (self.refused and isinstance(error, (AuthError, NotFoundError)))

    @property
    def is_unanswered(self) -> bool:
        """Whether the store did not answer."""
        return self.refused and isinstance(self.result.error, NetworkError)


@dataclass(frozen=True)
class _Keeper:
    """Gets contents onto a shelf, each by way of a folder of its own below `folder`, from any number of threads."""

    shelf: Shelf
    manner: Manner
    base_url: str
    folder: Path
    space: Space
    stop: threading.Event
    lanes: Lanes

    def keep(self, entry: Entry) -> _Kept:
        """Have the content of a row on the shelf; a failure is a result, too.

        Raises:
            CancelledError: `stop` was set.
        """
        begun = time.monotonic()
        sha256 = entry.file.sha256
        job = content_job(entry.file, self.folder / sha256 / sha256, self.base_url, entry.label)
        result = FileResult(job.name, job.target, "failed", job.size)
        refused = False
        try:
            result = self._present(job, sha256) or self._moved(job, sha256)
        except (HcaError, OSError) as error:
            refused = True
            result = failed(result, error, to="sent")
        seconds = time.monotonic() - begun
        return _Kept(replace(result, url=self.shelf.place.url(sha256), seconds=seconds), refused)

    def _present(self, job: TransferJob, sha256: str) -> FileResult | None:
        existing, size = self.manner.existing, job.size or 0
        if existing == "overwrite" or not self.shelf.has(sha256, size):
            return None
        if existing == "verify" and not self.shelf.reads_as(sha256):
            return None
        pass_over(job.name, size, self._progress)
        return FileResult(job.name, job.target, "present", size)

    def _moved(self, job: TransferJob, sha256: str) -> FileResult:
        with self.space.taken(job.name, job.size or 0, self.stop):
            try:
                result = self._fetched(job)
                if result.status != "failed":
                    self._send(job, sha256)
            finally:
                shutil.rmtree(job.target.parent, ignore_errors=True)
        return result

    def _fetched(self, job: TransferJob) -> FileResult:
        with self.lanes.file():
            return fetch(
                job,
                self.manner.opener,
                quota=self.manner.quota,
                progress=self._progress,
                stop=self.stop,
                sleep=self.stop.wait,
                lanes=self.lanes,
            )

    def _send(self, job: TransferJob, sha256: str) -> None:
        if self.stop.is_set():
            raise CancelledError
        size = job.size or 0
        if size < _LONG_SENDING:
            self.shelf.put(job.target, sha256)
            return
        label = f"sending {job.name}"
        self._progress.add(label, size)
        try:
            self.shelf.put(job.target, sha256, lambda count: self._progress.advance(label, count))
        finally:
            self._progress.done(label)

    @property
    def _progress(self) -> Progress:
        return self.manner.progress or Silent()
