"""Comparing what was downloaded with its manifest, without a network."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, FILE_VERSION, file_uuid

from hca_core.errors import ArgumentError, TransferError
from hca_core.testing import run
from hca_dss.filestore import Filestore
from hca_dss.rows import REQUIRED
from hca_dss.verify import verify

DATA = {"a.json": b"{}", "reads/r1.fastq": b"@r1\nACGT\n", "empty": b""}


def line(number: int, name: str, data: bytes, *more: str) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    cells = [BUNDLE_UUID, BUNDLE_VERSION, name, file_uuid(number), sha256, str(len(data)), FILE_VERSION, *more]
    return "\t".join(cells) + "\n"


def header(*more: str) -> str:
    return "\t".join([*REQUIRED, "file_version", *more]) + "\n"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest beside a store that has all that it lists."""
    store = Filestore(tmp_path)
    for data in DATA.values():
        store.put(data).chmod(0o644)
    path = tmp_path / "m.tsv"
    path.write_text(header() + "".join(line(number, *pair) for number, pair in enumerate(DATA.items(), 1)))
    return path


def stored(manifest: Path, name: str) -> Path:
    return Filestore(manifest.parent).path(hashlib.sha256(DATA[name]).hexdigest())


def test_all_is_well(manifest: Path) -> None:
    found = verify(manifest)
    assert found.as_record() == {
        "rows": 3,
        "ok": 3,
        "checked_bytes": 11,
        "missing": [],
        "corrupt": [],
        "invalid": [],
    }
    found.raise_for_bad()


def test_d9_damage_of_the_same_size_is_found(manifest: Path) -> None:
    stored(manifest, "reads/r1.fastq").write_bytes(b"@r1\nACGA\n")
    record = verify(manifest).as_record()
    assert record["ok"] == 2
    (corrupt,) = record["corrupt"]
    assert (corrupt["line"], corrupt["name"]) == (3, "reads/r1.fastq")
    assert corrupt["path"] == str(stored(manifest, "reads/r1.fastq"))
    assert corrupt["reason"].startswith("Its SHA-256 is ")


def test_a_wrong_size_is_named(manifest: Path) -> None:
    stored(manifest, "empty").write_bytes(b"x")
    (corrupt,) = verify(manifest).as_record()["corrupt"]
    assert corrupt["reason"] == "It has 1 bytes instead of 0."


def test_a_missing_file_is_named(manifest: Path) -> None:
    stored(manifest, "a.json").unlink()
    found = verify(manifest)
    (missing,) = found.as_record()["missing"]
    assert (missing["line"], missing["name"], missing["path"]) == (2, "a.json", str(stored(manifest, "a.json")))
    with pytest.raises(TransferError, match="1 of 3 files"):
        found.raise_for_bad()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\b"])
def test_a_bad_row_is_invalid_and_the_others_are_checked(manifest: Path, name: str) -> None:
    manifest.write_text(manifest.read_text() + line(9, name, b"x"))
    record = verify(manifest).as_record()
    assert (record["rows"], record["ok"]) == (4, 3)
    assert [(invalid["line"], invalid["name"]) for invalid in record["invalid"]] == [(5, name)]


def test_what_is_shown_in_the_folder_of_a_bundle_is_checked_too(manifest: Path) -> None:
    good = stored(manifest, "a.json")
    shown = manifest.parent / f"{BUNDLE_UUID}.{BUNDLE_VERSION}" / "a.json"
    shown.parent.mkdir()
    shown.hardlink_to(good)
    assert verify(manifest).as_record()["ok"] == 3
    shown.unlink()
    shown.write_bytes(b"[]")
    found = verify(manifest)
    (corrupt,) = found.as_record()["corrupt"]
    assert (corrupt["name"], corrupt["path"]) == ("a.json", str(shown))
    with pytest.raises(TransferError) as caught:
        found.raise_for_bad()
    assert "--existing overwrite" in (caught.value.hint or "")


def test_another_download_directory_can_be_given(manifest: Path, tmp_path: Path) -> None:
    shutil.move(manifest.parent / ".hca", tmp_path / "elsewhere" / ".hca")
    assert verify(manifest).as_record()["ok"] == 0
    assert verify(manifest, tmp_path / "elsewhere").as_record()["ok"] == 3


def test_a_file_that_is_not_in_the_store_is_looked_for_at_its_path(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"x")
    manifest = tmp_path / "m.tsv"
    manifest.write_text(header("file_path") + line(1, "a", b"x", str(tmp_path / "data")))
    assert verify(manifest).as_record()["ok"] == 1
    (tmp_path / "data").write_bytes(b"y")
    (corrupt,) = verify(manifest).as_record()["corrupt"]
    assert corrupt["path"] == str(tmp_path / "data")


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "/dev", "/dev/zero", ""])
def test_a_strange_path_is_just_missing(tmp_path: Path, path: str) -> None:
    manifest = tmp_path / "m.tsv"
    manifest.write_text(header("file_path") + line(1, "a", b"x", path))
    assert len(verify(manifest).as_record()["missing"]) == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_corrupt(manifest: Path) -> None:
    stored(manifest, "a.json").chmod(0)
    (corrupt,) = verify(manifest).as_record()["corrupt"]
    assert "cannot be read" in corrupt["reason"]


def test_findings_are_in_the_order_of_the_manifest(manifest: Path) -> None:
    shutil.rmtree(manifest.parent / ".hca")
    assert [missing["line"] for missing in verify(manifest, jobs=3).as_record()["missing"]] == [2, 3, 4]


def test_d5_missing_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "m.tsv").write_text("file_name\n")
    with pytest.raises(ArgumentError, match="lacks the columns bundle_uuid, bundle_version, file_uuid"):
        verify(tmp_path / "m.tsv")


# The command


def test_the_command_prints_json_and_ends_well(manifest: Path) -> None:
    result = run("dss", "verify", str(manifest))
    assert (result.code, result.stderr) == (0, "")
    assert result.json["ok"] == 3


@pytest.mark.parametrize("state", ["missing", "corrupt", "invalid"])
def test_the_command_ends_in_exit_code_9_if_anything_is_bad(manifest: Path, state: str) -> None:
    def spoil() -> Any:
        if state == "missing":
            return stored(manifest, "a.json").unlink()
        if state == "corrupt":
            return stored(manifest, "a.json").write_bytes(b"[]")
        return manifest.write_text(manifest.read_text() + "x\n")

    spoil()
    result = run("dss", "verify", str(manifest), str(manifest.parent), "--jobs", "2")
    assert result.code == 9
    assert len(json.loads(result.stdout)[state]) == 1
    assert "files are missing or not as the manifest says" in result.stderr


def test_a_manifest_that_is_not_there_ends_in_exit_code_2() -> None:
    result = run("dss", "verify", "gone.tsv")
    assert (result.code, result.stdout) == (2, "")
    assert "gone.tsv" in result.stderr
