"""Temporary folders, and what killed runs left of theirs."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from hca_core.errors import TransferError
from hca_dss.passage import Space, temporary_folder


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_folders_of_killed_runs_are_removed_and_those_in_use_are_not(spool: Path) -> None:
    with temporary_folder() as used:
        (used / "content").write_bytes(b"being sent")
        killed = spool / "hca-dss-killed"
        killed.mkdir()
        (killed / "in-use.hca-0123456789abcdef.part").touch()
        (killed / "content").write_bytes(b"left behind")
        (spool / "hca-dss-new").mkdir()
        with temporary_folder():
            left = {path.name for path in spool.iterdir()}
            assert not killed.exists()
            assert {used.name, "hca-dss-new"} < left
        assert (used / "content").read_bytes() == b"being sent"
    assert [path.name for path in spool.iterdir()] == ["hca-dss-new"]


def test_a_link_that_looks_like_such_a_folder_is_not_followed(spool: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "in-use.hca-0123456789abcdef.part").touch()
    (spool / "hca-dss-evil").symlink_to(other)
    with temporary_folder():
        assert [path.name for path in other.iterdir()] == ["in-use.hca-0123456789abcdef.part"]


def test_who_needs_more_than_is_left_waits() -> None:
    space, stop, entered = Space(10), threading.Event(), threading.Event()

    def need_five() -> None:
        with space.taken("second", 5, stop):
            entered.set()

    waiting = threading.Thread(target=need_five)
    with space.taken("first", 6, stop), space.taken("small", 4, stop):
        waiting.start()
        assert not entered.wait(0.05)
    waiting.join(10)
    assert entered.is_set()


def test_waiting_ends_when_everything_does() -> None:
    space, stop = Space(10), threading.Event()
    stop.set()
    with space.taken("first", 6, stop), pytest.raises(CancelledError), space.taken("second", 5, stop):
        pass


def test_what_can_never_fit_is_refused_and_takes_nothing() -> None:
    space, stop = Space(10), threading.Event()
    refusal = pytest.raises(TransferError, match=r"big has 1,000 bytes, but only 10 are free in the temporary folder")
    with refusal, space.taken("big", 1000, stop):
        pass
    with space.taken("all", 10, stop):
        pass
