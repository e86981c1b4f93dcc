"""The folder of a study, by itself."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import dicom_files as files
import pytest
from dicom_files import names, paths

from hca_core.errors import IntegrityError, TransferError
from hca_core.transfer.job import Silent
from hca_core.transfer.pool import Batch
from hca_core.transfer.report import Report
from hca_gen3.pacs.faults import StrangerError
from hca_gen3.pacs.instances import Instance
from hca_gen3.pacs.shelf import Shelf

ONE = Instance(files.series_uid(1), files.instance_uid(1, 1))


class Told(Silent):
    """Remembers what a progress is told."""

    def __init__(self) -> None:
        self.words: list[object] = []

    def add(self, name: str, size: int | None) -> None:
        self.words.append(("add", name, size))

    def advance(self, name: str, count: int) -> None:
        self.words.append(("advance", name, count))

    def done(self, name: str) -> None:
        self.words.append(("done", name))


@pytest.fixture
def report() -> Report:
    return Report()


@pytest.fixture
def batch(report: Report) -> Batch:
    return Batch(report, None)


@pytest.fixture
def shelf(tmp_path: Path, batch: Batch) -> Shelf:
    made = Shelf(files.STUDY, tmp_path / "s", batch, Silent())
    made.expect(ONE)
    return made


def test_bytes_become_a_file_or_nothing(shelf: Shelf, tmp_path: Path) -> None:
    content = files.encode(files.make())
    with pytest.raises(IntegrityError):
        shelf.put(ONE.uid, [content[:300]])
    assert paths(tmp_path) == set()
    shelf.put(ONE.uid, [content[:300], content[300:]])
    assert paths(tmp_path / "s") == names(1)
    assert shelf.arrived == 1
    assert shelf.requests() == []


def test_what_an_interrupted_run_has_left_is_swept(shelf: Shelf, tmp_path: Path) -> None:
    folder = tmp_path / "s" / f"sam-{ONE.series}"
    folder.mkdir(parents=True)
    (folder / f"{ONE.uid}.dcm.hca-0123456789abcdef.part").write_bytes(b"half")
    shelf.put(ONE.uid, [files.encode(files.make())])
    assert paths(tmp_path / "s") == names(1)


def test_a_file_that_is_there_stays_as_it_is(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(ONE.uid, [files.encode(files.make())])
    path = tmp_path / "s" / ONE.name
    before = path.stat().st_ino
    shelf.put(ONE.uid, [b"something else"])
    assert path.stat().st_ino == before


def test_strangers_are_refused(shelf: Shelf, tmp_path: Path) -> None:
    for uid in (files.instance_uid(1, 2), "../../x", ""):
        with pytest.raises(StrangerError):
            shelf.put(uid, [b"x"])
    assert paths(tmp_path) == set()


def test_a_full_disk_is_the_end(shelf: Shelf, tmp_path: Path) -> None:
    def full() -> object:
        raise OSError(errno.ENOSPC, "No space left on device")
        yield b""

    with pytest.raises(TransferError, match="No space left for s/sam-"):
        shelf.put(ONE.uid, full())  # type: ignore[arg-type]
    with pytest.raises(TransferError, match="No space left"):
        shelf.put(ONE.uid, [files.encode(files.make())])
    assert shelf.problem is not None
    assert paths(tmp_path) == set()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_is_not_followed(tmp_path: Path, batch: Batch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / f"sam-{ONE.series}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferError, match="is a symbolic link"):
        Shelf(files.STUDY, tmp_path / "s", batch, Silent()).expect(ONE)


def test_progress_and_results(tmp_path: Path, report: Report, batch: Batch) -> None:
    told = Told()
    shelf = Shelf(files.STUDY, tmp_path / "s", batch, told)
    shelf.expect(ONE)
    two = Instance(files.series_uid(1), files.instance_uid(1, 2))
    shelf.expect(two)
    content = files.encode(files.make())
    shelf.put(ONE.uid, [content])
    shelf.give_up(TransferError("It did not come."))
    batch.settle()
    name, other = f"s/{ONE.name}", f"s/{two.name}"
    assert told.words == [
        ("add", name, None),
        ("add", other, None),
        ("advance", name, len(content)),
        ("done", name),
        ("done", other),
    ]
    assert report.counts == {"fetched": 1, "failed": 1}
    assert report.transferred == len(content)
    assert [(failure.name, str(failure.error)) for failure in report.failures] == [(other, "It did not come.")]
