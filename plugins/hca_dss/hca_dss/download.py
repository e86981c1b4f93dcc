"""Downloads a bundle: it is read, its wanted files are chosen and planned, and the plan is performed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import ArgumentError, TransferError
from hca_core.paths import check_uuid
from hca_core.transfer.fetch import Existing
from hca_core.transfer.job import Progress
from hca_core.transfer.ledger import open_ledger
from hca_dss.bundle import EVERYTHING, Bundle, select
from hca_dss.delivery import Manner, deliver
from hca_dss.filestore import Filestore
from hca_dss.plan import bytes_to_fetch, plan
from hca_dss.version import check_version

if TYPE_CHECKING:
    from hca_dss.client import DSSClient


def free_bytes_in(folder: Path) -> int:
    """Return how many bytes fit into a folder, which need not exist yet."""
    return shutil.disk_usage(_existing(folder)).free


def refuse_unwritable(folder: Path, hint: str = "Choose another --download-dir.") -> None:
    """Raise a TransferError if nothing can be written to a folder, which need not exist yet."""
    there = _existing(folder)
    if not os.access(there, os.W_OK | os.X_OK):
        raise TransferError(f"Nothing was downloaded: {there.absolute()} cannot be written to.", hint=hint)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def download(
    client: DSSClient,
    bundle_uuid: str,
    replica: str,
    version: str = "",
    download_dir: str | os.PathLike[str] = "",
    metadata_filter: Iterable[str] = EVERYTHING,
    data_filter: Iterable[str] = EVERYTHING,
    no_metadata: bool = False,
    no_data: bool = False,
    num_retries: int = 10,
    min_delay_seconds: float = 0.25,
    *,
    jobs: int | None = None,
    limit_rate: str | None = None,
    dry_run: bool = False,
    existing: Existing = "skip",
    report: str | os.PathLike[str] | None = None,
    fail_fast: bool = False,
    progress: Progress | None = None,
    free_bytes: Callable[[Path], int] = free_bytes_in,
) -> dict[str, Any]:
    """Download a bundle and return what was planned for each of its files; `dry_run` stops there.

    `num_retries` and `min_delay_seconds` hold for each file that breaks off. `report` names a file that gets one line
    of JSON for each file. `limit_rate` is for all files together, such as `5M` bytes per second. For `existing` see
    `hca dss download --help`. Memory does not grow with file sizes.

    Raises:
        ArgumentError: the arguments contradict each other or the API description.
        TransferError: files failed (its `report` knows which; all others are saved), or there is no room, or the
            bundle cannot be saved safely, in which case nothing was written.
    """
    root = folder_at(download_dir)
    store = Filestore(root)
    manner = Manner.of(
        client,
        existing=existing,
        num_retries=num_retries,
        min_delay_seconds=min_delay_seconds,
        jobs=jobs,
        limit_rate=limit_rate,
        progress=progress,
        fail_fast=fail_fast,
    )
    bundle = read_bundle(client, bundle_uuid, replica, version)
    files = select(bundle.files, metadata_filter, data_filter, no_metadata, no_data)
    planned = plan(bundle, files, store, client.api.base_url, existing)
    free = free_bytes(root)
    if not dry_run:
        needed = bytes_to_fetch([planned])
        refuse_without_room(needed, root, free)
        if needed:
            refuse_unwritable(root)
        with open_ledger(report) as ledger:
            deliver([planned], store, manner, ledger)
        ledger.report.raise_for_failures()
    return {**planned.summary(), "free_bytes": free}


def folder_at(download_dir: str | os.PathLike[str]) -> Path:
    """Return the download directory as a path.

    Raises:
        ArgumentError: it is not one of this machine.
    """
    if "://" in os.fspath(download_dir):
        raise ArgumentError(
            f"The download directory must be a folder, which {os.fspath(download_dir)} is not.",
            hint="Only download-manifest can write to an object store.",
        )
    return Path(download_dir)


def read_bundle(client: DSSClient, uuid: str, replica: str, version: str = "") -> Bundle:
    """Ask the DSS for a bundle: `version`, or its latest one.

    Raises:
        NotFoundError: there is none.
    """
    wanted = {"version": check_version(version)} if version else {}
    pages = client.get_bundle.paginate(uuid=check_uuid(uuid), replica=replica, **wanted)
    bundle = Bundle.from_pages(pages, replica)
    if bundle.uuid != check_uuid(uuid) or bundle.version != (version or bundle.version):
        raise TransferError(f"The DSS answered with bundle {bundle.folder_name} instead of the one asked for.")
    return bundle


def refuse_without_room(needed: int, root: Path, free: int) -> None:
    """Raise a TransferError if `needed` bytes do not fit into the `free` ones of a folder."""
    if needed > free:
        raise TransferError(
            f"Nothing was downloaded: {needed:,} bytes are needed, but only {free:,} are free in {root.absolute()}.",
            hint="Free some space, choose another --download-dir, or select fewer files.",
        )
