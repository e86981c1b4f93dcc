"""What a PACS says of a study, which need not be true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dicom_files as files
import pytest
from dicom_files import names, paths
from dicom_peer import DicomPeer

from hca_core.errors import AuthError, HcaError, TransferError
from hca_core.testing import Clock
from hca_core.transfer.report import Report
from hca_gen3.pacs.faults import BrokenError, RefusedError

Fetch = Callable[..., Report]


def test_a_study_that_is_not_there(peer: DicomPeer, fetch: Fetch) -> None:
    report = fetch(peer, "1.2.3")
    assert report.counts == {"failed": 1}
    assert report.failures[0].name == "study"
    assert str(report.failures[0].error) == "The PACS has no study 1.2.3."
    assert peer.asked == []


def test_a_study_uid_that_is_none(peer: DicomPeer, fetch: Fetch) -> None:
    with pytest.raises(TransferError, match="not a valid UID of a study"):
        fetch(peer, "*")
    assert peer.associations == 0


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI", "ignore:The value length")
@pytest.mark.parametrize("uid", ["../../../x", "1.2/../../y", "", "9" * 65, "1..2"])
@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "SOPInstanceUID"])
def test_bad_uids_are_failures_and_no_paths(
    peer: DicomPeer, fetch: Fetch, tmp_path: Path, uid: str, keyword: str
) -> None:
    bad = files.make(9, 9)
    setattr(bad, keyword, uid)
    peer.listed = [*peer.instances, bad]
    report = fetch(peer)
    assert report.counts == {"fetched": 5, "failed": 1}
    assert "is not a valid UID" in str(report.failures[0].error)
    assert paths(tmp_path) == {f"study/{name}" for name in names(2, 3)}


def test_an_instance_that_is_listed_twice_is_one(peer: DicomPeer, fetch: Fetch) -> None:
    again = files.make(1, 1)
    again.SeriesInstanceUID = files.series_uid(7)
    peer.listed = [*peer.instances, again]
    assert fetch(peer).counts == {"fetched": 5}


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("kind", ["", "nonsense", "../.."])
def test_kinds_that_are_not_told(peer: DicomPeer, fetch: Fetch, kind: str) -> None:
    peer.listed = files.study(2)
    for one in peer.listed:
        one.SOPClassUID = kind
    assert fetch(peer).counts == {"fetched": 2}


def test_a_busy_peer_is_asked_again(peer: DicomPeer, fetch: Fetch, clock: Clock) -> None:
    peer.refuse_search(0xA700, 0xA700)
    assert fetch(peer).counts == {"fetched": 5}
    assert clock.sleeps == [0.1, 0.2]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (0xA700, BrokenError, "out of resources (0xA700)"),
        (0xA900, TransferError, "does not match its kind (0xA900)"),
        (0xC001, TransferError, "unable to process (0xC001)"),
        (0x0122, RefusedError, "not supported (0x0122)"),
        (0x0124, AuthError, "not authorized (0x0124)"),
    ],
)
def test_a_search_that_fails(
    peer: DicomPeer, failure: Callable[..., HcaError], status: int, kind: type[HcaError], words: str
) -> None:
    peer.refuse_search(*[status] * 3)
    error = failure(peer)
    assert type(error) is kind
    assert error.message == f"The PACS PEER at 127.0.0.1:{peer.port} failed to search: {error.message.split(': ')[-1]}"
    assert words in error.message
