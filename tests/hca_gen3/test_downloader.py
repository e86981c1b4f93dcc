from __future__ import annotations

import errno
import json
import threading
from pathlib import Path
from typing import Any

import dicom_files
import pytest
from dicom_peer import DicomPeer
from fake_commons import FakeCommons
from fake_fence import jwt
from gen3_dictionary import case, experiment
from irods_double import IrodsDouble
from openpyxl import load_workbook
from sds_folder import make_dataset, manifest_row, subject_row

from hca_core.app import App
from hca_core.errors import (
    ArgumentError,
    AuthError,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFoundError,
    TransferError,
)
from hca_core.transfer.job import Progress
from hca_core.transfer.ledger import Ledger
from hca_core.transfer.report import FileResult, Report
from hca_gen3 import Auth, Gen3Convertor, Querier
from hca_gen3.config_file import read_gen3_file
from hca_gen3.downloader import Downloader, ImagedDataset, commons_auth, read_pacs_config
from hca_gen3.errors import UsageError

ROOT = "/tempZone/home/datasets"
STUDIES = ["1.2.3", "1.2.4"]


def with_subjects(commons: FakeCommons, *names: str, owner: str = "experiment-1", project_id: str = "demo-12L") -> None:
    links = [{"submitter_id": owner}]
    commons.put(project_id, *(case(name, submitter_id=f"{owner}-{name}", experiments=links) for name in names))


def querier(commons: FakeCommons) -> Querier:
    return Querier(Auth(commons.url, access_token=commons.new_token()))


