import os
import stat
from pathlib import Path

import pytest

from hca_core import paths
from hca_core.errors import ArgumentError, ConfigError, TransferError


def test_folders_are_paths(home: Path) -> None:
    found = [paths.config_dir(), paths.cache_dir(), paths.state_dir(), paths.data_dir()]
    assert found == [home / name / "hca" for name in (".config", ".cache", ".local/state", ".local/share")]


def test_atomic_write_is_private_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    paths.atomic_write(target, "text")
    assert target.read_text() == "text"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.parent.stat().st_mode) & 0o077 == 0
    assert os.listdir(target.parent) == ["file"]


def test_atomic_write_keeps_the_old_file_when_it_fails(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.mkdir()
    with pytest.raises(OSError):
        paths.atomic_write(target, b"x")
    assert os.listdir(tmp_path) == ["file"]


def test_private_dir_tightens_an_open_folder(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    paths.private_dir(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "name", ["a.json", "reads/r1.fastq.gz", ".hidden", "a b", "27604_8#296.cram", "ß/日本", "con1"]
)
def test_ordinary_names_are_kept(name: str) -> None:
    assert "/".join(paths.check_name(name, windows=False)) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("~/x", "absolute"),
        ("C:x", "absolute"),
        ("c:/x", "absolute"),
        ("../x", "'..'"),
        ("a/../../x", "'..'"),
        ("a/./b", "'.'"),
        ("a//b", "''"),
        ("dir/", "''"),
        ("a\\b", "backslash"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x1b[2Jb", "control"),
        ("a\x85b", "control"),
        ("\ud800", "control"),
        ("CON", "device"),
        ("dir/nul.txt", "device"),
        ("com1", "device"),
        ("LPT³.log", "device"),
        ("name.", "dot or a space"),
        ("dir /x", "dot or a space"),
        ("x" * 256, "255 bytes"),
        ("é" * 128, "255 bytes"),
    ],
)
def test_hostile_names_are_refused_by_name(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(TransferError) as caught:
        paths.safe_join(tmp_path, name)
    assert reason in caught.value.message
    assert repr(name) in caught.value.message
    assert os.listdir(tmp_path) == []


def test_windows_refuses_more() -> None:
    with pytest.raises(TransferError, match="Windows does not allow"):
        paths.check_name("what?.txt", windows=True)


def test_safe_join_refuses_symlinks_at_every_level(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "link").symlink_to(outside)
    (root / "sub" / "file").symlink_to(outside / "file")
    assert paths.safe_join(root, "sub/other") == root / "sub" / "other"
    for name in ("link/x", "sub/file"):
        with pytest.raises(TransferError, match="symbolic link"):
            paths.safe_join(root, name)


def test_checksums_and_uuids() -> None:
    assert paths.check_sha256("A" * 64) == "a" * 64
    assert paths.check_uuid("0A000000-0000-4000-8000-000000000001") == "0a000000-0000-4000-8000-000000000001"
    for bad in ("", "a" * 63, "g" * 64, "../" * 21 + "a", "a" * 64 + "\n"):
        with pytest.raises(TransferError, match="SHA-256"):
            paths.check_sha256(bad)
    with pytest.raises(ArgumentError, match="UUID"):
        paths.check_uuid("0a000000-0000-4000-8000-00000000000/")


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("x")
    file.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        paths.check_private(file)
    assert "chmod 600" in (caught.value.hint or "")
    file.chmod(0o600)
    paths.check_private(file)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("C:\\data\\x", "\\\\?\\C:\\data\\x"),
        ("\\\\server\\share\\x", "\\\\?\\UNC\\server\\share\\x"),
        ("\\\\?\\C:\\data", "\\\\?\\C:\\data"),
    ],
)
def test_long_paths_of_windows(path: str, form: str) -> None:
    assert paths.extended(path) == form


@pytest.mark.skipif(os.name == "nt", reason="elsewhere paths need no other form")
def test_other_systems_need_no_other_form(tmp_path: Path) -> None:
    assert paths.long_path(tmp_path) == tmp_path
