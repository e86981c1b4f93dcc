"""The layouts in which the files of a manifest can be downloaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal

from hca_core.errors import HcaError, TransferError
from hca_core.transfer.job import TransferJob
from hca_core.transfer.ledger import Ledger
from hca_core.transfer.report import FileResult
from hca_dss.bundle import Bundle, DSSFile
from hca_dss.bundles import BundleName, Planner
from hca_dss.delivery import Manner, deliver
from hca_dss.download import free_bytes_in, refuse_without_room
from hca_dss.filestore import protect
from hca_dss.plan import BundlePlan, bytes_to_fetch, content_job, outlook, size_of
from hca_dss.rows import Entry, Manifest
from hca_dss.table import Record

State = Literal["saved", "failed", "unwanted"]


class Work(ABC):
    """The files that a manifest lists, on their way below the planner's `root`."""

    def __init__(self, listed: Manifest, planner: Planner, manner: Manner, ledger: Ledger) -> None:
        self.listed, self.planner, self.manner, self.ledger = listed, planner, manner, ledger
        self.store = planner.store
        self.wrong, self.unwanted = set[int](), set[int]()  # lines that disagree with their bundle, or are left out

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """Return what would be done, as JSON data, sizes in bytes."""

    @abstractmethod
    def perform(self) -> None:
        """Fetch the files; what fails is in the ledger."""

    @abstractmethod
    def groups(self) -> Iterator[list[Record]]:
        """Yield the rows that are right, in groups that must not be taken apart; one that is wrong is a failure."""

    @abstractmethod
    def outcome(self, entry: Entry) -> tuple[State, str]:
        """Return what became of a row, and where its content is if it is saved."""

    @abstractmethod
    def target(self, entry: Entry) -> Path:
        """Return where the file of a row is wanted."""

    def prepare(self) -> None:  # noqa: B027 - of a folder it is known before
        """Raise an HcaError if it is known already that workers will not be able to save anything."""

    def enter(self, result: FileResult) -> None:
        """Enter what became of a file into the ledger."""
        self.ledger.add(result)

    def lose(self, entry: Entry, error: HcaError | OSError) -> None:
        """Enter a row that failed before its file was tried."""
        self.ledger.fail(entry.label, self.target(entry), error)

    def entries(self) -> Iterator[Entry]:
        """Yield the rows that are right; one that is wrong is a failure in the ledger."""
        return (entry for _, entry in self.checked())

    def checked(self) -> Iterator[tuple[Record, Entry]]:
        """Yield the rows that are right, also as they are in the manifest; one that is wrong is a failure."""
        for record in self.listed.records():
            try:
                entry = self.listed.entry(record, self.planner.replica)
            except HcaError as error:
                self.ledger.fail(self.listed.where(record), self.listed.path, error)
                if self.manner.fail_fast:
                    return
            else:
                yield record, entry

    def refuse_without_room(self, free: int) -> None:
        """Raise a TransferError if what is listed does not fit into `free` bytes."""
        if self.listed.total_bytes() > free:  # which is quickly found out; what of it is there already takes longer
            listed = Contents(self.listed, self.planner, self.manner, Ledger())
            refuse_without_room(listed.summary()["bytes_to_fetch"], self.planner.root, free)

    def totals(self, files: int, total_bytes: int, to_fetch: int) -> dict[str, Any]:
        """Return the part of the summary that all layouts have."""
        return {
            "files": files,
            "total_bytes": total_bytes,
            "bytes_to_fetch": to_fetch,
            "free_bytes": free_bytes_in(self.planner.root),
            "failed": [failure.as_record() for failure in self.ledger.report.failures],
        }


class Contents(Work):
    """Layout `none`: the contents go into the store. Rows are read as they are needed."""

    def summary(self) -> dict[str, Any]:
        files = total = to_fetch = 0
        seen = set[int]()  # hashes are small; a wrong sum by chance would do no harm
        for _, entry in self.checked():
            files += 1
            total += entry.file.size
            content = hash(entry.file.sha256)
            if content not in seen:
                seen.add(content)
                to_fetch += self._to_fetch(entry)
        return self.totals(files, total, to_fetch)

    def perform(self) -> None:
        jobs = (self._job(entry) for entry in self.entries())
        fetched = self.manner.fetch(jobs, self.manner.existing, self._stored)
        self.ledger.report.seconds += fetched.seconds

    def groups(self) -> Iterator[list[Record]]:
        return ([record] for record, _ in self.contents())

    def contents(self) -> Iterator[tuple[Record, Entry]]:
        """Yield the rows that are right, but of those with one content only the first."""
        seen = set[int]()  # hashes, as in `hca_core.transfer.pool`
        for record, entry in self.checked():
            if hash(entry.file.sha256) not in seen:
                seen.add(hash(entry.file.sha256))
                yield record, entry

    def target(self, entry: Entry) -> Path:
        return self.store.path(entry.file.sha256)

    def outcome(self, entry: Entry) -> tuple[State, str]:
        stored = self.target(entry)
        size = None if stored in self.ledger.failed else size_of(stored)
        return self.compared(entry, size), str(stored)

    def compared(self, entry: Entry, size: int | None) -> State:
        """Return what became of a row whose content has `size` bytes, or is not there."""
        if size == entry.file.size:
            return "saved"
        if size is not None:
            message = f"The content with this checksum has {size} bytes, not {entry.file.size}."
            self.ledger.fail(entry.label, self.listed.path, TransferError(message))
        return "failed"

    def _job(self, entry: Entry) -> TransferJob:
        return content_job(entry.file, self.target(entry), self.planner.client.api.base_url, entry.label)

    def _to_fetch(self, entry: Entry) -> int:
        if not self.store.may_hold(entry.file.sha256):
            return entry.file.size
        return outlook(self._job(entry), self.manner.existing).to_fetch

    def _stored(self, result: FileResult) -> None:
        if result.status in ("fetched", "resumed"):
            protect(result.path)
        self.enter(result)


