"""C-MOVE to a receiver of ours, from Orthanc and from a peer with faults."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dicom_files as files
import pytest
from dicom_files import names, paths
from dicom_peer import DicomPeer, abort, answer, first, send, wait
from orthanc import TITLE, Orthanc, free_port
from pynetdicom import AE, Association
from pynetdicom.sop_class import SecondaryCaptureImageStorage

from hca_core.errors import ConfigError, HcaError, TransferError
from hca_core.transfer.report import Report
from hca_gen3.pacs import PacsConfig, open_pacs

Move = Callable[..., Report]


@pytest.fixture
def port(peer: DicomPeer) -> int:
    """A free port, which the peer sends to."""
    free = free_port()
    peer.send_to(free)
    return free


@pytest.fixture
def move(peer: DicomPeer, port: int, fetch: Move) -> Iterator[Move]:
    """Fetch by C-MOVE; at the end nobody listens any more."""
    yield lambda **options: fetch(peer, pacs_route="move", pacs_move_port=port, **options)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def send_to(port: int, *, calling: str = "PEER", called: str = "HCA", source: str = "127.0.0.1") -> Association:
    """Open an association with the receiver, as the PACS would or as somebody else."""
    entity = AE(calling)
    entity.add_requested_context(SecondaryCaptureImageStorage)
    return entity.associate("127.0.0.1", port, ae_title=called, bind_address=(source, 0))


def test_orthanc_sends_a_study(server: Orthanc, tmp_path: Path) -> None:
    port = free_port()
    server.know("MOVER", port)
    given = {"pacs_ip": "127.0.0.1", "pacs_port": server.port, "pacs_aec": TITLE, "pacs_aet": "MOVER"}
    pacs = open_pacs(PacsConfig.from_mapping({**given, "pacs_move_port": port, "pacs_route": "move"}))
    first, second = Report(), Report()
    pacs.fetch_study(files.STUDY, tmp_path, report=first)
    assert first.counts == {"fetched": 24}
    gone = tmp_path / f"sam-{files.series_uid(2)}/{files.instance_uid(2, 7)}.dcm"
    gone.unlink()
    pacs.fetch_study(files.STUDY, tmp_path, report=second)
    assert second.counts == {"present": 23, "fetched": 1}
    assert gone.exists()


def test_orthanc_does_not_know_where_to_send(server: Orthanc, tmp_path: Path) -> None:
    server.know("ASKER", 1)
    given = {"pacs_ip": "127.0.0.1", "pacs_port": server.port, "pacs_aec": TITLE, "pacs_aet": "ASKER"}
    config = PacsConfig.from_mapping({**given, "pacs_move_port": free_port(), "pacs_route": "move"})
    report = Report()
    open_pacs(config).fetch_study(files.STUDY, tmp_path, report=report)
    assert report.counts == {"failed": 24}
    assert "has not connected to port" in str(report.failures[0].error.hint if report.failures[0].error else "")


def test_a_study_from_a_peer(move: Move, peer: DicomPeer, tmp_path: Path) -> None:
    assert move().counts == {"fetched": 5}
    assert paths(tmp_path) == {f"study/{name}" for name in names(2, 3)}
    assert [level for level, _ in peer.asked] == ["SERIES", "SERIES"]


def test_it_takes_over_where_c_get_is_refused(tmp_path: Path, fetch: Move) -> None:
    with DicomPeer(files.study(2), get=False) as peer:
        peer.send_to(port := free_port())
        report = fetch(peer, pacs_move_port=port)
    assert report.counts == {"fetched": 2}


def test_a_peer_that_does_not_know_the_destination(peer: DicomPeer, failure: Callable[..., HcaError]) -> None:
    error = failure(peer, pacs_route="move", pacs_move_port=free_port(), pacs_aet="ME")
    assert isinstance(error, ConfigError)
    assert error.key == "pacs_aet"
    assert "move destination unknown (0xA801)" in error.message
    assert "the AE title ME registered" in str(error.hint)


def test_a_port_that_is_in_use(peer: DicomPeer, failure: Callable[..., HcaError]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        error = failure(peer, pacs_route="move", pacs_move_port=other.getsockname()[1])
    assert isinstance(error, ConfigError)
    assert error.key == "pacs_move_port"
    assert "in use" in error.message


def test_a_broken_association_goes_on_where_it_stopped(move: Move, peer: DicomPeer) -> None:
    peer.fail(send(files.study(2)), abort(after=2))
    assert move().counts == {"fetched": 5}
    assert peer.asked[2:] == [("IMAGE", [files.instance_uid(2, 3)])]


def test_instances_of_other_studies_are_refused(move: Move, peer: DicomPeer, tmp_path: Path) -> None:
    peer.fail(send(files.study(2) + files.study(2, uid=files.OTHER_STUDY)))
    assert move().counts == {"fetched": 5}
    assert paths(tmp_path) == {f"study/{name}" for name in names(2, 3)}


@pytest.mark.parametrize(
    "stranger", [{"calling": "ELSE"}, {"called": "ELSE"}, {"source": "127.0.0.2"}], ids=lambda one: str(one)
)
def test_associations_of_others_are_refused(move: Move, peer: DicomPeer, port: int, stranger: dict[str, str]) -> None:
    seen: list[Association] = []
    peer.fail(first(lambda: seen.append(send_to(port, **stranger))))
    assert move().counts == {"fetched": 5}
    assert [one.is_established for one in seen] == [False]


def test_another_address_can_be_a_sender(move: Move, peer: DicomPeer, port: int) -> None:
    seen: list[bool] = []

    def visit() -> None:
        association = send_to(port, source="127.0.0.2")
        seen.append(association.is_established)
        association.abort()

    peer.fail(first(visit))
    assert move(pacs_senders="127.0.0.2").counts == {"fetched": 5}
    assert seen == [True]


def test_who_was_refused_is_told_when_nothing_came(move: Move, peer: DicomPeer, port: int) -> None:
    def visit(event: Any, found: list[Any]) -> Iterator[Any]:
        send_to(port, calling="NODE2")
        yield from answer(0xC000)(event, found)

    peer.fail(*[visit] * 20)
    report = move()
    assert report.counts == {"failed": 5}
    error = report.failures[0].error
    assert error is not None
    assert "'NODE2' from 127.0.0.1" in str(error.hint)


def test_it_listens_only_while_it_fetches(move: Move, peer: DicomPeer, port: int) -> None:
    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    seen: list[bool] = []
    peer.fail(first(lambda: seen.append(is_open())))
    before = is_open()
    move()
    assert [before, *seen, is_open()] == [False, True, False]


def test_a_peer_that_answers_before_it_has_sent(move: Move, peer: DicomPeer, port: int) -> None:
    def later(event: Any, found: list[Any]) -> Iterator[Any]:
        association = send_to(port)

        def deliver() -> None:
            for one in found:
                association.send_c_store(one)
            association.release()

        threading.Thread(target=deliver, daemon=True).start()
        yield 0

    peer.fail(later, later)
    assert move().counts == {"fetched": 5}
    assert [level for level, _ in peer.asked] == ["SERIES", "SERIES"]


def test_a_peer_that_falls_silent(move: Move, peer: DicomPeer) -> None:
    peer.fail(wait(peer.released))
    assert move(pacs_read_timeout=1).counts == {"fetched": 5}


def test_a_folder_that_cannot_be_written(move: Move, peer: DicomPeer, tmp_path: Path) -> None:
    (tmp_path / "study").write_text("in the way")
    with pytest.raises(TransferError, match="Cannot write study/sam-"):
        move()
    assert len(peer.asked) == 1


def test_two_studies_at_once_take_turns_at_the_port(peer: DicomPeer, port: int, tmp_path: Path) -> None:
    given = {"pacs_ip": "127.0.0.1", "pacs_port": peer.port, "pacs_aec": peer.title, "pacs_route": "move"}
    pacs, reports = open_pacs(PacsConfig.from_mapping({**given, "pacs_move_port": port})), [Report(), Report()]
    threads = [
        threading.Thread(target=pacs.fetch_study, args=(uid, tmp_path / uid), kwargs={"report": report})
        for uid, report in zip((files.STUDY, files.OTHER_STUDY), reports, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [report.counts for report in reports] == [{"fetched": 5}, {"fetched": 2}]
