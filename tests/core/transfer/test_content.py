from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from hca_core.errors import TransferError
from hca_core.transfer.content import Reading, read_content
from hca_core.transfer.digest import checksums
from hca_core.transfer.ring import BLOCK

PART = BLOCK + 1
SIZE = 3 * PART + 7


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_bytes(os.urandom(SIZE))
    return path


def md5s(path: Path) -> list[str]:
    data = path.read_bytes()
    return [hashlib.md5(data[start : start + PART]).hexdigest() for start in range(0, len(data), PART)]


def test_the_content_has_the_md5_of_each_part(path: Path) -> None:
    told: list[int] = []
    content = read_content(path, SIZE, part=PART, on_bytes=told.append)
    assert list(content.md5s) == md5s(path)
    assert (content.size, content.part, sum(told)) == (SIZE, PART, SIZE)
    assert content.checksums == checksums(path, part=PART)


@pytest.mark.parametrize("size", [0, 5])
def test_a_small_file_has_one_part(size: int, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(size))
    content = read_content(tmp_path / "f", size)
    assert content.md5s == (content.checksums.s3_etag,) == (hashlib.md5(bytes(size)).hexdigest(),)
    with Reading(tmp_path / "f", size, 100) as reading:
        assert reading.md5(1) == content.checksums.s3_etag


def test_what_is_known_of_a_file_is_told_while_it_is_read(path: Path) -> None:
    with Reading(path, SIZE, PART) as reading:
        assert [reading.md5(number) for number in (4, 1, 2, 3)] == [md5s(path)[index] for index in (3, 0, 1, 2)]
        assert reading.checksums() == checksums(path, part=PART)


def test_a_file_that_was_read_is_not_read_again(path: Path) -> None:
    content = read_content(path, SIZE, part=PART)
    path.unlink()
    with Reading(path, SIZE, PART, content) as reading:
        assert (reading.md5(4), reading.checksums()) == (content.md5s[3], content.checksums)


def test_what_was_found_with_other_parts_is_of_no_use(path: Path) -> None:
    with Reading(path, SIZE, PART, read_content(path, SIZE, part=2 * PART)) as reading:
        assert reading.md5(4) == md5s(path)[3]


def test_everybody_who_waits_is_told_why_there_is_nothing(path: Path) -> None:
    with Reading(path, SIZE + 1, PART) as reading:
        with pytest.raises(TransferError, match="changed while it was read"):
            reading.checksums()
        with pytest.raises(TransferError, match="changed while it was read"):
            reading.md5(4)
    path.unlink()
    with Reading(path, SIZE, PART) as reading, pytest.raises(FileNotFoundError):
        reading.md5(1)


def test_reading_ends_when_nobody_wants_to_know_any_more(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**40)
    with Reading(path, 2**40, 2**30):
        reader = next(thread for thread in threading.enumerate() if thread.name == "hca-reading")
    reader.join(10)
    assert not reader.is_alive()
