"""DICOMweb, from Orthanc and from a server with faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import dicom_files as files
import pytest
from dicom_files import names, paths
from orthanc import PASSWORD, USER, Orthanc
from pydicom import Dataset

from hca_core.errors import ApiError, AuthError, IntegrityError, NetworkError, TransferError
from hca_core.http import Session
from hca_core.records import Credentials
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, Clock, FakeServer, FaultProxy, Request, faults
from hca_core.transfer.report import Report
from hca_gen3.pacs import PacsConfig, open_pacs
from hca_gen3.pacs.pacs import Pacs

BASE = "/dicom-web"
STUDY = f"{BASE}/studies/{files.STUDY}"
Web = Callable[..., Report]


def listed(*instances: Dataset) -> Answer:
    """The answer to a search that finds these."""
    keys = {"0020000E": "SeriesInstanceUID", "00080018": "SOPInstanceUID", "00080016": "SOPClassUID"}
    records = [{tag: {"vr": "UI", "Value": [str(one[key].value)]} for tag, key in keys.items()} for one in instances]
    return Answer(200, json.dumps(records).encode(), {"Content-Type": "application/dicom+json"})


def part(content: bytes) -> Answer:
    """An answer that is one part of many, as DICOMweb wants it."""
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--x--\r\n"
    return Answer(200, body, {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'})


def place(one: Dataset) -> str:
    return f"{STUDY}/series/{one.SeriesInstanceUID}/instances/{one.SOPInstanceUID}"


@pytest.fixture
def service() -> Iterator[FakeServer]:
    """A service that has a study of two series."""
    with FakeServer() as server:
        server.on("GET", f"{STUDY}/instances", listed(*files.study(2, 3)))
        for one in files.study(2, 3):
            server.on("GET", place(one), part(files.encode(one)))
        yield server


@pytest.fixture
def web(service: FakeServer, tmp_path: Path, clock: Clock) -> Web:
    """Fetch the study from the service."""

    def run(report: Report | None = None, session: Session | None = None, **options: Any) -> Report:
        policy = RetryPolicy(attempts=3, jitter=0)
        session = session or Session(policy=policy, sleep=clock.sleep)
        config = PacsConfig.from_mapping({"pacs_dicomweb_url": service.url + BASE, **options})
        report = report or Report()
        Pacs(config, session, policy=policy, sleep=clock.sleep).fetch_study(
            files.STUDY, tmp_path / "study", report=report
        )
        return report

    return run


@pytest.fixture
def orthanc_web(server: Orthanc) -> Orthanc:
    if not server.has_web:
        pytest.skip("Orthanc has no DICOMweb")
    return server


def test_orthanc_gives_a_study(orthanc_web: Orthanc, tmp_path: Path) -> None:
    config = PacsConfig.from_mapping(
        {"pacs_dicomweb_url": orthanc_web.web, "pacs_user": USER, "pacs_password": PASSWORD}
    )
    first, second = Report(), Report()
    open_pacs(config).fetch_study(files.STUDY, tmp_path, report=first)
    assert first.counts == {"fetched": 24}
    compressed = f"sam-{files.series_uid(3)}/{files.instance_uid(3, 1)}.dcm"
    assert paths(tmp_path) == names(3, 20) | {compressed}
    assert files.make(3, 1, compressed=True).PixelData in (tmp_path / compressed).read_bytes()
    open_pacs(config).fetch_study(files.STUDY, tmp_path, report=second)
    assert second.counts == {"present": 24}


def test_orthanc_through_a_connection_that_breaks(orthanc_web: Orthanc, tmp_path: Path) -> None:
    with FaultProxy(orthanc_web.url) as proxy:
        for after in (300, 700):
            proxy.fail(faults.cut(after), path=f"/dicom-web/studies/{files.STUDY}/series/*")
        config = PacsConfig.from_mapping(
            {"pacs_dicomweb_url": f"{proxy.url}/dicom-web", "pacs_user": USER, "pacs_password": PASSWORD}
        )
        report = Report()
        Pacs(config, policy=RetryPolicy(attempts=3), sleep=Clock().sleep).fetch_study(
            files.STUDY, tmp_path, report=report
        )
    assert report.counts == {"fetched": 24}


def test_orthanc_refuses_a_wrong_password(orthanc_web: Orthanc, tmp_path: Path) -> None:
    given = {"pacs_dicomweb_url": orthanc_web.web, "pacs_user": USER, "pacs_password": "wrong-s3cret"}
    with pytest.raises(AuthError) as caught:
        open_pacs(PacsConfig.from_mapping(given)).fetch_study(files.STUDY, tmp_path, report=Report())
    assert "s3cret" not in str(caught.value)


def test_orthanc_has_no_such_study(orthanc_web: Orthanc, tmp_path: Path) -> None:
    given = {"pacs_dicomweb_url": orthanc_web.web, "pacs_user": USER, "pacs_password": PASSWORD}
    report = Report()
    open_pacs(PacsConfig.from_mapping(given)).fetch_study("1.2.3", tmp_path, report=report)
    assert str(report.failures[0].error) == "The PACS has no study 1.2.3."


def test_only_what_is_missing_is_asked_for(web: Web, service: FakeServer, tmp_path: Path) -> None:
    assert web().counts == {"fetched": 5}
    gone = files.make(2, 2)
    (tmp_path / "study" / f"sam-{gone.SeriesInstanceUID}/{gone.SOPInstanceUID}.dcm").unlink()
    assert web().counts == {"present": 4, "fetched": 1}
    assert [service.count("GET", place(one)) for one in files.study(2, 3)] == [1, 1, 1, 2, 1]
    assert paths(tmp_path / "study") == names(2, 3)


def test_an_answer_that_is_not_made_of_parts_is_the_instance(web: Web, service: FakeServer) -> None:
    service.on(
        "GET", place(files.make()), Answer(200, files.encode(files.make()), {"Content-Type": "application/dicom"})
    )
    assert web().counts == {"fetched": 5}


def test_an_answer_that_ends_early_is_asked_for_again(web: Web, service: FakeServer, tmp_path: Path) -> None:
    whole = part(files.encode(files.make()))
    service.on("GET", place(files.make()), Answer(200, whole.body[:-20], whole.headers), whole)
    assert web().counts == {"fetched": 5}
    assert paths(tmp_path / "study") == names(2, 3)


def test_a_broken_instance_is_asked_for_a_few_times(web: Web, service: FakeServer) -> None:
    cut = part(files.encode(files.make())[:-20])
    service.on("GET", place(files.make()), cut)
    report = web()
    assert report.counts == {"fetched": 4, "failed": 1}
    assert isinstance(report.failures[0].error, IntegrityError)
    assert service.count("GET", place(files.make())) == 3


def test_the_wrong_instance_is_thrown_away(web: Web, service: FakeServer) -> None:
    service.on("GET", place(files.make(1, 1)), part(files.encode(files.make(1, 2))))
    report = web()
    assert report.counts == {"fetched": 4, "failed": 1}
    assert "SOPInstanceUID" in str(report.failures[0].error)


def test_an_instance_that_has_gone_is_named(web: Web, service: FakeServer) -> None:
    service.on("GET", place(files.make(2, 3)), Answer.problem(404, "gone", "It was deleted"))
    report = web()
    assert report.counts == {"fetched": 4, "failed": 1}
    assert report.failures[0].name.endswith(f"{files.instance_uid(2, 3)}.dcm")
    assert isinstance(report.failures[0].error, ApiError)


def test_pages(web: Web, service: FakeServer) -> None:
    # Records without UIDs are counted as failures, and not asked for.
    def page(request: Request) -> Answer:
        start, size = (int(request.params[key][0]) for key in ("offset", "limit"))
        return Answer.json([{}] * min(size, 1002 - start))

    service.on("GET", f"{STUDY}/instances", page)
    assert web().files == 1002
    assert service.count("GET", f"{STUDY}/instances") == 2


def test_a_service_without_pages_is_asked_once(web: Web, service: FakeServer) -> None:
    service.on("GET", f"{STUDY}/instances", Answer.json([{}] * 1002))
    assert web().files == 1002
    assert service.count("GET", f"{STUDY}/instances") == 1


@pytest.mark.parametrize(
    "record",
    [
        {},
        7,
        {"0020000E": {"Value": ["../../x"]}, "00080018": {"Value": ["1.2"]}},
        {"0020000E": {"Value": ["1.2"]}, "00080018": {"Value": [{"x": 1}]}},
        {"0020000E": {"Value": []}, "00080018": {}},
    ],
)
def test_bad_uids_are_failures_and_nothing_is_asked_for_them(web: Web, service: FakeServer, record: object) -> None:
    service.on("GET", f"{STUDY}/instances", Answer(200, json.dumps([record]).encode()))
    report = web()
    assert report.counts == {"failed": 1}
    assert "not a valid UID" in str(report.failures[0].error)
    assert len(service.requests) == 1


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1}', b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_list(web: Web, service: FakeServer, body: bytes) -> None:
    service.on("GET", f"{STUDY}/instances", Answer(200, body))
    with pytest.raises(TransferError, match="did not answer with a list"):
        web()


def test_a_service_that_does_not_answer(web: Web, service: FakeServer) -> None:
    service.on("GET", f"{STUDY}/instances", Answer.problem(503, "busy", "later"))
    with pytest.raises(NetworkError):
        web()


def test_tokens_of_the_session_are_never_sent(web: Web, service: FakeServer) -> None:
    service.on("GET", place(files.make()), Answer.problem(401, "who", "Who are you?"))
    session = Session(authorize=lambda rejected: Credentials("s3cret", "the commons"))
    for options in ({}, {"pacs_user": "me", "pacs_password": "pw"}):
        with pytest.raises(AuthError):
            web(session=session, **options)
    assert {request.headers.get("Authorization") for request in service.requests} == {None, "Basic bWU6cHc="}


def test_it_stops_when_it_is_told_to(service: FakeServer, tmp_path: Path) -> None:
    stop, report = threading.Event(), Report()
    pacs = open_pacs(PacsConfig.from_mapping({"pacs_dicomweb_url": service.url + BASE}))

    def stopping(request: Request) -> Answer:
        stop.set()
        return part(files.encode(files.make()))

    service.on("GET", place(files.make()), stopping)
    with pytest.raises(CancelledError):
        pacs.fetch_study(files.STUDY, tmp_path, report=report, stop=stop)
    assert report.counts["failed"] == 0


def test_a_folder_that_cannot_be_written(web: Web, tmp_path: Path) -> None:
    (tmp_path / "study").write_text("in the way")
    with pytest.raises(TransferError, match="Cannot write study/sam-"):
        web()
