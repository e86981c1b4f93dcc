"""C-GET, from Orthanc and from a peer with faults."""

from __future__ import annotations

import re
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import dicom_files as files
import pytest
from dicom_files import names, paths
from dicom_peer import DicomPeer, abort, answer, send, wait
from orthanc import TITLE, Orthanc
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from hca_core.errors import HcaError, IntegrityError
from hca_core.testing import Clock
from hca_core.transfer.job import Silent
from hca_core.transfer.report import Report
from hca_gen3.pacs import PacsConfig, open_pacs
from hca_gen3.pacs.faults import BrokenError, RefusedError
from hca_gen3.pacs.get import storage_contexts

Fetch = Callable[..., Report]


def test_orthanc_gives_a_study(server: Orthanc, tmp_path: Path) -> None:
    server.know("GETTER", 1)
    given = {"pacs_ip": "127.0.0.1", "pacs_port": server.port, "pacs_aec": TITLE, "pacs_aet": "GETTER"}
    pacs, first, second = open_pacs(PacsConfig.from_mapping(given)), Report(), Report()

    pacs.fetch_study(files.STUDY, tmp_path, report=first)
    assert first.counts == {"fetched": 24}
    assert paths(tmp_path) == names(3, 20) | {f"sam-{files.series_uid(3)}/{files.instance_uid(3, 1)}.dcm"}
    original = files.encode(files.make(1, 2))
    fetched = (tmp_path / f"sam-{files.series_uid(1)}/{files.instance_uid(1, 2)}.dcm").read_bytes()
    assert fetched[-64:] == original[-64:]

    pacs.fetch_study(files.STUDY, tmp_path, report=second)
    assert second.counts == {"present": 24}
    assert second.transferred == 0


def test_orthanc_does_not_know_us(server: Orthanc, tmp_path: Path) -> None:
    given = {"pacs_ip": "127.0.0.1", "pacs_port": server.port, "pacs_aec": "SOMEBODY", "pacs_aet": "GETTER"}
    with pytest.raises(HcaError, match="Nobody at .* is called SOMEBODY") as caught:
        open_pacs(PacsConfig.from_mapping(given)).fetch_study(files.STUDY, tmp_path, report=Report())
    assert getattr(caught.value, "key", "") == "pacs_aec"


def test_a_study_from_a_peer(peer: DicomPeer, fetch: Fetch, tmp_path: Path) -> None:
    report = fetch(peer)
    assert report.counts == {"fetched": 5}
    assert report.transferred == sum(path.stat().st_size for path in tmp_path.rglob("*.dcm"))
    assert paths(tmp_path / "study") == names(2, 3)
    assert peer.asked == [("SERIES", [files.series_uid(1)]), ("SERIES", [files.series_uid(2)])]
    assert peer.associations == 2  # one for the search, one for all series


def test_only_what_is_missing_is_asked_for(peer: DicomPeer, fetch: Fetch, tmp_path: Path) -> None:
    fetch(peer)
    cut, gone = (tmp_path / "study" / f"sam-{files.series_uid(2)}/{files.instance_uid(2, n)}.dcm" for n in (1, 3))
    cut.write_bytes(cut.read_bytes()[:-1])
    gone.unlink()
    peer.asked.clear()
    report = fetch(peer)
    assert report.counts == {"present": 3, "fetched": 2}
    assert peer.asked == [("IMAGE", [files.instance_uid(2, 1), files.instance_uid(2, 3)])]
    assert paths(tmp_path / "study") == names(2, 3)


def test_a_broken_association_goes_on_where_it_stopped(peer: DicomPeer, fetch: Fetch, clock: Clock) -> None:
    peer.fail(send(files.study(2)), abort(after=2))
    report = fetch(peer)
    assert report.counts == {"fetched": 5}
    assert peer.asked[2:] == [("IMAGE", [files.instance_uid(2, 3)])]
    assert len(clock.sleeps) == 1