class Bundles(Work):
    """Layout `bundle`: rows of one version of a bundle belong together, wherever in the manifest they are."""

    def __init__(self, listed: Manifest, planner: Planner, manner: Manner, ledger: Ledger) -> None:
        super().__init__(listed, planner, manner, ledger)
        self._rows: dict[BundleName, list[Entry]] = defaultdict(list)

    def summary(self) -> dict[str, Any]:
        plans = list(self._plans())
        total = sum(plan.total_bytes for plan in plans)
        files = sum(len(plan.steps) for plan in plans)
        return {"bundles": [plan.summary() for plan in plans], **self.totals(files, total, bytes_to_fetch(plans))}

    def perform(self) -> None:
        deliver(self._plans(), self.store, self.manner, self.ledger)

    def groups(self) -> Iterator[list[Record]]:
        found: dict[BundleName, list[Record]] = defaultdict(list)
        for record, entry in self.checked():
            found[_bundle(entry)].append(record)
        if not self._must_stop():
            yield from found.values()

    def target(self, entry: Entry) -> Path:
        return self.planner.root / _bundle(entry).folder / entry.file.name

    def outcome(self, entry: Entry) -> tuple[State, str]:
        stored = self.store.path(entry.file.sha256)
        if entry.line in self.unwanted:
            return "unwanted", str(stored)
        target, folder = self.target(entry), self.planner.root / _bundle(entry).folder
        wrong = entry.line in self.wrong or not self.ledger.failed.isdisjoint((folder, target))
        there = not wrong and target.is_file() and size_of(stored) == entry.file.size
        return "saved" if there else "failed", str(stored)

    def _plans(self) -> Iterator[BundlePlan]:
        for entry in self.entries():
            self._rows[_bundle(entry)].append(entry)
        if self._must_stop():
            return
        wanted = ((name, partial(_choose, rows)) for name, rows in self._rows.items())
        with closing(self.planner.plans(wanted, self.ledger, self.manner.fail_fast)) as plans:
            for plan in plans:
                self._compare(plan.bundle)
                if self._must_stop():
                    return
                yield plan

    def _must_stop(self) -> bool:
        return self.manner.fail_fast and bool(self.ledger.failed)

    def _compare(self, bundle: Bundle) -> None:
        """Note which rows disagree with the bundle, and which are about files that are not wanted."""
        files = {file.name: file for file in bundle.files}
        for entry in self._rows[BundleName(bundle.uuid, bundle.version)]:
            file = files.get(entry.file.name)
            problem = _disagreement(entry.file, file)
            if problem:
                self.wrong.add(entry.line)
                self.ledger.fail(entry.label, self.listed.path, TransferError(problem))
            elif file and (self.planner.no_metadata if file.indexed else self.planner.no_data):
                self.unwanted.add(entry.line)


def _bundle(entry: Entry) -> BundleName:
    return BundleName(entry.bundle_uuid, entry.bundle_version)


def _choose(rows: Iterable[Entry], bundle: Bundle) -> list[DSSFile]:
    """Return a bundle's metadata files and those data files that are listed."""
    files = {file.name: file for file in bundle.files}
    listed = {entry.file.name for entry in rows if not _disagreement(entry.file, files.get(entry.file.name))}
    return [file for file in bundle.files if file.indexed or file.name in listed]


def _disagreement(listed: DSSFile, file: DSSFile | None) -> str | None:
    """Return what is wrong with a listed file, given the bundle's file of the same name."""
    if file is None:
        return "The bundle has no file of this name."
    different = [
        f"{what} {theirs}, not {ours}"
        for what, ours, theirs in (
            ("UUID", listed.uuid, file.uuid.lower()),
            ("version", listed.version or file.version, file.version),
            ("SHA-256", listed.sha256, file.sha256.lower()),
            ("size", listed.size, file.size),
        )
        if ours != theirs
    ]
    return f"In the bundle the file has {'; '.join(different)}." if different else None
