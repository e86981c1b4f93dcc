"""Downloads a bundle: contents that are missing are fetched into the store, then linked into the bundle's folder."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlencode

from hca_core.errors import ArgumentError, HcaError, TransferError
from hca_core.paths import check_name, check_uuid, safe_join
from hca_core.transfer.fetch import Action, Existing, decide
from hca_core.transfer.job import Opener, Progress, TransferJob
from hca_core.transfer.limit import RateLimit, limited, parse_rate
from hca_core.transfer.pool import run
from hca_core.transfer.quota import Quota
from hca_core.transfer.report import FileResult, Report, ReportFile
from hca_dss.bundle import EVERYTHING, Bundle, DSSFile, document_name, select
from hca_dss.filestore import Filestore, link, protect
from hca_dss.places import Places
from hca_dss.version import check_version

if TYPE_CHECKING:
    from hca_dss.client import DSSClient

EXISTING: tuple[Existing, ...] = get_args(Existing)


@dataclass(frozen=True)
class Step:
    """One wanted file: how its content gets into the store, and where it will be seen (`target`)."""

    file: DSSFile
    job: TransferJob
    target: Path
    action: Action


@dataclass(frozen=True)
class Plan:
    """All that a download will do: `steps` in the bundle's order; the document is saved as `document_target`."""

    bundle: Bundle
    folder: Path
    document_target: Path
    steps: tuple[Step, ...]

    @cached_property
    def contents(self) -> dict[Path, list[Step]]:
        """The steps by where their content is stored: files with one content share it, and one fetch."""
        found: dict[Path, list[Step]] = defaultdict(list)
        for step in self.steps:
            found[step.job.target].append(step)
        return dict(found)

    @property
    def jobs(self) -> list[TransferJob]:
        """One job for each content."""
        return [steps[0].job for steps in self.contents.values()]

    @property
    def bytes_to_fetch(self) -> int:
        """The bytes of all contents that are not there yet."""
        return sum(steps[0].file.size for steps in self.contents.values() if steps[0].action == "fetch")

    def summary(self, free_bytes: int) -> dict[str, Any]:
        """Return the plan as JSON data, sizes in bytes; what is verified first is not among the bytes to fetch."""
        return {
            "bundle_uuid": self.bundle.uuid,
            "bundle_version": self.bundle.version,
            "directory": str(self.folder),
            "files": [
                {"name": step.file.name, "path": str(step.target), "size": step.file.size, "action": step.action}
                for step in self.steps
            ],
            "total_bytes": sum(step.file.size for step in self.steps),
            "bytes_to_fetch": self.bytes_to_fetch,
            "free_bytes": free_bytes,
        }


def plan(
    bundle: Bundle,
    files: Iterable[DSSFile],
    root: Path,
    base_url: str,
    existing: Existing = "skip",
) -> Plan:
    """Decide how the chosen `files` of a bundle get below the download directory `root`; writes nothing.

    Raises:
        ArgumentError: `existing` is not one of the words for what to do about files that are there already.
        TransferError: a file would be outside `root` or behind a symbolic link, or must not exist but does.
    """
    if existing not in EXISTING:
        raise ArgumentError(f"existing={existing!r} is none of {', '.join(EXISTING)}.")
    chosen = list(files)
    store = Filestore(root)
    folder = safe_join(root, bundle.folder_name)
    places = Places(folder)
    steps = [_step(file, store, places.join(check_name(file.name)), base_url, existing) for file in chosen]
    planned = Plan(bundle, folder, places.join((document_name(chosen),)), tuple(steps))
    if existing == "error":
        _refuse_existing(planned)
    return planned


def _step(file: DSSFile, store: Filestore, target: Path, base_url: str, existing: Existing) -> Step:
    job = TransferJob(
        name=file.name,
        url=file_url(base_url, file),
        target=store.path(file.sha256),
        identity=f"sha256:{file.sha256}",
        size=file.size,
        sha256=file.sha256,
    )
    return Step(file, job, target, decide(_in_store(existing), job, _size(job.target)))


def file_url(base_url: str, file: DSSFile) -> str:
    """Return where the DSS gives out a file."""
    return f"{base_url}/files/{file.uuid}?{_query(file.replica, file.version)}"


@lru_cache(maxsize=1000)  # the files of a bundle share a few versions
def _query(replica: str, version: str) -> str:
    return urlencode({"replica": replica, "version": version})


