from __future__ import annotations

import os
from pathlib import Path

import pytest

from hca_core.transfer import private
from hca_core.transfer.private import Sweeper, beside, create, private_path, replacing, sweep

fcntl = pytest.importorskip("fcntl")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "f"


def names(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_block_that_ends_well_makes_the_target(target: Path) -> None:
    with replacing(target) as (_, file):
        file.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert names(target) == ["f"]


def test_a_block_that_fails_leaves_what_was_there(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(FileNotFoundError), replacing(target) as (path, _):
        path.rename(target.with_name("elsewhere")).read_text()
    target.with_name("elsewhere").unlink()
    assert target.read_bytes() == b"old"
    assert names(target) == ["f"]


@pytest.mark.parametrize(("keep", "kept"), [(None, b"ours"), (4, b"made"), (5, b"ours")])
def test_what_somebody_else_has_made_meanwhile_stays_if_it_is_as_large(
    keep: int | None, kept: bytes, target: Path
) -> None:
    with replacing(target, keep=keep) as (_, file):
        file.write(b"ours")
        target.write_bytes(b"made")
    assert target.read_bytes() == kept
    assert names(target) == ["f"]


def test_a_link_is_not_what_somebody_else_has_made(target: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"evil")
    with replacing(target, keep=4) as (_, file):
        file.write(b"ours")
        target.symlink_to(tmp_path / "elsewhere")
    assert target.read_bytes() == b"ours"
    assert (tmp_path / "elsewhere").read_bytes() == b"evil"


def test_what_nobody_writes_any_more_is_swept_away(target: Path) -> None:
    path, file = create(target)
    target.with_name("f.part").touch()
    target.with_name("f.hca-0123456789ABCDEF.part").touch()
    sweep(target.parent)
    assert len(names(target)) == 3
    file.close()  # as the end of a process does
    sweep(target.parent)
    assert not path.exists()
    assert len(names(target)) == 2


def test_a_folder_that_is_not_there_needs_no_sweeping(target: Path) -> None:
    sweep(target.parent)
    assert not target.parent.exists()


def test_a_link_is_not_taken_for_a_leftover(target: Path, tmp_path: Path) -> None:
    target.parent.mkdir()
    (tmp_path / "precious").touch()
    private_path(target, "0" * 16).symlink_to(tmp_path / "precious")
    sweep(target.parent)
    assert (tmp_path / "precious").exists()
    assert len(names(target)) == 1


def test_a_run_sweeps_each_folder_once(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweeper = Sweeper()
    sweeper(target.parent)
    create(target)[1].close()
    sweeper(target.parent)
    assert len(names(target)) == 1
    monkeypatch.setattr(private, "_MOST", 1)
    sweeper(target.parent.parent)
    sweeper(target.parent)
    assert names(target) == []


def test_a_new_file_that_is_swept_before_it_is_locked_is_made_again(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, calls = private.try_lock, []

    def late(descriptor: int) -> bool:
        if not calls:
            sweep(target.parent)
        calls.append(descriptor)
        return lock(descriptor)

    monkeypatch.setattr(private, "try_lock", late)
    path, file = create(target)
    with file:
        assert path.exists()
        other = os.open(path, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127])
def test_the_longest_names_have_room_for_ours(name: str, tmp_path: Path) -> None:
    with replacing(tmp_path / name) as (_, file):
        file.write(b"new")
    assert (tmp_path / name).read_bytes() == b"new"
    assert beside(tmp_path / name, ".part") != beside(tmp_path / f"{name[:-1]}x", ".part")
