"""The store of downloaded contents, and the links to it."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from hca_core.errors import TransferError
from hca_dss.filestore import FOLDER, Filestore, MakeLink, link, protect

DATA = b"@r1\nACGT\n+\nIIII\n"
SHA256 = "8add5b3bf0a7df65f939b0f2f0650f97ae63c37796bf0d1e769b384e666986cd"


def failing(number: int) -> MakeLink:
    def make_link(stored: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number))

    return make_link


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return Filestore(tmp_path).put(DATA)


def test_contents_are_addressed_by_checksum(tmp_path: Path) -> None:
    assert Filestore(tmp_path).path(SHA256.upper()) == tmp_path / ".hca/v2/files_2_4/8a/dd5b" / SHA256
    assert list(tmp_path.iterdir()) == []


def test_put_keeps_the_bytes_read_only(tmp_path: Path, stored: Path) -> None:
    assert stored == Filestore(tmp_path).path(SHA256)
    assert stored.read_bytes() == DATA
    assert stored.stat().st_mode & 0o777 == 0o444


def test_put_twice_writes_once(tmp_path: Path, stored: Path) -> None:
    before = stored.stat()
    assert Filestore(tmp_path).put(DATA).stat() == before


def test_put_repairs_a_damaged_file(tmp_path: Path, stored: Path) -> None:
    damage(stored, DATA.swapcase())
    assert Filestore(tmp_path).put(DATA).read_bytes() == DATA


def damage(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.parametrize("sha256", ["", "../../x", "zz" * 32])
def test_d2_a_bad_checksum_never_becomes_a_path(tmp_path: Path, sha256: str) -> None:
    with pytest.raises(TransferError, match="SHA-256"):
        Filestore(tmp_path).path(sha256)


def test_a_store_behind_a_planted_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / ".hca").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferError, match="symbolic link"):
        Filestore(root).put(DATA)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_d9_a_file_of_the_wrong_size_is_not_trusted(tmp_path: Path, stored: Path) -> None:
    store = Filestore(tmp_path)
    assert store.holds(SHA256, len(DATA))
    damage(stored, DATA + b"more")
    assert not store.holds(SHA256, len(DATA))


def test_d9_verify_finds_damage_that_kept_the_size(tmp_path: Path, stored: Path) -> None:
    store = Filestore(tmp_path)
    assert store.holds(SHA256, len(DATA), verify=True)
    damage(stored, DATA.swapcase())
    assert store.holds(SHA256, len(DATA))
    assert not store.holds(SHA256, len(DATA), verify=True)


def test_an_absent_content_is_not_held(tmp_path: Path) -> None:
    assert not Filestore(tmp_path).holds(SHA256, len(DATA))


def test_protect_takes_only_the_right_to_write(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch(mode=0o640)
    path.chmod(0o640)
    protect(path)
    assert path.stat().st_mode & 0o777 == 0o440


def test_link_is_a_hard_link_in_folders_made_for_it(tmp_path: Path, stored: Path) -> None:
    target = tmp_path / "bundle/reads/r1.fastq"
    link(stored, target)
    assert target.samefile(stored)
    link(stored, target)


@pytest.mark.parametrize("number", [errno.EMLINK, errno.EPERM, errno.EXDEV, errno.EACCES])
def test_d10_where_links_fail_a_copy_is_made_and_a_second_run_is_content(
    tmp_path: Path, stored: Path, number: int
) -> None:
    target = tmp_path / "out" / "r1.fastq"
    link(stored, target, make_link=failing(number))
    assert target.read_bytes() == DATA
    assert not target.samefile(stored)
    before = target.stat()
    link(stored, target, make_link=failing(number))
    link(stored, target, verify=True)
    assert target.stat() == before
    assert [path.name for path in target.parent.iterdir()] == ["r1.fastq"]


def test_a_link_that_another_process_makes_first_is_as_good(tmp_path: Path, stored: Path) -> None:
    target = tmp_path / "out" / "r1.fastq"

    def too_late(source: Path, place: Path) -> None:
        if place.parent.exists():
            os.link(stored, place)
        os.link(source, place)  # which is there, or whose folder is missing

    link(stored, target, make_link=too_late)
    assert target.samefile(stored)


def test_other_link_errors_are_not_hidden(tmp_path: Path, stored: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        link(stored, tmp_path / "x", make_link=failing(errno.ENOSPC))


def test_equal_content_put_there_by_someone_else_is_left_alone(tmp_path: Path, stored: Path) -> None:
    target = tmp_path / "r1.fastq"
    target.write_bytes(DATA)
    before = target.stat()
    link(stored, target)
    assert target.stat() == before


def test_other_content_is_never_silently_overwritten(tmp_path: Path, stored: Path) -> None:
    target = tmp_path / "r1.fastq"
    target.write_bytes(b"my notes")
    with pytest.raises(TransferError, match=r"r1\.fastq exists with other content"):
        link(stored, target)
    assert target.read_bytes() == b"my notes"


def test_verify_does_not_trust_an_equal_size_and_time(tmp_path: Path, stored: Path) -> None:
    target = tmp_path / "r1.fastq"
    target.write_bytes(DATA.swapcase())
    status = stored.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    link(stored, target)
    with pytest.raises(TransferError, match="other content"):
        link(stored, target, verify=True)


@pytest.mark.parametrize("make_link", [os.link, failing(errno.EXDEV)])
def test_overwrite_replaces_other_content(tmp_path: Path, stored: Path, make_link: MakeLink) -> None:
    target = tmp_path / "out" / "r1.fastq"
    target.parent.mkdir()
    target.write_bytes(b"my notes")
    link(stored, target, overwrite=True, make_link=make_link)
    assert target.read_bytes() == DATA
    assert [path.name for path in target.parent.iterdir()] == ["r1.fastq"]


def test_a_symlink_in_the_targets_place_is_not_followed(tmp_path: Path, stored: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    target = tmp_path / "r1.fastq"
    target.symlink_to(precious)
    with pytest.raises(TransferError, match="not a regular file"):
        link(stored, target, overwrite=True)
    assert precious.read_bytes() == b"precious"


def test_the_digest_of_the_fixture_is_right() -> None:
    assert hashlib.sha256(DATA).hexdigest() == SHA256


def test_what_may_be_there_is_told_by_the_folders(tmp_path: Path) -> None:
    empty = Filestore(tmp_path / "nowhere")
    assert not empty.may_hold(SHA256)
    Filestore(tmp_path).put(DATA)
    (tmp_path.joinpath(*FOLDER, SHA256[:2]) / "lost+found").mkdir()
    store = Filestore(tmp_path)
    assert store.may_hold(SHA256)
    near = f"{int(SHA256[2:6], 16) ^ 1:04x}"
    assert not store.may_hold(SHA256[:2] + near + SHA256[6:])
    assert not store.may_hold(f"{int(SHA256[:2], 16) ^ 1:02x}" + SHA256[2:])


def test_a_folder_of_the_store_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    outer = tmp_path.joinpath(*FOLDER, SHA256[:2])
    outer.parent.mkdir(parents=True)
    outer.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferError, match="symbolic link"):
        Filestore(tmp_path).may_hold(SHA256)
