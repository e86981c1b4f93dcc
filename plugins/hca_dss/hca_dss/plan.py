"""What a download will do, decided before anything is written."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, Literal, NamedTuple, get_args
from urllib.parse import urlencode

from hca_core.errors import ArgumentError, TransferError
from hca_core.paths import check_name, safe_join
from hca_core.transfer.fetch import Action, Existing, decide
from hca_core.transfer.job import TransferJob
from hca_core.transfer.sidecar import left_behind
from hca_core.transfer.sink import SMALL
from hca_dss.bundle import Bundle, DSSFile, document_name
from hca_dss.filestore import Filestore
from hca_dss.places import Places

EXISTING: tuple[Existing, ...] = get_args(Existing)


class Outlook(NamedTuple):
    """What will be done to have a content, and how many bytes are fetched for that."""

    action: Action | Literal["resume"]
    to_fetch: int


@dataclass(frozen=True)
class Route:
    """Where contents come from and where they are stored; `prefix` is before the names that people are told."""

    base_url: str
    store: Filestore
    prefix: str = ""


class Step(NamedTuple):
    """One wanted file. It is small, as a plan may have very many: paths and jobs are made when they are needed."""

    file: DSSFile
    route: Route
    folder: Path
    outlook: Outlook

    @property
    def label(self) -> str:
        """What people are told about the file."""
        return self.route.prefix + self.file.name

    @property
    def job(self) -> TransferJob:
        """How the content gets into the store."""
        return content_job(self.file, self.stored, self.route.base_url, self.label)

    @property
    def stored(self) -> Path:
        """Where the content is in the store, or will be."""
        return self.route.store.path(self.file.sha256)

    @property
    def target(self) -> Path:
        """Where the file will be seen."""
        return self.folder / self.file.name

    def summary(self) -> dict[str, Any]:
        """Return the step as JSON data."""
        size, action = self.file.size, self.outlook.action
        return {"name": self.file.name, "path": str(self.target), "size": size, "action": action}


@dataclass(frozen=True)
class Plan:
    """Files that will be seen in `folder`."""

    folder: Path
    steps: tuple[Step, ...]

    @cached_property
    def contents(self) -> dict[str, list[Step]]:
        """The steps by the checksum of their content: files with one content share it, and one fetch."""
        found: dict[str, list[Step]] = defaultdict(list)
        for one in self.steps:
            found[one.file.sha256].append(one)
        return dict(found)

    @property
    def jobs(self) -> list[TransferJob]:
        """One job for each content."""
        return [steps[0].job for steps in self.contents.values()]

    @property
    def total_bytes(self) -> int:
        """The sizes of all files together."""
        return sum(one.file.size for one in self.steps)


@dataclass(frozen=True)
class BundlePlan(Plan):
    """The wanted files of a bundle, in its order; the bundle's own document is saved as `document_target`.

    `prefix` is before the names of the files where people are told about them.
    """

    bundle: Bundle
    document_target: Path
    prefix: str

    @property
    def document_label(self) -> str:
        """What people are told about the document."""
        return self.prefix + self.document_target.name

    def summary(self) -> dict[str, Any]:
        """Return the plan as JSON data, sizes in bytes; what is verified first is not among the bytes to fetch."""
        return {
            "bundle_uuid": self.bundle.uuid,
            "bundle_version": self.bundle.version,
            "directory": str(self.folder),
            "files": [one.summary() for one in self.steps],
            "total_bytes": self.total_bytes,
            "bytes_to_fetch": bytes_to_fetch([self]),
        }


def bytes_to_fetch(plans: Iterable[Plan]) -> int:
    """Return the bytes of all contents that are not there yet, each counted once."""
    return sum({one.file.sha256: one.outlook.to_fetch for plan in plans for one in plan.steps}.values())


def plan(
    bundle: Bundle,
    files: Iterable[DSSFile],
    store: Filestore,
    base_url: str,
    existing: Existing = "skip",
    *,
    prefix: str = "",
) -> BundlePlan:
    """Decide how the chosen `files` of a bundle get below the folder that `store` is in; writes nothing.

    Raises:
        ArgumentError: `existing` is not one of the words for what to do about files that are there already.
        TransferError: a file would be outside that folder or behind a symbolic link, or must not exist but does.
    """
    check_existing(existing)
    chosen = list(files)
    folder = safe_join(store.root, bundle.folder_name)
    places = Places(folder)
    route = Route(base_url, store, prefix)
    for file in chosen:
        places.join(check_name(file.name))  # which refuses what would be behind a link
    steps = tuple(make_step(file, route, places.root, existing) for file in chosen)
    planned = BundlePlan(folder, steps, bundle, places.join((document_name(chosen),)), prefix)
    if existing == "error":
        refuse_existing([planned.document_target, *(one.target for one in steps)])
    return planned


def make_step(file: DSSFile, route: Route, folder: Path, existing: Existing) -> Step:
    """Decide how one file, whose names and checksum are checked, gets to its name below `folder`."""
    if not route.store.may_hold(file.sha256):
        return Step(file, route, folder, Outlook("fetch", file.size))
    job = content_job(file, route.store.path(file.sha256), route.base_url, route.prefix + file.name)
    return Step(file, route, folder, outlook(job, existing))


def check_existing(existing: str) -> None:
    """Raise an ArgumentError if there is no such way to treat existing files."""
    if existing not in EXISTING:
        raise ArgumentError(f"existing={existing!r} is none of {', '.join(EXISTING)}.")


def content_job(file: DSSFile, target: Path, base_url: str, name: str) -> TransferJob:
    """Return how the content of `file` gets to `target`; `name` is what people are told about."""
    return TransferJob(
        name=name,
        url=file_url(base_url, file),
        target=target,
        identity=f"sha256:{file.sha256}",
        size=file.size,
        sha256=file.sha256,
    )


def file_url(base_url: str, file: DSSFile) -> str:
    """Return where the DSS gives out a file, or its latest version if the file has none."""
    return f"{base_url}/files/{file.uuid}?{_query(file.replica, file.version)}"


@lru_cache(maxsize=1000)  # the files of a bundle share a few versions
def _query(replica: str, version: str) -> str:
    return urlencode({"replica": replica, "version": version} if version else {"replica": replica})


def outlook(job: TransferJob, existing: Existing) -> Outlook:
    """Return what will be done to have a content, whose size is known, in the store."""
    action, size = decide(in_store(existing), job, size_of(job.target)), job.size or 0
    if action != "fetch":
        return Outlook(action, 0)
    there = left_behind(job) if size > SMALL else 0  # of a small file nothing is left
    return Outlook("resume" if there else "fetch", size - there)


def in_store(existing: Existing) -> Existing:
    """Return what `existing` means for the contents in the store."""
    # Another bundle may have brought the content: that is no reason to refuse this one.
    return "skip" if existing == "error" else existing


def size_of(path: Path) -> int | None:
    """Return the size of a regular file, or None if there is none."""
    try:
        there = path.stat()
    except OSError:
        return None
    return there.st_size if S_ISREG(there.st_mode) else None


def refuse_existing(targets: Iterable[Path]) -> None:
    """Raise a TransferError if one of the paths is taken."""
    there = [target for target in targets if os.path.lexists(target)]
    if there:
        raise TransferError(
            f"{len(there)} files of the bundle exist already, the first is {there[0]}; nothing was downloaded.",
            hint="Choose another download directory, or another way to treat existing files.",
        )
