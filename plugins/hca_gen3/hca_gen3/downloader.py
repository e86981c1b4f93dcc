"""Fetches whole datasets: images from a PACS with metadata from Gen3, or everything from iRODS."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hca_core.app import App
from hca_core.errors import AuthError, ConfigError, HcaError, NetworkError
from hca_core.transfer.fetch import is_hopeless
from hca_core.transfer.job import Progress, Silent
from hca_core.transfer.ledger import Ledger, open_ledger
from hca_core.transfer.pool import each
from hca_core.transfer.report import FileResult, Report
from hca_gen3 import sds
from hca_gen3.config_file import Gen3File, configured, read_config, read_gen3_file
from hca_gen3.errors import UsageError
from hca_gen3.holdings import read_records
from hca_gen3.pacs import PacsConfig, open_pacs
from hca_gen3.querier import Querier

if TYPE_CHECKING:
    from hca_gen3.auth import Auth

__all__ = ["STORAGES", "Downloader", "ImagedDataset", "StudySource", "commons_auth", "read_pacs_config"]

STORAGES = ("pacs", "irods")
_JOBS = 2  # studies at a time; each is a request that keeps a PACS busy

Fetch = Callable[..., Path]
"""Fetches a dataset: (its id, the folder for it, the ledger, jobs=…, progress=…) -> its own folder."""


class Downloader:
    """Fetches datasets whose files are where `data_storage_config` says.

    `data_storage_type` is `pacs` or `irods`; None means what the file says under `storage`. `gen3_config` is a file
    with `gen3_endpoint` and `gen3_cred_file`; data in a PACS need it, or `auth`. Data in iRODS bring their metadata
    along. Without a `data_storage_config` the environment and the settings say where they are.

    Raises:
        UsageError: an argument is missing or wrong.
        ConfigError: a file cannot be used.
    """

    def __init__(
        self,
        data_storage_config: str | os.PathLike[str] | None,
        gen3_config: str | os.PathLike[str] | None = None,
        data_storage_type: str | None = "pacs",
        *,
        app: App | None = None,
        auth: Auth | None = None,
    ) -> None:
        self.app = app or App()
        self._fetch: Fetch
        if _storage(data_storage_type, data_storage_config) == "irods":
            from hca_gen3.irods import IRODSAPI

            self._fetch = IRODSAPI(data_storage_config, app=self.app).fetch
            return
        if gen3_config is None and auth is None:
            raise UsageError(
                "gen3_config is required for data in a PACS: Gen3 knows which studies a dataset has.",
                hint='It is a file such as {"gen3_endpoint": "https://…", "gen3_cred_file": "credentials.json"}.',
            )
        commons = read_gen3_file(gen3_config) if gen3_config is not None else Gen3File()
        auth = auth or commons_auth(commons, self.app)
        pacs = open_pacs(read_pacs_config(data_storage_config, self.app), auth.session())
        self._fetch = ImagedDataset(Querier(auth), pacs, _project_id(commons, self.app)).fetch

    def download_dataset(
        self,
        dataset_id: str,
        dest: str | os.PathLike[str],
        *,
        jobs: int | None = None,
        report: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Fetch a dataset into the folder `dest/<dataset_id>` and return how many files it has.

        What an earlier run has fetched is not fetched again. `jobs` is how many studies (of a PACS) or files (of
        iRODS) to fetch at a time; `report` names a file that gets one line of JSON for each file.

        Raises:
            UsageError: the id cannot be the name of a folder.
            NotFoundError: there is no such dataset.
            AuthError, NetworkError: Gen3 or iRODS refuses the user, or cannot be reached.
            TransferError: files failed; all others are saved.
        """
        sds.dataset_folder(Path(dest), dataset_id)
        with open_ledger(report) as ledger:
            folder = self._fetch(dataset_id, Path(dest), ledger, jobs=jobs, progress=progress)
        ledger.report.raise_for_failures()
        return {"directory": str(folder), **ledger.report.as_record()}


