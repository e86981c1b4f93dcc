"""The folder of one study: what is in it, what is missing, and why it did not come."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hca_core.errors import HcaError, IntegrityError, TransferError
from hca_core.paths import safe_join
from hca_core.transfer.fetch import disk_error
from hca_core.transfer.pool import Batch
from hca_core.transfer.private import Sweeper, replacing
from hca_core.transfer.report import FileResult
from hca_gen3.pacs.check import check
from hca_gen3.pacs.faults import StrangerError
from hca_gen3.pacs.instances import Instance, Request, plan

if TYPE_CHECKING:
    from hca_core.transfer.job import Progress

__all__ = ["Shelf"]


class Shelf:
    """Takes the instances of a study as they arrive, from any thread, and knows which ones are missing.

    `arrived` counts what was put here; `problem` is set when this machine cannot write any more.
    """

    def __init__(self, study: str, folder: Path, batch: Batch, progress: Progress) -> None:
        self.study = study
        self.arrived = 0
        self.problem: TransferError | None = None
        self._folder, self._batch, self._progress = folder, batch, progress
        self._lock = threading.Lock()
        self._missing: dict[str, Instance] = {}
        self._there: set[str] = set()
        self._begun: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._reasons: dict[str, HcaError] = {}
        self._sweep = Sweeper()

    def expect(self, instance: Instance) -> None:
        """Note an instance of the study; if its file is there and whole, it is not missing."""
        if instance.uid in self._missing or instance.uid in self._there:
            return
        self._progress.add(self._name(instance), None)
        target, size = self._target(instance), None
        try:
            size = target.lstat().st_size
            check(target, self.study, instance)
        except (OSError, IntegrityError):
            self._missing[instance.uid] = instance
            return
        self._there.add(instance.uid)
        self._begun.add(instance.series)
        self._tell(instance, FileResult(self._name(instance), target, "present", size), size)

    def put(self, uid: str, pieces: Iterable[bytes | memoryview]) -> None:
        """Make the file of an instance from its bytes; one that is there already stays.

        Raises:
            StrangerError: nobody waits for it.
            IntegrityError: the bytes are not those of the instance.
            TransferError: it cannot be written, and nothing else can either.
        """
        instance = self._wanted(uid)
        if instance is None:
            return
        target = self._target(instance)
        self._sweep(target.parent)
        try:
            with replacing(target) as (path, file):
                size = _write(file, pieces)
                check(path, self.study, instance)
        except OSError as error:
            self.problem = disk_error(self._name(instance), target, error)
            raise self.problem from error
        self._shelved(instance, target, size)

    def blame(self, uid: str, reason: HcaError) -> None:
        """Note why an instance did not come."""
        if uid in self._missing:
            self._reasons[uid] = reason

    def asked(self, request: Request, reason: HcaError | None) -> None:
        """Note that a request is over; `reason` is why something of it is missing, unless a better one is known."""
        self._begun.add(request.series)
        for instance in request.instances:
            if instance.uid in self._missing:
                self._tries[instance.uid] += 1
                if reason is not None:
                    self._reasons.setdefault(instance.uid, reason)

    def broke(self, request: Request, reason: HcaError) -> None:
        """Note that a request broke off, perhaps because of the first instance missing: that is asked for last."""
        self._begun.add(request.series)
        suspect = next((one for one in request.instances if one.uid in self._missing), None)
        if suspect is not None:
            self._tries[suspect.uid] += 1
            self._reasons.setdefault(suspect.uid, reason)

    def lacks(self, request: Request) -> bool:
        """Tell whether something that a request is for is missing."""
        return any(instance.uid in self._missing for instance in request.instances)

    def requests(self) -> list[Request]:
        """Return what to ask for next; nothing if all is there, or was asked for often enough."""
        return plan(sorted(self._missing.values()), self._tries, self._begun)

    @property
    def kinds(self) -> set[str]:
        """The kinds of what is missing; an empty one among them says that the PACS did not tell them all."""
        return {instance.kind for instance in self._missing.values()}

    def give_up(self, reason: HcaError) -> None:
        """Report what is missing as failed; for `reason`, unless another is known."""
        for instance in list(self._missing.values()):
            error = self._reasons.get(instance.uid, reason)
            self.fail(instance.name, error, attempts=self._tries[instance.uid])
            self._progress.done(self._name(instance))

    def fail(self, name: str, error: HcaError, *, attempts: int = 0) -> None:
        """Report something of the study as failed."""
        named = f"{self._folder.name}/{name}".rstrip("/")
        self._batch.add(FileResult(named, self._folder / name, "failed", attempts=attempts, error=error))

    def _wanted(self, uid: str) -> Instance | None:
        with self._lock:
            if self.problem is not None:
                raise self.problem
            if uid in self._there:
                return None
            if uid not in self._missing:
                raise StrangerError(f"{uid[:64]!r} is none of the instances that the PACS listed for the study.")
            return self._missing[uid]

    def _shelved(self, instance: Instance, target: Path, size: int) -> None:
        with self._lock:
            if self._missing.pop(instance.uid, None) is None:
                return  # it came twice at the same time
            self._there.add(instance.uid)
            self._begun.add(instance.series)
            self._reasons.pop(instance.uid, None)
            self.arrived += 1
            attempts = self._tries.pop(instance.uid, 0) + 1
            result = FileResult(self._name(instance), target, "fetched", size, transferred=size, attempts=attempts)
            self._tell(instance, result, size)

    def _tell(self, instance: Instance, result: FileResult, size: int) -> None:
        self._batch.add(result)
        self._progress.advance(self._name(instance), size)
        self._progress.done(self._name(instance))

    def _target(self, instance: Instance) -> Path:
        return safe_join(self._folder, instance.name)

    def _name(self, instance: Instance) -> str:
        return f"{self._folder.name}/{instance.name}"


def _write(file: io.FileIO, pieces: Iterable[bytes | memoryview]) -> int:
    size = 0
    for piece in pieces:
        rest = memoryview(piece)
        while rest:  # a nearly full disk takes a part of the bytes before it refuses the rest
            rest = rest[file.write(rest) :]
        size += len(piece)
    return size
