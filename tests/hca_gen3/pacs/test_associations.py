"""Associations that are not opened, or not kept."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dicom_files as files
import pytest
import trustme
from dicom_peer import DicomPeer
from orthanc import free_port
from pydicom import Dataset

from hca_core.errors import AuthError, ConfigError, HcaError
from hca_core.testing import Clock
from hca_core.transfer.report import Report
from hca_gen3.pacs import PacsConfig
from hca_gen3.pacs.associations import Link
from hca_gen3.pacs.faults import BrokenError, RefusedError

Failure = Callable[..., HcaError]


def test_a_title_that_the_peer_does_not_have(peer: DicomPeer, failure: Failure) -> None:
    error = failure(peer, pacs_aec="OTHER")
    assert isinstance(error, ConfigError)
    assert error.key == "pacs_aec"
    assert "called AE title not recognized" in error.message


def test_a_title_that_the_peer_does_not_know(failure: Failure) -> None:
    with DicomPeer([], callers=("SOMEBODY",)) as peer:
        error = failure(peer, pacs_aet="ME")
    assert isinstance(error, AuthError)
    assert "calling AE title not recognized" in error.message
    assert "Have ME registered" in str(error.hint)


def test_a_peer_that_has_no_time_yet(peer: DicomPeer, fetch: Callable[..., Report], clock: Clock) -> None:
    peer.rejections.extend([(2, 3, 1), (2, 3, 2)])
    assert fetch(peer).counts == {"fetched": 5}
    assert clock.sleeps == [0.1, 0.2]


@pytest.mark.parametrize(
    ("rejection", "kind", "words"),
    [
        ((1, 1, 1), AuthError, "no reason given"),
        ((1, 2, 2), AuthError, "protocol version not supported"),
        ((2, 3, 1), BrokenError, "temporary congestion"),
        ((2, 3, 2), BrokenError, "as many associations as it allows"),
    ],
)
def test_a_rejection_in_words(
    peer: DicomPeer, failure: Failure, rejection: tuple[int, int, int], kind: type[HcaError], words: str
) -> None:
    peer.rejections.extend([rejection] * 3)
    error = failure(peer)
    assert type(error) is kind
    assert words in error.message


def test_nobody_is_there(failure: Failure, clock: Clock) -> None:
    error = failure(SimpleNamespace(port=free_port(), title="PEER"))
    assert isinstance(error, BrokenError)
    assert "cannot be reached: nobody answers there" in error.message
    assert "pacs_ip" in str(error.hint)
    assert clock.sleeps == [0.1, 0.2]


def test_a_host_that_does_not_exist(peer: DicomPeer, failure: Failure) -> None:
    assert "cannot be reached" in failure(peer, pacs_ip="no-such-host.invalid").message


def test_somebody_else_is_there(failure: Failure) -> None:
    def hang_up(server: socket.socket) -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        error = failure(SimpleNamespace(port=server.getsockname()[1], title="PEER"))
        server.shutdown(socket.SHUT_RDWR)
    assert "ended the connection" in error.message


def test_somebody_who_says_nothing(failure: Failure) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        error = failure(SimpleNamespace(port=server.getsockname()[1], title="PEER"), pacs_connect_timeout=0.1)
    assert isinstance(error, BrokenError)


class Association:
    """As much of an association as a Link touches."""

    def __init__(self) -> None:
        self.is_established, self.aborted = True, threading.Event()
        self.dimse = SimpleNamespace(msg_queue=SimpleNamespace(put=lambda item: self.aborted.set()))

    def abort(self) -> None:
        self.is_established = False

    def release(self) -> None:
        self.is_established = False


def link_of(association: Any, stop: threading.Event, clock: Clock) -> Link:
    config = PacsConfig(host="h", read_timeout=60.0)
    return Link(config, stop, clock.monotonic).begin(association)


def test_silence_ends_an_association_and_signs_of_life_do_not(clock: Clock) -> None:
    association = Association()
    with link_of(association, threading.Event(), clock) as link:
        clock.advance(50)
        link.touch()
        clock.advance(50)
        assert not association.aborted.wait(0.2)
        clock.advance(11)
        assert association.aborted.wait(5)
        with pytest.raises(BrokenError, match="sent nothing for 60 s"):
            list(link.answers(lambda: iter([(Dataset(), None)]), "search"))


def test_an_association_that_has_ended_since_the_last_request(clock: Clock) -> None:
    def refuse() -> Any:
        raise RuntimeError("must be established")

    link = link_of(Association(), threading.Event(), clock)
    with pytest.raises(BrokenError, match="asked to search and ended the association"):
        list(link.answers(refuse, "search"))
    link.close()


def test_a_stop_ends_an_association(clock: Clock) -> None:
    association, stop = Association(), threading.Event()
    with link_of(association, stop, clock):
        stop.set()
        assert association.aborted.wait(5)


def test_an_error_aborts_and_an_end_releases(clock: Clock) -> None:
    for error, expected in ((ZeroDivisionError, True), (None, False)):
        association = Association()
        try:
            with link_of(association, threading.Event(), clock):
                if error:
                    raise error
        except ZeroDivisionError:
            pass
        assert association.aborted.is_set() == expected
        assert not association.is_established


def test_tls(tmp_path: Path, failure: Failure, fetch: Callable[..., Report]) -> None:
    authority = trustme.CA()
    ours, theirs = authority.issue_cert("127.0.0.1"), authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    ours.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "me.pem"))
    options: dict[str, Any] = {
        "pacs_tls": True,
        "pacs_ca_bundle": str(tmp_path / "ca.pem"),
        "pacs_certificate": str(tmp_path / "me.pem"),
    }
    with DicomPeer(files.study(2, 3), certificate=theirs, authority=authority) as peer:
        assert fetch(peer, **options).counts == {"fetched": 5}
        assert "nobody answers there with a certificate that is trusted" in failure(peer, pacs_tls=True).message
        shutil.rmtree(tmp_path / "study")
        peer.send_to(port := free_port())
        assert fetch(peer, **options, pacs_route="move", pacs_move_port=port).counts == {"fetched": 5}
        assert failure(peer, **{**options, "pacs_certificate": str(tmp_path / "ca.pem")}).message.startswith(
            f"{tmp_path / 'ca.pem'} holds no certificate with its key"
        )
        (tmp_path / "empty.pem").write_text("nothing")
        error = failure(peer, **{**options, "pacs_ca_bundle": str(tmp_path / "empty.pem")})
        assert isinstance(error, ConfigError)
        assert error.key == "pacs_ca_bundle"


def test_a_peer_that_can_nothing(failure: Failure) -> None:
    with DicomPeer([], find=False) as peer:
        error = failure(peer)
    assert isinstance(error, RefusedError)
    assert "does not search" in error.message
