"""PACS to fetch from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dicom_files
import orthanc
import pytest
from dicom_peer import DicomPeer

from hca_core.errors import HcaError
from hca_core.retry import RetryPolicy
from hca_core.testing import Clock
from hca_core.transfer.report import Report
from hca_gen3.pacs import PacsConfig
from hca_gen3.pacs.pacs import Pacs

Fetch = Callable[..., Report]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[orthanc.Orthanc]:
    """Orthanc with a study of two series and a compressed instance, and another study."""
    program = orthanc.find()
    if program is None:
        pytest.skip("Orthanc is not here; sh tests/install_orthanc.sh .venv/orthanc")
    with orthanc.Orthanc(program, tmp_path_factory.mktemp("orthanc")) as started:
        instances = [*dicom_files.study(3, 20), dicom_files.make(3, 1, compressed=True)]
        for one in instances + dicom_files.study(2, uid=dicom_files.OTHER_STUDY):
            started.send("POST", "/instances", dicom_files.encode(one))
        yield started


@pytest.fixture
def peer() -> Iterator[DicomPeer]:
    """A PACS that does as it is told, with a study of two series and another study."""
    instances = dicom_files.study(2, 3) + dicom_files.study(2, uid=dicom_files.OTHER_STUDY)
    with DicomPeer(instances) as started:
        yield started


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fetch(tmp_path: Path, clock: Clock) -> Fetch:
    """Fetch the study into `tmp_path/study` from a peer; what is raised is raised."""

    def run(peer: DicomPeer, study: str = dicom_files.STUDY, **options: object) -> Report:
        pacs = open_peer(peer, clock, **options)
        report = Report()
        pacs.fetch_study(study, tmp_path / "study", report=report)
        return report

    return run


@pytest.fixture
def failure(fetch: Fetch) -> Callable[..., HcaError]:
    """Fetch, and return what is raised."""

    def run(peer: DicomPeer, **options: object) -> HcaError:
        with pytest.raises(HcaError) as caught:
            fetch(peer, **options)
        return caught.value

    return run


def open_peer(peer: DicomPeer, clock: Clock, **options: object) -> Pacs:
    config = {"pacs_ip": "127.0.0.1", "pacs_port": peer.port, "pacs_aec": peer.title, **options}
    policy = RetryPolicy(attempts=3, jitter=0)
    return Pacs(PacsConfig.from_mapping(config), policy=policy, sleep=clock.sleep)