def test_a_peer_that_always_breaks_off_is_given_up(peer: DicomPeer, fetch: Fetch, clock: Clock) -> None:
    peer.fail(*[abort()] * 20)
    report = fetch(peer)
    assert report.counts == {"failed": 5}
    assert clock.sleeps == [0.1, 0.2]
    assert {type(failure.error) for failure in report.failures} == {BrokenError}
    assert "ended the association in the middle" in str(report.failures[0].error)


def test_one_instance_that_breaks_every_association_does_not_keep_the_others_away(
    peer: DicomPeer, fetch: Fetch
) -> None:
    bad = files.instance_uid(2, 1)

    def unless_bad(event: Any, found: list[Dataset]) -> Iterator[Any]:
        yield len(found)
        for one in found:
            if bad == one.SOPInstanceUID:
                event.assoc.abort()
                yield 0xFE00, None
                return
            yield 0xFF00, one

    peer.fail(*[unless_bad] * 20)
    report = fetch(peer)
    assert report.counts == {"fetched": 4, "failed": 1}
    assert report.failures[0].name.endswith(f"/{bad}.dcm")


@pytest.mark.parametrize("status", [0xA700, 0xA701, 0xA702])
def test_out_of_resources_is_waited_for(peer: DicomPeer, fetch: Fetch, clock: Clock, status: int) -> None:
    peer.fail(answer(status), answer(status))
    assert fetch(peer).counts == {"fetched": 5}
    assert clock.sleeps == [0.1, 0.2]


def test_what_the_peer_could_not_send_is_named(peer: DicomPeer, fetch: Fetch) -> None:
    bad = files.instance_uid(1, 1)
    failing = answer(0xB000, bad)
    peer.fail(send([files.make(1, 2)]), send(files.study(0, 3)), failing, failing)
    report = fetch(peer)
    assert report.counts == {"fetched": 4, "failed": 1}
    failure = report.failures[0]
    assert failure.name == f"study/sam-{files.series_uid(1)}/{bad}.dcm"
    assert str(failure.error) == "The PACS could not send it (sub-operation failed)."
    assert failure.attempts == 3
    assert peer.asked[2:] == [("IMAGE", [bad])] * 2


def test_what_was_forgotten_is_asked_for_again(peer: DicomPeer, fetch: Fetch) -> None:
    peer.fail(send([]), send(files.study(0, 3)))
    assert fetch(peer).counts == {"fetched": 5}


def test_a_peer_that_never_sends_an_instance(peer: DicomPeer, fetch: Fetch) -> None:
    peer.listed = [*peer.instances, files.make(1, 9)]
    report = fetch(peer)
    assert report.counts == {"fetched": 5, "failed": 1}
    # On a machine that is too slow for the peer, it ends the association instead, and that is what is said.
    assert re.search("listed it and did not send it|ended the association", str(report.failures[0].error))


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_an_instance_with_a_wrong_uid_is_thrown_away(
    peer: DicomPeer, fetch: Fetch, tmp_path: Path, keyword: str
) -> None:
    wrong = files.make(1, 1)
    setattr(wrong, keyword, "1.2.3")
    peer.fail(*[send([wrong, files.make(1, 2)]), send(files.study(0, 3)), send([wrong]), send([wrong])])
    report = fetch(peer)
    assert report.counts == {"fetched": 4, "failed": 1}
    assert isinstance(report.failures[0].error, IntegrityError)
    assert f"{keyword} is '1.2.3'" in str(report.failures[0].error)
    assert paths(tmp_path / "study") == names(2, 3) - {f"sam-{files.series_uid(1)}/{files.instance_uid(1, 1)}.dcm"}


def test_instances_of_other_studies_are_refused(peer: DicomPeer, fetch: Fetch, tmp_path: Path) -> None:
    peer.fail(send(files.study(2) + files.study(2, uid=files.OTHER_STUDY)))
    report = fetch(peer)
    assert report.counts == {"fetched": 5}
    assert paths(tmp_path) == {f"study/{name}" for name in names(2, 3)}


