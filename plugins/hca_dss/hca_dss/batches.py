"""Has the files of a manifest fetched by workers elsewhere, batch by batch, as if it had been done here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import ArgumentError, HcaError, TransferError
from hca_core.transfer.fetch import Existing
from hca_core.transfer.ledger import Ledger
from hca_core.transfer.report import FileResult
from hca_core.transfer.workers import Hire, Lent, hand_out
from hca_dss.bundles import Planner
from hca_dss.delivery import Manner
from hca_dss.layouts import Work
from hca_dss.rows import Excerpt, Manifest
from hca_dss.table import Record

if TYPE_CHECKING:
    from hca_dss.client import DSSClient

LOCAL = "local"
MOST_ROWS = 500  # of a batch, unless one bundle has more …
MOST_BYTES = 2**31  # … and of their files, unless one has more
_OF_A_MACHINE = frozenset({"network.ca_bundle", "network.proxy", "s3.credentials_file"})

MakeWork = Callable[[Manifest, Planner, Manner, Ledger], Work]


@dataclass(frozen=True)
class Terms:
    """What a worker must know whichever rows it gets; credentials are not in it, because workers find their own.

    `directory` is the absolute path of the download directory, `settings` say how to talk to the DSS and to object
    stores, `manner` has the arguments of `Manner.of`.
    """

    make: MakeWork
    manifest: Path
    columns: list[str]
    directory: Path
    replica: str
    swagger_url: str
    settings: Mapping[str, Any]
    manner: Mapping[str, Any]
    no_metadata: bool
    no_data: bool

    @classmethod
    def of(cls, make: MakeWork, listed: Manifest, planner: Planner, manner: Mapping[str, Any]) -> Terms:
        """Return the terms on which a manifest would be downloaded here."""
        return cls(
            make=make,
            manifest=listed.path,
            columns=listed.columns,
            directory=planner.root.absolute(),
            replica=planner.replica,
            swagger_url=planner.client.swagger_url,
            settings=settings_for_workers(planner.client),
            manner=manner,
            no_metadata=planner.no_metadata,
            no_data=planner.no_data,
        )


@dataclass(frozen=True)
class Batch:
    """Rows of a manifest that one worker fetches; counted from 1. Doing it again does no harm."""

    number: int
    records: list[Record]
    terms: Terms


@dataclass(frozen=True)
class BatchReport:
    """What became of the files of a batch, and the lines that are `wrong` or `unwanted` (see `Work`)."""

    results: list[FileResult]
    wrong: set[int]
    unwanted: set[int]


def hiring(
    client: DSSClient, executor: str | Executor | None, scheduler: str | None, existing: Existing
) -> Hire | None:
    """Return how to get the workers that somebody asks for, None for the threads of this process.

    Raises:
        ArgumentError: the arguments contradict each other.
    """
    named = isinstance(executor, str) and executor != LOCAL
    if scheduler and not named:
        raise ArgumentError("A scheduler needs an executor that knows it.", hint="For example: --executor dask")
    if executor in (None, LOCAL):
        return None
    if existing == "error":
        raise ArgumentError(
            "existing=error cannot be used with an executor: a batch that is done again meets its own files.",
            hint="Choose an empty download directory instead.",
        )
    return partial(client.app.executor, executor, scheduler) if isinstance(executor, str) else partial(Lent, executor)


def settings_for_workers(client: DSSClient) -> dict[str, Any]:
    """Return the settings by key with which workers get to the DSS and to object stores.

    Secrets are not among them, nor what each machine has its own.
    """
    settings, plugins = client.app.settings, client.app.plugins
    sections = ("network.", "DSSClient.", *(f"{scheme}." for scheme in plugins.object_stores()))
    found = {
        spec.key: settings.value(spec.key)
        for spec in plugins.settings()
        if spec.key.startswith(sections) and not spec.secret and spec.key not in _OF_A_MACHINE
    }
    return {key: value for key, value in found.items() if value is not None}


def split(work: Work, terms: Terms, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> Iterator[Batch]:
    """Yield the rows of a manifest in batches, which are the same each time; they are read as they are needed."""
    numbers = count(1)
    records: list[Record] = []
    size = 0
    for group in work.groups():
        more = sum(int(work.listed.cell(record, "file_size")) for record in group)
        if records and (len(records) + len(group) > most_rows or size + more > most_bytes):
            yield Batch(next(numbers), records, terms)
            records, size = [], 0
        records.extend(group)
        size += more
    if records:
        yield Batch(next(numbers), records, terms)


def run_batch(batch: Batch) -> BatchReport:
    """Fetch the files of a batch; this is what workers do.

    Raises:
        HcaError: not even one could be tried.
    """
    from hca_dss.client import DSSClient

    terms = batch.terms
    results: list[FileResult] = []
    with DSSClient(config=terms.settings, swagger_url=terms.swagger_url) as client:
        manner = Manner.of(client, **terms.manner, progress=None)
        planner = Planner(client, terms.replica, terms.directory, manner.existing, terms.no_metadata, terms.no_data)
        listed = Excerpt(terms.manifest, terms.columns, batch.records)
        work = terms.make(listed, planner, manner, Ledger(results.append))
        work.perform()
    return BatchReport(results, work.wrong, work.unwanted)


def perform(work: Work, terms: Terms, hire: Hire) -> None:
    """Have workers fetch the files of `work`; what fails is in its ledger, as if it had been done here.

    Raises:
        HcaError: there are no workers, or nowhere to save anything.
    """
    work.prepare()
    began = time.monotonic()
    try:
        with closing(hand_out(split(work, terms), run_batch, hire)) as done:
            for batch, future in done:
                _enter(work, batch, future)
                if work.manner.fail_fast and work.ledger.failed:
                    return
    finally:
        work.ledger.report.seconds += time.monotonic() - began


def _enter(work: Work, batch: Batch, future: Future[BatchReport]) -> None:
    """Enter what became of a batch into the ledger."""
    try:
        found = future.result()
    except (HcaError, OSError) as error:
        _lose(work, batch, error)
    except Exception as error:  # noqa: BLE001 - whatever befalls a worker costs its batch, and no other
        _lose(work, batch, _unfinished(batch, error))
    else:
        work.wrong |= found.wrong
        work.unwanted |= found.unwanted
        for result in found.results:
            _show(work, result)
            work.enter(replace(result, path=_as_here(work, batch, result.path)))


def _lose(work: Work, batch: Batch, error: HcaError | OSError) -> None:
    for record in batch.records:
        work.lose(work.listed.entry(record, work.planner.replica), error)


def _unfinished(batch: Batch, error: Exception) -> TransferError:
    said = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
    return TransferError(
        f"Batch {batch.number} was not finished by its worker ({said:.200}).",
        hint="Run the same command again: complete files are not fetched again.",
    )


def _show(work: Work, result: FileResult) -> None:
    progress = work.manner.progress
    if progress:
        progress.add(result.name, result.size)
        progress.advance(result.name, 0 if result.status == "failed" else result.size or 0)
        progress.done(result.name)


def _as_here(work: Work, batch: Batch, path: Path) -> Path:
    """Return a path in the download directory as it is called here, where its name may be a relative one."""
    directory = batch.terms.directory
    return work.planner.root / path.relative_to(directory) if path.is_relative_to(directory) else path
