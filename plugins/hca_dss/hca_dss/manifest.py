"""Downloads the files that a manifest lists, and writes the manifest again with their paths."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from hca_core.errors import ArgumentError, HcaError, TransferError
from hca_core.transfer.fetch import Existing
from hca_core.transfer.job import Progress
from hca_core.transfer.ledger import Ledger, open_ledger
from hca_dss.batches import MakeWork, Terms, hiring, perform
from hca_dss.bundles import Planner
from hca_dss.delivery import Manner
from hca_dss.download import free_bytes_in, refuse_unwritable
from hca_dss.layouts import Bundles, Contents, State, Work
from hca_dss.objects import Objects
from hca_dss.rows import PATH, Manifest
from hca_dss.shelf import Place
from hca_dss.table import Record, row, write_table

if TYPE_CHECKING:
    from hca_dss.client import DSSClient

logger = logging.getLogger(__name__)

Layout = Literal["none", "bundle"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)


def download_manifest(
    client: DSSClient,
    manifest: str | os.PathLike[str],
    replica: str,
    layout: Layout = "none",
    no_metadata: bool = False,
    no_data: bool = False,
    num_retries: int = 10,
    min_delay_seconds: float = 0.25,
    download_dir: str | os.PathLike[str] = "",
    *,
    jobs: int | None = None,
    limit_rate: str | None = None,
    dry_run: bool = False,
    existing: Existing = "skip",
    report: str | os.PathLike[str] | None = None,
    fail_fast: bool = False,
    progress: Progress | None = None,
    executor: str | Executor | None = None,
    scheduler: str | None = None,
    free_bytes: Callable[[Path], int] = free_bytes_in,
) -> dict[str, Any]:
    """Download the files that a manifest lists and return how many there were; `dry_run` only tells what would be done.

    With layout `none` all contents go into the file store, and memory does not grow with their number (but for a few
    bytes each). With `bundle` there is also a folder for each bundle, with all its metadata files and those data files
    that are listed. Afterwards the manifest is in the download directory, with a column `file_path` that is empty for
    rows whose file is not there. Rows that failed are also in `<name>.failed.tsv` beside it, which is a manifest, too.
    `download_dir` may also be a place in an object store, `s3://bucket/prefix`, with layout `none` only: see
    docs/cluster.md. Then the manifest, whose paths are URLs, is written to the current folder.
    `executor` has the files fetched by other workers than threads of this process: the name of an installed one (see
    `--executor` on the command line), with the address `scheduler` if it needs another one than is set; or any
    `concurrent.futures.Executor`, which is left running. To all workers the download directory must be one folder.
    The other arguments are those of `hca_dss.download.download`; `jobs` and `limit_rate` hold for each batch of rows.

    Raises:
        ArgumentError: the manifest cannot be read or lacks a column, or the arguments contradict each other; nothing
            was written.
        TransferError: rows failed (its `report` knows which; all others are saved), or there is no room, in which
            case nothing was written.
        NotFoundError, AuthError, NetworkError: there is no such bucket, or nothing can be written to it; nothing was
            fetched.
    """
    _check_layout(layout, no_metadata, no_data)
    wishes: dict[str, Any] = {
        "existing": existing,
        "num_retries": num_retries,
        "min_delay_seconds": min_delay_seconds,
        "jobs": jobs,
        "limit_rate": limit_rate,
        "fail_fast": fail_fast,
    }
    manner = Manner.of(client, **wishes, progress=progress)
    hire = hiring(client, executor, scheduler, existing)
    target = _target(client, os.fspath(download_dir), layout, existing)
    root, make = target.root, target.make
    listed = Manifest(Path(manifest))
    planner = Planner(client, replica, root, existing, no_metadata, no_data)
    if dry_run:
        summary = make(listed, planner, manner, Ledger()).summary()
        return {"manifest": str(listed.path), "layout": layout, "directory": target.name, **summary}
    refuse_unwritable(root, target.advice)
    with open_ledger(report) as ledger:
        work = make(listed, planner, manner, ledger)
        work.refuse_without_room(free_bytes(root))
        if hire:
            perform(work, Terms.of(make, listed, planner, wishes), hire)
        else:
            work.perform()
        try:
            written = _write_again(listed, work)
        except OSError as error:
            raise TransferError(
                f"The files were fetched, but the manifest cannot be written to {root.absolute()}: {error.strerror}.",
                report=ledger.report,
            ) from error
    _raise_for_failures(ledger, written)
    return {
        "manifest": str(written.manifest),
        "layout": layout,
        "directory": target.name,
        "rows": written.states.total(),
        "saved": written.states["saved"],
    }


class _Target(NamedTuple):
    """Where files go, called `name`: `make` knows how. The manifest goes to the folder `root`."""

    name: str
    root: Path
    make: MakeWork
    advice: str


def _target(client: DSSClient, download_dir: str, layout: Layout, existing: Existing) -> _Target:
    if "://" not in download_dir:
        make = Contents if layout == "none" else Bundles
        return _Target(str(Path(download_dir)), Path(download_dir), make, "Choose another --download-dir.")
    place = Place.parse(download_dir)
    if layout != "none":
        raise ArgumentError(f"Layout {layout} needs a folder, which {place} is not.", hint="Choose layout none.")
    if existing == "error":
        raise ArgumentError(
            "existing=error cannot be used with an object store.", hint="Choose a prefix that nobody uses."
        )
    client.app.object_store(place.scheme)  # an unknown scheme is refused before anything is written
    advice = "The manifest with the URLs is written to the current folder: go to another one."
    return _Target(str(place), Path(), partial(Objects, place), advice)


def _check_layout(layout: str, no_metadata: bool, no_data: bool) -> None:
    if layout not in LAYOUTS:
        raise ArgumentError(f"layout={layout!r} is none of {', '.join(LAYOUTS)}.")
    if layout == "none" and (no_metadata or no_data):
        raise ArgumentError(
            "no_metadata and no_data cannot be used with layout none: a manifest does not tell data from metadata.",
            hint="Choose layout bundle, or remove rows from the manifest.",
        )


@dataclass(frozen=True)
class _Written:
    """Where the manifest and its failed rows were written, and how many rows there are of each state."""

    manifest: Path
    failed: Path
    states: Counter[State] = field(default_factory=Counter)


def _write_again(listed: Manifest, work: Work) -> _Written:
    """Write the manifest with the paths of what is there, and the rows that failed."""
    root = work.planner.root
    written = _Written(root / listed.path.name, root / f"{listed.path.stem}.failed.tsv")
    if PATH not in listed.columns and listed.path.resolve() == written.manifest.resolve():
        logger.warning("%s, which is in the download directory, gets the column %s.", listed.path, PATH)
    with write_table(written.manifest) as manifest, write_table(written.failed) as failures:
        manifest.write(row(listed.columns_with_path))
        failures.write(row(listed.columns))
        for record in listed.records():
            state, path = _outcome(listed, work, record)
            manifest.write(row(listed.with_path(record, path)))
            written.states[state] += 1
            if state == "failed":
                failures.write(row(record.cells))
    if not written.states["failed"]:
        written.failed.unlink()
    return written


def _outcome(listed: Manifest, work: Work, record: Record) -> tuple[State, str]:
    try:
        entry = listed.entry(record, work.planner.replica)
    except HcaError:
        return "failed", ""
    state, place = work.outcome(entry)
    return state, place if state == "saved" else ""


def _raise_for_failures(ledger: Ledger, written: _Written) -> None:
    try:
        ledger.report.raise_for_failures()
    except TransferError as error:
        if written.states["failed"]:
            error.hint = f"Give the rows that failed to --manifest to try them again: they are in {written.failed}."
        raise
