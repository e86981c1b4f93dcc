from __future__ import annotations

from pathlib import Path

from hca_core.transfer.durable import flush


def test_files_that_are_there_are_flushed(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(b"x")
    assert flush(paths) == {}


def test_a_file_that_is_gone_is_told_and_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    failed = flush([tmp_path / "gone", tmp_path / "there"])
    assert list(failed) == [tmp_path / "gone"]
    assert isinstance(failed[tmp_path / "gone"], FileNotFoundError)
