"""What is below a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hca_core.errors import TransferError
from hca_core.transfer.walk import walk


def test_everything_but_folders(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "y" / ".hidden").touch()
    (tmp_path / "x" / "dangling").symlink_to("nowhere")
    (tmp_path / "x" / "up").symlink_to("..")
    (tmp_path / "f").touch()
    skipped: list[Path] = []
    found = sorted(walk(tmp_path, skipped))
    assert found == [tmp_path / "f", tmp_path / "x" / "dangling", tmp_path / "x" / "y" / ".hidden"]
    assert skipped == [tmp_path / "x" / "up"]


def test_a_folder_that_cannot_be_read_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)  # root may read every folder
    with pytest.raises(TransferError, match=r"cannot be read: Permission denied\."):
        list(walk(tmp_path, []))
