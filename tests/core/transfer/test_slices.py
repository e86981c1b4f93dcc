from __future__ import annotations

import io
from pathlib import Path

import pytest

from hca_core.errors import TransferError
from hca_core.transfer.slices import Part, Slice, cut


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    return path


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (0, []),
        (4, [Part(1, 0, 4)]),
        (8, [Part(1, 0, 4), Part(2, 4, 4)]),
        (9, [Part(1, 0, 4), Part(2, 4, 4), Part(3, 8, 1)]),
    ],
)
def test_a_file_is_cut_into_parts(size: int, parts: list[Part]) -> None:
    assert list(cut(size, 4)) == parts


def test_a_slice_is_a_file_of_its_own(path: Path) -> None:
    told: list[int] = []
    with Slice(path, Part(2, 3, 5), told.append) as body:
        assert (len(body), body.read(2), body.tell()) == (5, b"34", 2)
        assert (body.read(), body.read()) == (b"567", b"")
        assert (body.seek(0, io.SEEK_END), body.seek(-1, io.SEEK_CUR), body.read(9)) == (5, 4, b"7")
    assert sum(told) == 5


def test_what_must_be_sent_again_is_taken_back(path: Path) -> None:
    told: list[int] = []
    with Slice(path, Part(2, 3, 5), told.append) as body:
        body.read()
        body.seek(0)
        assert told == [5]  # who seeks may only measure
        body.take_back()
        assert told == [5, -5]
        body.read()
    assert told == [5, -5, 5]


def test_a_file_that_became_shorter_is_noticed(path: Path) -> None:
    with Slice(path, Part(1, 5, 6), lambda _: None) as body, pytest.raises(TransferError, match="became shorter"):
        body.read()
