from __future__ import annotations

import io
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hca_core.transfer.digest import checksums
from hca_local.dss.model import Bundle, Entry, File
from hca_local.dss.records import Records

SUMS = checksums(io.BytesIO(b""), 0)


def file(number: int, creator_uid: int = 1) -> File:
    return File(f"file-{number}", "v", creator_uid, "text/plain", 0, SUMS)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    found = Records(tmp_path / "dss")
    yield found
    found.close()


def test_the_first_of_many_writers_wins(records: Records) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda uid: records.put_file(file(0, uid)), range(40)))
    assert sum(created for _, created in results) == 1
    assert {stored for stored, _ in results} == {records.file("file-0", None)}


def test_finds_thousands_of_files_at_once(records: Records) -> None:
    for number in range(3):
        records.put_file(file(number))
    wanted = [(f"file-{number}", "v") for number in range(2, 2000)]
    assert records.files(wanted) == {("file-2", "v"): file(2)}


def test_a_bundle_is_written_whole_or_not_at_all(records: Records) -> None:
    records.put_file(file(0))
    entries = (Entry("a", False, file(0)), Entry("b", False, file(1)))
    with pytest.raises(sqlite3.IntegrityError):
        records.put_bundle(Bundle("u", "v", 1, entries), "{}")
    assert records.bundle("u", "v") is None
    assert records.revision() == (0, 0, 0)


def test_revision_changes_with_every_bundle_and_tombstone(records: Records) -> None:
    seen = {records.revision()}
    records.put_bundle(Bundle("u", "v", 1, ()), "{}")
    seen.add(records.revision())
    records.put_tombstone("u", "v", {})
    seen.add(records.revision())
    records.put_tombstone("u", None, {})
    seen.add(records.revision())
    assert len(seen) == 4


def test_readers_see_what_was_acknowledged_while_others_write(records: Records) -> None:
    def write_and_read(number: int) -> bool:
        records.put_file(file(number))
        bundle = Bundle(f"u{number}", "v", 1, (Entry("a", True, file(number)),))
        records.put_bundle(bundle, "{}")
        return records.bundle(f"u{number}", None) == (bundle, 1)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(40)))
    assert len(records.living("", ("", ""), 100)) == 40


@pytest.mark.skipif("os.name != 'posix'")
def test_only_the_user_can_read_it(records: Records, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "dss").stat().st_mode) == 0o700