class StudySource(Protocol):
    """What studies come from, such as `hca_gen3.pacs.pacs.Pacs`."""

    def fetch_study(
        self,
        study_uid: str,
        folder: Path,
        *,
        report: Report,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Fetch a study into a folder."""


class ImagedDataset:
    """Datasets whose metadata are in Gen3 and whose images are in a PACS, a study for each subject.

    `project_id` (`<program>-<project>`) is needed where several projects have a dataset of the same name.
    """

    def __init__(self, querier: Querier, pacs: StudySource, project_id: str | None = None) -> None:
        self._querier, self._pacs, self._project_id = querier, pacs, project_id

    def fetch(
        self,
        dataset_id: str,
        dest: Path,
        ledger: Ledger,
        *,
        jobs: int | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Fetch a dataset into a folder of `dest` and return that; what becomes of its files is in the ledger.

        Raises:
            HcaError: nothing is known of the dataset, or it cannot have a folder.
        """
        folder = sds.dataset_folder(dest, dataset_id)
        began = time.monotonic()
        subjects = self._read("subjects", dataset_id)
        for sheet in sds.SHEETS:
            read = (lambda: subjects) if sheet == "subjects" else partial(self._read, sheet, dataset_id)
            _write(sheet, folder, ledger, read)
        studies = _Studies(self._pacs, folder, ledger, progress or Silent())
        studies.fetch(_study_uids(subjects), jobs or _JOBS)
        ledger.report.seconds += time.monotonic() - began
        return folder

    def _read(self, sheet: str, dataset_id: str) -> list[dict[str, Any]]:
        return read_records(self._querier, sheet, dataset_id, self._project_id)


def _write(sheet: str, folder: Path, ledger: Ledger, read: Callable[[], list[dict[str, Any]]]) -> None:
    name = f"{sheet}.xlsx"
    try:
        path = sds.sheet_path(folder, sheet)
        size = sds.write_sheet(path, sds.sheet_rows(sheet, read()))
    except (HcaError, OSError) as error:
        ledger.fail(name, folder / name, error)
    else:
        ledger.add(FileResult(name, path, "fetched", size, transferred=size, attempts=1))


class _Shared(Report):
    """A report that several threads write into; all of it goes to a ledger, which several reports share."""

    def __init__(self, ledger: Ledger, lock: threading.Lock) -> None:
        super().__init__()
        self._ledger, self._lock = ledger, lock

    def add(self, result: FileResult) -> None:
        with self._lock:
            self._ledger.add(result)


class _Studies:
    """Fetches studies into the folder of a dataset, and remembers why none can be fetched any more."""

    def __init__(self, pacs: StudySource, folder: Path, ledger: Ledger, progress: Progress) -> None:
        self._pacs, self._folder, self._progress = pacs, folder, progress
        self._report = _Shared(ledger, threading.Lock())
        self._stop = threading.Event()
        self._hopeless: HcaError | None = None

    def fetch(self, study_uids: Iterable[str], jobs: int) -> None:
        with closing(each(study_uids, self._fetch, jobs=jobs, stop=self._stop)) as done:
            for _ in done:
                pass

    def _fetch(self, study_uid: str) -> None:
        name = f"{sds.SUBJECT_PREFIX}{study_uid}"
        try:
            if self._hopeless:
                raise self._hopeless
            folder = sds.study_folder(self._folder, study_uid)
            self._pacs.fetch_study(study_uid, folder, report=self._report, progress=self._progress, stop=self._stop)
        except HcaError as error:
            if isinstance(error, AuthError | ConfigError | NetworkError) or is_hopeless(error):
                self._hopeless = error  # it has been tried often enough for one study
            self._report.add(FileResult(name, self._folder / "primary" / name, "failed", error=error))


def read_pacs_config(file: str | os.PathLike[str] | None, app: App) -> PacsConfig:
    """Return the PACS that a file, the environment (`PACS_IP`) and the settings (`pacs.ip`) describe, in this order.

    Raises:
        ConfigError: something is missing, or makes no sense.
    """
    known = [f"pacs_{'ip' if field.name == 'host' else field.name}" for field in fields(PacsConfig)]
    said = read_config(file) if file is not None else {}
    values = {**{key: said[key] for key in said if key.startswith("pacs_")}, **configured(known, file, app)}
    return PacsConfig.from_mapping(values, file=None if file is None else str(file))


def _storage(named: str | None, file: str | os.PathLike[str] | None) -> str:
    said = named or (read_config(file).get("storage") if file is not None else None)
    if said not in STORAGES:
        raise UsageError(f"data_storage_type is {said!r}; it must be one of {', '.join(STORAGES)}.")
    return str(said)


def commons_auth(commons: Gen3File, app: App) -> Auth:
    """Return who the user is at the commons that a configuration file describes; nothing is sent yet.

    Raises:
        KeyFileError: the API key cannot be read.
    """
    from hca_gen3.auth import Auth

    if commons.ca_bundle is not None:
        app = _trusting(app, commons.ca_bundle)
    key_file = None if commons.key_file is None else str(commons.key_file)
    return Auth(commons.endpoint, key_file, app=app)


def _trusting(app: App, ca_bundle: Path) -> App:
    """Return `app` with other certificate authorities."""
    changes = dict(app.settings.changes())
    network = changes.get("network")
    changes["network"] = {**(network if isinstance(network, Mapping) else {}), "ca_bundle": str(ca_bundle)}
    return App(config=changes, profile=app.settings.chosen_profile, environ=app.environ, plugins=app.plugins)


def _project_id(commons: Gen3File, app: App) -> str | None:
    program = commons.program or app.settings.value("gen3.program")
    project = commons.project or app.settings.value("gen3.project")
    return f"{program}-{project}" if program and project else None


def _study_uids(subjects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what the subjects are called without `sub-`, each once."""
    names = (str(subject.get("subject_id") or "") for subject in subjects)
    yield from dict.fromkeys(name.removeprefix(sds.SUBJECT_PREFIX) for name in names)
