"""Datasets in iRODS: what is to be fetched of a collection, and fetching it."""

from __future__ import annotations

import logging
import os
import posixpath
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import HcaError, TransferError
from hca_core.paths import check_name, safe_join
from hca_core.redact import readable
from hca_core.retry import RetryPolicy
from hca_core.transfer.fetch import Existing
from hca_core.transfer.job import Progress, Silent, TransferJob
from hca_core.transfer.ledger import Ledger, open_ledger
from hca_core.transfer.pool import run
from hca_core.transfer.quota import Quota
from hca_gen3.irods.catalog import IrodsFile, check_collection, collections_in, files_in
from hca_gen3.irods.opener import IrodsOpener
from hca_gen3.irods.session import Retries, open_session
from hca_gen3.irods.zone import Zone, read_zone

if TYPE_CHECKING:
    from irods.session import iRODSSession

    from hca_core.app import App

__all__ = ["IRODSAPI"]

logger = logging.getLogger(__name__)

_JOBS = 4  # files at a time, each on a connection that an iRODS server starts a process for


class IRODSAPI:
    """Fetches collections of the zone that `config_file`, the environment (`IRODS_*`) or the settings describe.

    `app` says which settings hold, `sleep` is how it waits before it tries to connect again.

    Raises:
        ConfigError: something about the zone is missing, or makes no sense.
    """

    def __init__(
        self,
        config_file: str | os.PathLike[str] | None = None,
        *,
        app: App | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        from hca_core.app import App

        self.app = app or App()
        self.zone = read_zone(config_file, self.app)
        self._sleep = sleep

    def download_data(
        self,
        data: str,
        save_dir: str | os.PathLike[str] | None = None,
        *,
        jobs: int | None = None,
        existing: Existing = "skip",
        report: str | os.PathLike[str] | None = None,
        fail_fast: bool = False,
        progress: Progress | None = None,
        quota: Quota | None = None,
    ) -> dict[str, Any]:
        """Fetch collection `data` of the project, with everything in it, and return how many files there are.

        It becomes the folder `save_dir/<last part of data>`; without `save_dir`, in the current folder. Files that
        are there with the right size are kept (`existing` as for `hca dss download`), partial ones are continued, and
        each is compared with its checksum in the catalog, or its size if there is none that hca knows, which is logged.
        A checksum that is malformed is a failure of its file. `report` names a file that
        gets one line of JSON for each file.

        Raises:
            NotFoundError: there is no such collection.
            AuthError, NetworkError: the server refuses the user, or cannot be reached.
            TransferError: files failed; all others are saved.
        """
        with open_ledger(report) as ledger:
            folder = self.fetch(
                data,
                Path(save_dir or ""),
                ledger,
                jobs=jobs,
                existing=existing,
                fail_fast=fail_fast,
                progress=progress,
                quota=quota,
            )
        ledger.report.raise_for_failures()
        return {"directory": str(folder), **ledger.report.as_record()}

    def fetch(
        self,
        data: str,
        parent: Path,
        ledger: Ledger,
        *,
        jobs: int | None = None,
        existing: Existing = "skip",
        fail_fast: bool = False,
        progress: Progress | None = None,
        quota: Quota | None = None,
    ) -> Path:
        """Fetch a collection into a folder of `parent` and return that; what becomes of its files is in the ledger.

        Raises:
            HcaError: as `download_data`, but for failures of single files.
        """
        collection = f"{self.zone.root}/{'/'.join(check_name(data))}"
        folder = safe_join(parent, posixpath.basename(collection))
        with open_session(self.zone, self.app.settings.value("network.read_timeout")) as session:
            retries = Retries(self._policy(), self._sleep, (progress or Silent()).note)
            source = _Source(session, self.zone, retries)
            retries.ask(partial(check_collection, session, self.zone, collection))
            plan = _Plan(source, folder, ledger)
            with closing(plan.jobs(collection, "")) as planned:
                fetched = run(
                    planned,
                    IrodsOpener(session, self.zone, retries),
                    concurrency=jobs or self.app.settings.value("transfer.jobs") or _JOBS,
                    existing=existing,
                    quota=quota,
                    progress=progress,
                    fail_fast=fail_fast,
                    on_result=ledger.add,
                )
        ledger.report.seconds += fetched.seconds
        for scheme, count in sorted(plan.unverified.items()):
            what = f"{count} files were" if count > 1 else "One file was"
            logger.warning("%s compared by size only: %s is no checksum that hca knows.", what, readable(scheme, 40))
        return folder

    def _policy(self) -> RetryPolicy:
        return RetryPolicy(attempts=self.app.settings.value("network.retries") + 1)


@dataclass(frozen=True)
class _Source:
    """A zone that can be asked, patiently."""

    session: iRODSSession
    zone: Zone
    retries: Retries

    def files(self, path: str) -> list[IrodsFile]:
        return self.retries.ask(partial(files_in, self.session, self.zone, path))

    def collections(self, path: str) -> list[str]:
        return self.retries.ask(lambda: list(collections_in(self.session, self.zone, path)))


class _Plan:
    """What is to be fetched into `root`; what cannot be planned is a failure in the ledger, and the rest goes on.

    `unverified` counts the files whose checksums cannot be compared, by the kind of these.
    """

    def __init__(self, source: _Source, root: Path, ledger: Ledger) -> None:
        self._source, self._root, self._ledger = source, root, ledger
        self.unverified = Counter[str]()

    def jobs(self, path: str, below: str) -> Generator[TransferJob, None, None]:
        """Yield a job for each file of the collection at `path`, which is `below` (ends in a slash) in the dataset."""
        try:
            (safe_join(self._root, below[:-1]) if below else self._root).mkdir(parents=True, exist_ok=True)
            files, collections = self._source.files(path), self._source.collections(path)
        except (HcaError, OSError) as error:
            self._ledger.fail(below or path, self._root / below, error)
            return
        seen = set[str]()
        for file in files:
            yield from self._job(file, file.path[len(path) + 1 :], below, seen)
        for name in collections:
            try:
                _check(name, seen)
            except TransferError as error:
                self._ledger.fail(f"{below}{name}", self._root, error)
            else:
                yield from self.jobs(f"{path}/{name}", f"{below}{name}/")

    def _job(self, file: IrodsFile, name: str, below: str, seen: set[str]) -> Iterator[TransferJob]:
        try:
            _check(name, seen)
            target = safe_join(self._root, f"{below}{name}")
            digest = file.digest()
        except TransferError as error:
            self._ledger.fail(f"{below}{name}", self._root, error)
            return
        self.unverified.update([file.scheme] if file.checksum and not digest else [])
        yield TransferJob(f"{below}{name}", file.url(self._source.zone), target, file.identity, file.size, **digest)


def _check(name: str, seen: set[str]) -> None:
    """Refuse a name that is none, or that some file systems cannot tell from one that was `seen` beside it."""
    if len(check_name(name)) != 1:
        raise TransferError(f"Unsafe file name {name!r}: it has a slash.")
    key = unicodedata.normalize("NFC", name).casefold()
    if key in seen:
        raise TransferError(f"{name!r} cannot be saved: another name beside it differs only in case or accents.")
    seen.add(key)