def test_duplicates_are_counted_once(peer: DicomPeer, fetch: Fetch) -> None:
    peer.fail(send(files.study(2) * 3))
    assert fetch(peer).counts == {"fetched": 5}


def test_a_peer_that_falls_silent(peer: DicomPeer, fetch: Fetch) -> None:
    peer.fail(wait(peer.released))
    report = fetch(peer, pacs_read_timeout=1)
    assert report.counts == {"fetched": 5}
    assert peer.associations == 3


def test_a_peer_without_c_get(fetch: Fetch) -> None:
    with DicomPeer(files.study(2), get=False) as peer, pytest.raises(RefusedError, match=r"C-GET") as caught:
        fetch(peer)
    assert "pacs_move_port" in str(caught.value.hint)


def test_a_peer_that_says_it_knows_no_such_request(peer: DicomPeer, failure: Callable[..., HcaError]) -> None:
    peer.fail(answer(0x0122))
    error = failure(peer)
    assert "not supported (0x0122)" in error.message
    assert isinstance(error, RefusedError)


def test_a_request_that_fails_is_made_smaller(peer: DicomPeer, fetch: Fetch) -> None:
    peer.fail(answer(0xA900), answer(0xC000))
    assert fetch(peer).counts == {"fetched": 5}
    assert [level for level, _ in peer.asked] == ["SERIES"] * 2 + ["IMAGE"] * 5


def test_the_reason_of_a_failure_is_told(peer: DicomPeer, fetch: Fetch) -> None:
    peer.fail(*[answer(0xC123)] * 20)
    report = fetch(peer)
    assert report.counts == {"failed": 5}
    assert "unable to process (0xC123)" in str(report.failures[0].error)


def test_it_stops_when_it_is_told_to(peer: DicomPeer, tmp_path: Path) -> None:
    stop, report = threading.Event(), Report()
    peer.fail(send(files.study(2)), wait(peer.released))

    class Stopping(Silent):
        def done(self, name: str) -> None:
            if name.endswith(f"{files.instance_uid(1, 2)}.dcm"):
                threading.Timer(0.05, stop.set).start()

    given = {"pacs_ip": "127.0.0.1", "pacs_port": peer.port, "pacs_aec": peer.title}
    with pytest.raises(CancelledError):
        open_pacs(PacsConfig.from_mapping(given)).fetch_study(
            files.STUDY, tmp_path, report=report, progress=Stopping(), stop=stop
        )
    assert report.counts == {"fetched": 2}


def test_many_instances_need_no_more_memory(fetch: Fetch) -> None:
    def lazily(event: Any, found: list[Dataset]) -> Iterator[Any]:
        yield len(found)
        for one in found:
            yield 0xFF00, files.make(1, one.InstanceNumber, rows=32_000)

    with DicomPeer([files.make(1, number, rows=1) for number in range(1, 41)]) as peer:
        peer.fail(lazily)
        tracemalloc.start()
        try:
            report = fetch(peer)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert report.counts == {"fetched": 40}
    assert report.transferred > 40 * 256_000
    assert peak < 5_000_000  # the peer's part included


def test_every_compression_has_a_context_where_there_is_room() -> None:
    contexts = storage_contexts({SecondaryCaptureImageStorage}, 127)
    assert {context.abstract_syntax for context in contexts} == {SecondaryCaptureImageStorage}
    assert len(contexts) > 10
    assert [len(context.transfer_syntax) for context in contexts[:2]] == [2, 1]


@pytest.mark.parametrize("kinds", [{""}, {f"1.2.{number}" for number in range(100)}, {str(n) for n in range(200)}])
def test_many_kinds_share_their_contexts(kinds: set[str]) -> None:
    contexts = storage_contexts(kinds, 127)
    assert 100 <= len(contexts) <= 127
    assert all(len(context.transfer_syntax) > 10 for context in contexts)