class Archive:
    """What studies come from, in place of a PACS: an instance each, unless `broken` has an error for it."""

    def __init__(self, **broken: Exception) -> None:
        self.asked: list[str] = []
        self.broken = {uid.replace("_", "."): error for uid, error in broken.items()}

    def fetch_study(
        self,
        study_uid: str,
        folder: Path,
        *,
        report: Report,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        assert progress is not None
        assert stop is not None
        self.asked.append(study_uid)
        if error := self.broken.get(f"s{study_uid}"):
            raise error
        target = folder / "sam-1.9" / f"{study_uid}.9.dcm"
        target.parent.mkdir(parents=True)
        target.write_bytes(b"DICM")
        report.add(FileResult(target.name, target, "fetched", 4, transferred=4))


def fetch(commons: FakeCommons, archive: Archive, dest: Path, dataset: str = "experiment-1", **more: Any) -> Ledger:
    ledger = Ledger()
    ImagedDataset(querier(commons), archive).fetch(dataset, dest, ledger, **more)
    return ledger


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def column(path: Path, number: int = 0) -> list[Any]:
    return [row[number] for row in load_workbook(path).worksheets[0].iter_rows(values_only=True)]


def test_a_dataset_has_its_metadata_and_its_images_in_the_documented_places(
    commons: FakeCommons, tmp_path: Path
) -> None:
    with_subjects(commons, "sub-1.2.3", "sub-1.2.4")
    ledger = fetch(commons, Archive(), tmp_path)
    assert files(tmp_path) == {
        "experiment-1/dataset_description.xlsx",
        "experiment-1/subjects.xlsx",
        "experiment-1/manifest.xlsx",
        "experiment-1/primary/sub-1.2.3/sam-1.9/1.2.3.9.dcm",
        "experiment-1/primary/sub-1.2.4/sam-1.9/1.2.4.9.dcm",
    }
    assert ledger.report.counts == {"fetched": 5}
    assert column(tmp_path / "experiment-1" / "subjects.xlsx") == ["subject id", "sub-1.2.3", "sub-1.2.4"]


def test_more_subjects_than_a_commons_sends_by_itself_all_come(commons: FakeCommons, tmp_path: Path) -> None:
    names = [f"sub-1.2.{number}" for number in range(30)]
    with_subjects(commons, *names)
    archive = Archive()
    fetch(commons, archive, tmp_path)
    assert sorted(archive.asked) == sorted(name.removeprefix("sub-") for name in names)
    assert len(column(tmp_path / "experiment-1" / "subjects.xlsx")) == 31


def test_what_was_submitted_comes_back_from_gen3_as_the_same_sheets(commons: FakeCommons, tmp_path: Path) -> None:
    make_dataset(
        tmp_path / "ds",
        subjects=[subject_row("sub-1.2.3", age="3 months", body_mass="12"), subject_row("sub-1.2.4", sex="F")],
        manifests={"": [manifest_row(f"primary/{number}.dcm", description='a "file"') for number in range(30)]},
    )
    convertor = Gen3Convertor("12L", "demo ds")
    convertor.execute(tmp_path / "ds", tmp_path / "json")
    names = ("experiment", "dataset_description", "subjects", "manifest")
    before = {name: json.loads((tmp_path / "json" / f"{name}.json").read_text()) for name in names}
    for found in before.values():
        commons.put("demo-12L", *(found if isinstance(found, list) else [found]))

    fetch(commons, Archive(), tmp_path / "out", "demo ds")

    convertor.execute(tmp_path / "out" / "demo ds", tmp_path / "json2")
    after = {name: json.loads((tmp_path / "json2" / f"{name}.json").read_text()) for name in names}
    for name in ("manifest",):
        for both in (before, after):
            both[name].sort(key=lambda record: record["submitter_id"])
    assert after == before


def test_an_id_is_data_and_never_a_part_of_the_query(commons: FakeCommons, tmp_path: Path) -> None:
    with_subjects(commons, "sub-1.2.3")
    archive = Archive()
    with pytest.raises(NotFoundError):
        fetch(commons, archive, tmp_path, 'x") { id } experiment(first: 1')
    assert archive.asked == []
    queries = [request.json() for request in commons.requests if request.path.endswith("/graphql")]
    assert all("first: 1)" not in asked["query"] for asked in queries)


@pytest.mark.parametrize("dataset", ["..", "a/b", "/etc/passwd", "a\0"])
def test_an_id_that_would_lead_elsewhere_is_refused(dataset: str, commons: FakeCommons, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be a dataset"):
        fetch(commons, Archive(), tmp_path, dataset)
    assert list(tmp_path.iterdir()) == []


def test_subjects_that_would_lead_elsewhere_are_failures_and_the_others_come(
    commons: FakeCommons, tmp_path: Path
) -> None:
    with_subjects(commons, "sub-../../../evil", "sub-1.2.3", "/etc", "sub-a\\b")
    archive = Archive()
    ledger = fetch(commons, archive, tmp_path / "out")
    assert archive.asked == ["1.2.3"]
    assert {failure.name for failure in ledger.report.failures} == {"sub-../../../evil", "sub-/etc", "sub-a\\b"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/experiment-1/primary/sub-1.2.3/sam-1.9/1.2.3.9.dcm").exists()


def test_a_subject_that_is_there_twice_is_fetched_once(commons: FakeCommons, tmp_path: Path) -> None:
    with_subjects(commons, "sub-1.2.3")
    commons.put("demo-12L", case("1.2.3", submitter_id="again"))
    archive = Archive()
    fetch(commons, archive, tmp_path)
    assert archive.asked == ["1.2.3"]


def test_a_study_that_fails_does_not_stop_the_others(commons: FakeCommons, tmp_path: Path) -> None:
    with_subjects(commons, "sub-1.2.3", "sub-1.2.4", "sub-1.2.5")
    archive = Archive(s1_2_4=IntegrityError("bad"))
    ledger = fetch(commons, archive, tmp_path)
    assert sorted(archive.asked) == ["1.2.3", "1.2.4", "1.2.5"]
    assert [(failure.name, str(failure.error)) for failure in ledger.report.failures] == [("sub-1.2.4", "bad")]
    assert ledger.report.counts["fetched"] == 5


def disk_is_full() -> TransferError:
    error = TransferError("No space left.")
    error.__cause__ = OSError(errno.ENOSPC, "full")
    return error


@pytest.mark.parametrize(
    "error", [NetworkError("gone"), AuthError("who?"), ConfigError("no such PACS"), disk_is_full()]
)
def test_a_pacs_that_cannot_be_used_is_not_asked_for_every_study(
    error: Exception, commons: FakeCommons, tmp_path: Path
) -> None:
    with_subjects(commons, *(f"sub-1.2.{number}" for number in range(50)))
    archive = Archive(**{f"s1_2_{number}": error for number in range(50)})
    ledger = fetch(commons, archive, tmp_path, jobs=1)
    assert len(archive.asked) == 1
    assert len(ledger.report.failures) == 50
    assert {failure.error for failure in ledger.report.failures} == {error}
    assert "experiment-1/subjects.xlsx" in files(tmp_path)


def test_a_bug_is_not_taken_for_a_failed_study(commons: FakeCommons, tmp_path: Path) -> None:
    with_subjects(commons, "sub-1.2.3")
    with pytest.raises(ZeroDivisionError):
        fetch(commons, Archive(s1_2_3=ZeroDivisionError()), tmp_path)


def test_a_sheet_that_cannot_be_written_is_a_failure_and_the_images_come(commons: FakeCommons, tmp_path: Path) -> None:
    with_subjects(commons, "sub-1.2.3")
    (tmp_path / "experiment-1").mkdir()
    (tmp_path / "experiment-1" / "manifest.xlsx").symlink_to(tmp_path / "elsewhere")
    ledger = fetch(commons, Archive(), tmp_path)
    assert [failure.name for failure in ledger.report.failures] == ["manifest.xlsx"]
    assert not (tmp_path / "elsewhere").exists()
    assert "experiment-1/primary/sub-1.2.3/sam-1.9/1.2.3.9.dcm" in files(tmp_path)


def test_a_dataset_that_several_projects_have_needs_a_project(commons: FakeCommons, tmp_path: Path) -> None:
    with_subjects(commons, "sub-1.2.3")
    commons.add_project("demo", "other")
    commons.put("demo-other", experiment(project="other"))
    with_subjects(commons, "sub-9.9", project_id="demo-other")
    archive = Archive()
    with pytest.raises(ArgumentError, match="more than one"):
        fetch(commons, archive, tmp_path)
    ImagedDataset(querier(commons), archive, "demo-other").fetch("experiment-1", tmp_path, Ledger())
    assert archive.asked == ["9.9"]


def write(path: Path, **content: Any) -> Path:
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return path


def test_data_in_a_pacs_need_a_commons(tmp_path: Path) -> None:
    pacs = write(tmp_path / "pacs.json", pacs_ip="127.0.0.1", pacs_port=104, pacs_aec="A", pacs_aet="B")
    with pytest.raises(UsageError, match="gen3_config is required for data in a PACS"):
        Downloader(pacs)


@pytest.mark.parametrize("kind", ["tape", "PACS"])
def test_another_kind_of_storage_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"'{kind}'; it must be one of pacs, irods"):
        Downloader(write(tmp_path / "a.json"), None, kind)


def test_configuration_files_are_read_and_paths_in_them_found(
    commons: FakeCommons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commons.save_key(tmp_path / "credentials.json")
    gen3 = write(tmp_path / "gen3.json", gen3_endpoint=commons.url, gen3_cred_file="credentials.json")
    pacs = write(tmp_path / "pacs.json", pacs_ip="127.0.0.1", pacs_port=104, pacs_aec="A", pacs_aet="B", storage="pacs")
    downloader = Downloader(str(pacs), str(gen3), None)
    with pytest.raises(NotFoundError, match="nope"):
        downloader.download_dataset("nope", tmp_path / "out")
    assert commons.count("POST", "/user/credentials/api/access_token") == 1


def test_the_authorities_of_the_file_are_trusted_and_other_settings_stay(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(json.dumps({"api_key": jwt(iss="https://gen3.example/user"), "key_id": "1"}))
    file = write(tmp_path / "gen3.json", gen3_cred_file="key.json", gen3_ssl_cert="ca.pem")
    auth = commons_auth(read_gen3_file(file), App(config={"network.retries": 3, "gen3.idp": "local"}))
    value = auth.app.settings.value
    assert value("network.ca_bundle") == str(tmp_path / "ca.pem")
    assert (value("network.retries"), value("gen3.idp")) == (3, "local")
    assert auth.endpoint == "https://gen3.example"


def test_metadata_come_from_gen3_and_images_from_the_pacs(commons: FakeCommons, tmp_path: Path) -> None:
    with_subjects(commons, f"sub-{dicom_files.STUDY}", f"sub-{dicom_files.OTHER_STUDY}")
    commons.save_key(tmp_path / "credentials.json")
    gen3 = write(tmp_path / "gen3.json", gen3_endpoint=commons.url, gen3_cred_file="credentials.json")
    with DicomPeer(dicom_files.study(2, 1) + dicom_files.study(1, uid=dicom_files.OTHER_STUDY)) as peer:
        pacs = write(
            tmp_path / "pacs.json", pacs_ip="127.0.0.1", pacs_port=peer.port, pacs_aec=peer.title, pacs_aet="ME"
        )
        first = Downloader(pacs, gen3).download_dataset("experiment-1", tmp_path / "out")
        again = Downloader(str(pacs), str(gen3), "pacs").download_dataset("experiment-1", str(tmp_path / "out"))
    instances = {
        f"primary/sub-{study}/sam-{dicom_files.series_uid(series, study)}/"
        f"{dicom_files.instance_uid(series, number, study)}.dcm"
        for study, series, number in (
            (dicom_files.STUDY, 1, 1),
            (dicom_files.STUDY, 1, 2),
            (dicom_files.STUDY, 2, 1),
            (dicom_files.OTHER_STUDY, 1, 1),
        )
    }
    sheets = {"dataset_description.xlsx", "subjects.xlsx", "manifest.xlsx"}
    assert files(tmp_path / "out" / "experiment-1") == instances | sheets
    assert (first["files"], first["fetched"]) == (7, 7)
    assert (again["files"], again["present"]) == (7, 4)


def test_irods_brings_its_metadata_along(tmp_path: Path) -> None:
    with IrodsDouble() as double:
        double.add(f"{ROOT}/ds/subjects.xlsx", b"PK")
        double.add(f"{ROOT}/ds/primary/sub-1/1.dcm", b"DICM")
        file = write(tmp_path / "irods.json", **double.settings(ROOT))
        result = Downloader(file, data_storage_type="irods").download_dataset(
            "ds", tmp_path / "out", report=tmp_path / "report.jsonl"
        )
    assert files(tmp_path / "out") == {"ds/subjects.xlsx", "ds/primary/sub-1/1.dcm"}
    assert (result["files"], result["directory"]) == (2, str(tmp_path / "out" / "ds"))
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 2


def test_the_file_may_say_that_it_is_irods(tmp_path: Path) -> None:
    with IrodsDouble() as double:
        double.add(f"{ROOT}/ds/a", b"a")
        file = write(tmp_path / "irods.json", storage="irods", **double.settings(ROOT))
        Downloader(file, None, "").download_dataset("ds", tmp_path / "out")
    assert files(tmp_path / "out") == {"ds/a"}


def test_failures_are_told_after_everything_else_was_saved(tmp_path: Path) -> None:
    with IrodsDouble() as double:
        double.add(f"{ROOT}/ds/a", b"a")
        double.add(f"{ROOT}/ds/b", b"b")
        double.spoil(f"{ROOT}/ds/b", times=2)
        file = write(tmp_path / "irods.json", **double.settings(ROOT))
        with pytest.raises(TransferError, match="1 of 2 files failed: b") as error:
            Downloader(file, None, "irods").download_dataset("ds", tmp_path / "out")
    assert error.value.exit_code == 9
    assert files(tmp_path / "out") == {"ds/a"}


def test_an_id_with_a_slash_is_refused_for_irods_too(tmp_path: Path) -> None:
    with IrodsDouble() as double:
        file = write(tmp_path / "irods.json", **double.settings(ROOT))
        with pytest.raises(UsageError):
            Downloader(file, None, "irods").download_dataset("a/b", tmp_path / "out")


def test_a_pacs_may_be_described_in_several_places(tmp_path: Path) -> None:
    file = write(tmp_path / "pacs.json", pacs_ip="of-file", pacs_port=None)
    app = App(
        config={"pacs.aec": "SETTINGS", "pacs.aet": "SETTINGS"}, environ={"PACS_AET": "ENV", "PACS_PORT": "11112"}
    )
    config = read_pacs_config(file, app)
    assert (config.host, config.port, config.aec, config.aet) == ("of-file", 11112, "SETTINGS", "ENV")
    with pytest.raises(ConfigError, match="pacs_prot"):
        read_pacs_config(write(tmp_path / "pacs.json", pacs_ip="h", pacs_prot=1), app)