def _in_store(existing: Existing) -> Existing:
    # Another bundle may have brought the content: that is no reason to refuse this one.
    return "skip" if existing == "error" else existing


def _size(path: Path) -> int | None:
    try:
        there = path.stat()
    except OSError:
        return None
    return there.st_size if S_ISREG(there.st_mode) else None


class Linker:
    """Makes each content visible in the bundle's folder as soon as it is stored, and counts the bundle's files."""

    def __init__(self, planned: Plan, existing: Existing, record: Callable[[FileResult], object] | None) -> None:
        self.report = Report()
        self._plan = planned
        self._places = Places(planned.folder)
        self._existing = existing
        self._record = record

    def stored(self, result: FileResult) -> None:
        """Link every file whose content `result` is about."""
        if result.status in ("fetched", "resumed"):
            protect(result.path)
        first, *others = self._plan.contents[result.path]
        self._add(replace(result, name=first.file.name, path=first.target), result.path)
        if others and result.status != "failed":
            # The bytes came once, for the first of the files.
            result = replace(result, status="present", transferred=0, attempts=0, seconds=0.0)
        for step in others:
            self._add(replace(result, name=step.file.name, path=step.target), result.path)

    def save_document(self, store: Filestore) -> None:
        """Save the bundle's own document beside its files."""
        data = self._plan.bundle.to_json()
        target = self._plan.document_target
        result = FileResult(target.name, target, "present", len(data))
        try:
            self._add(result, store.put(data))
        except (HcaError, OSError) as error:
            self._add(_failed(result, error), target)

    def _add(self, result: FileResult, stored: Path) -> None:
        if result.status != "failed":
            try:
                # The plan has checked the name, but a folder may have become a link since then.
                target = self._places.join(tuple(result.name.split("/")))
                link(stored, target, verify=self._existing == "verify", overwrite=self._existing == "overwrite")
            except (HcaError, OSError) as error:
                result = _failed(result, error)
        self.report.add(result)
        if self._record:
            self._record(result)


def _failed(result: FileResult, error: HcaError | OSError) -> FileResult:
    if isinstance(error, OSError):
        error = TransferError(f"{result.path} cannot be written: {error.strerror or error}.")
    return replace(result, status="failed", error=error)


def _free_bytes(folder: Path) -> int:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


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
    free_bytes: Callable[[Path], int] = _free_bytes,
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
    root = Path(download_dir)
    rate = parse_rate(limit_rate) if limit_rate else None
    bundle = read_bundle(client, bundle_uuid, replica, version)
    files = select(bundle.files, metadata_filter, data_filter, no_metadata, no_data)
    planned = plan(bundle, files, root, client.api.base_url, existing)
    free = free_bytes(root)
    if not dry_run:
        _refuse_without_room(planned, root, free)
        options = {
            "concurrency": jobs or client.app.settings.value("transfer.jobs"),
            "quota": Quota(num_retries, min_delay_seconds),
            "progress": progress,
            "fail_fast": fail_fast,
        }
        opener = limited(client.session.open, RateLimit(rate)) if rate else client.session.open
        _perform(planned, Filestore(root), opener, existing, report, options).raise_for_failures()
    return planned.summary(free)


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


def _perform(
    planned: Plan,
    store: Filestore,
    opener: Opener,
    existing: Existing,
    report: str | os.PathLike[str] | None,
    options: dict[str, Any],
) -> Report:
    with ExitStack() as stack:
        record = stack.enter_context(ReportFile(Path(report))).write if report else None
        linker = Linker(planned, existing, record)
        fetched = run(planned.jobs, opener, existing=_in_store(existing), on_result=linker.stored, **options)
        linker.save_document(store)
        linker.report.seconds = fetched.seconds
    return linker.report


def _refuse_existing(planned: Plan) -> None:
    targets = [planned.document_target, *(step.target for step in planned.steps)]
    there = [target for target in targets if os.path.lexists(target)]
    if there:
        raise TransferError(
            f"{len(there)} files of the bundle exist already, the first is {there[0]}; nothing was downloaded.",
            hint="Choose another download directory, or another way to treat existing files.",
        )


def _refuse_without_room(planned: Plan, root: Path, free: int) -> None:
    needed = planned.bytes_to_fetch
    if needed > free:
        raise TransferError(
            f"Nothing was downloaded: {needed:,} bytes are needed, but only {free:,} are free in {root.absolute()}.",
            hint="Free some space, choose another --download-dir, or select fewer files.",
        )
