"""Performs plans: contents that are missing are fetched into the store, then linked to where they will be seen."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hca_core.errors import HcaError
from hca_core.transfer.fetch import Existing
from hca_core.transfer.job import Opener, Progress, Silent, TransferJob, pass_over
from hca_core.transfer.ledger import Ledger, failed
from hca_core.transfer.limit import RateLimit, limited, parse_rate
from hca_core.transfer.pool import run
from hca_core.transfer.private import Sweeper
from hca_core.transfer.quota import Quota
from hca_core.transfer.report import FileResult, Report, Status
from hca_core.transfer.sink import SMALL
from hca_dss.filestore import Filestore, link, protect
from hca_dss.places import Places
from hca_dss.plan import BundlePlan, Plan, Step, check_existing, in_store

if TYPE_CHECKING:
    from hca_dss.client import DSSClient


@dataclass(frozen=True)
class Manner:
    """How files are fetched; `jobs` at a time, or as many as makes it fast."""

    opener: Opener
    existing: Existing
    jobs: int | None
    quota: Quota
    progress: Progress | None
    fail_fast: bool

    @classmethod
    def of(
        cls,
        client: DSSClient,
        *,
        existing: Existing,
        num_retries: int,
        min_delay_seconds: float,
        jobs: int | None,
        limit_rate: str | None,
        progress: Progress | None,
        fail_fast: bool,
    ) -> Manner:
        """Make one of the arguments that all downloads have in common.

        Raises:
            ArgumentError: one of them makes no sense.
        """
        check_existing(existing)
        rate = parse_rate(limit_rate) if limit_rate else None
        return cls(
            opener=limited(client.session.open, RateLimit(rate)) if rate else client.session.open,
            existing=existing,
            jobs=jobs or client.app.settings.value("transfer.jobs"),
            quota=Quota(num_retries, min_delay_seconds),
            progress=progress,
            fail_fast=fail_fast,
        )

    def fetch(
        self, jobs: Iterable[TransferJob], existing: Existing, on_result: Callable[[FileResult], object]
    ) -> Report:
        """Fetch the contents of all jobs; `on_result` is told of each once it is safely on the disk."""
        return run(
            jobs,
            self.opener,
            concurrency=self.jobs,
            existing=existing,
            quota=self.quota,
            progress=self.progress,
            fail_fast=self.fail_fast,
            on_result=on_result,
        )


def deliver(plans: Iterable[Plan], store: Filestore, manner: Manner, ledger: Ledger) -> None:
    """Perform all plans, which are taken as they are needed; what fails is in the ledger."""
    linker = Linker(store, manner.existing, ledger, manner.progress)
    with closing(linker.jobs(plans)) as jobs:
        fetched = manner.fetch(jobs, in_store(manner.existing), linker.stored)
    ledger.report.seconds += fetched.seconds


@dataclass
class _Work:
    """A plan of which `left` contents are not stored yet."""

    plan: Plan
    places: Places
    left: int


class Linker:
    """Makes each content visible in every folder that wants it as soon as it is stored."""

    def __init__(self, store: Filestore, existing: Existing, ledger: Ledger, progress: Progress | None = None) -> None:
        self._store, self._existing, self._ledger = store, existing, ledger
        self._progress = progress or Silent()
        self._waiting: dict[str, list[tuple[_Work, list[Step]]]] = {}  # by checksum, as the others
        self._there = set[str]()
        self._failed: dict[str, FileResult] = {}
        self._sweep = Sweeper()

    def jobs(self, plans: Iterable[Plan]) -> Generator[TransferJob, None, None]:
        """Yield one job for each content that is not known to be there and that no earlier plan has asked for."""
        for plan in plans:
            work = _Work(plan, Places(plan.folder), len(plan.contents))
            for sha256, steps in plan.contents.items():
                if sha256 in self._failed:
                    self._link(work, steps, self._failed[sha256])
                elif sha256 in self._there:
                    self._link(work, steps, _present(steps[0]))
                elif _is_there(steps[0]):
                    self._there.add(sha256)
                    pass_over(steps[0].label, steps[0].file.size, self._progress)
                    self._link(work, steps, _present(steps[0]))
                elif sha256 in self._waiting:
                    self._waiting[sha256].append((work, steps))
                else:
                    self._waiting[sha256] = [(work, steps)]
                    yield steps[0].job
            if not plan.contents:
                self._finish(work)

    def stored(self, result: FileResult) -> None:
        """Link every file whose content `result` is about."""
        if result.status in ("fetched", "resumed"):
            protect(result.path)
        sha256 = result.path.name
        if result.status == "failed":
            self._failed[sha256] = _shared(result)
        else:
            self._there.add(sha256)
        (work, steps), *others = self._waiting.pop(sha256)
        self._link(work, steps, result)
        for work, steps in others:
            self._link(work, steps, _shared(result))

    def _link(self, work: _Work, steps: list[Step], result: FileResult) -> None:
        for number, step in enumerate(steps):
            told = _shared(result) if number else result
            told = replace(told, name=step.label, path=step.target)
            self._show(work.places, tuple(step.file.name.split("/")), result.path, told)
        work.left -= 1
        if not work.left:
            self._finish(work)

    def _finish(self, work: _Work) -> None:
        if not isinstance(work.plan, BundlePlan):
            return
        data = work.plan.bundle.to_json()
        target = work.plan.document_target
        result = FileResult(work.plan.document_label, target, "present", len(data))
        try:
            stored = self._store.put(data)
        except (HcaError, OSError) as error:
            self._ledger.add(failed(result, error))
        else:
            self._show(work.places, (target.name,), stored, result)

    def _show(self, places: Places, parts: tuple[str, ...], stored: Path, result: FileResult) -> None:
        if result.status != "failed":
            try:
                # The plan has checked the name, but a folder may have become a link since then.
                target = places.join(parts)
                self._sweep(target.parent)
                link(stored, target, verify=self._existing == "verify", overwrite=self._existing == "overwrite")
            except (HcaError, OSError) as error:
                result = failed(result, error)
        self._ledger.add(result)


def _is_there(step: Step) -> bool:
    """Return whether the plan has found all there is to know; a larger file may have left parts to be cleared away."""
    return step.outlook.action == "present" and step.file.size <= SMALL


def _present(step: Step) -> FileResult:
    return FileResult(step.label, step.stored, "present", step.file.size)


def _shared(result: FileResult) -> FileResult:
    """Return what `result` means for a further file with this content: the bytes came once, for the first one."""
    status: Status = "failed" if result.status == "failed" else "present"
    return replace(result, status=status, transferred=0, attempts=0, seconds=0.0)
