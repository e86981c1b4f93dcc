"""What a folder has to upload."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hca_core.errors import ArgumentError, TransferError
from hca_dss.sources import Source, find


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def names(folder: Path) -> list[str]:
    return [source.name for source in find(folder).files]


def test_files_are_sorted_and_named_with_slashes(tmp_path: Path) -> None:
    make(tmp_path, "b.json", "reads/r2.fastq", "reads/r1.fastq", "a.json")
    assert names(tmp_path) == ["a.json", "b.json", "reads/r1.fastq", "reads/r2.fastq"]


def test_sizes_and_paths(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert find(tmp_path).files == (Source("a", tmp_path, 5),)


@pytest.mark.parametrize("spelling", [".", "./data", "data", "data/", "data/../data"])
def test_d32_names_are_relative_however_the_folder_is_spelled(
    tmp_path: Path, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "data", "x.json", "a/banana/a.txt")
    monkeypatch.chdir(tmp_path / "data" if spelling == "." else tmp_path)
    assert names(Path(spelling)) == ["a/banana/a.txt", "x.json"]


def test_d33_an_empty_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArgumentError, match="nothing to upload.* has no files"):
        find(tmp_path)


@pytest.mark.parametrize("name", ["absent", "file"])
def test_something_else_than_a_folder_is_a_sentence(tmp_path: Path, name: str) -> None:
    make(tmp_path, "file")
    with pytest.raises(ArgumentError, match="is not a folder"):
        find(tmp_path / name)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    make(tmp_path, "good", "bad")
    with pytest.raises(TransferError, match=r"1 files cannot be read: '.*bad'\."):
        find(tmp_path, is_readable=lambda path: path.name != "bad")


def test_a_symlinked_folder_is_not_followed_but_reported(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", "secret")
    source = make(tmp_path / "source", "a")
    (source / "link").symlink_to(tmp_path / "elsewhere")
    found = find(source)
    assert [file.name for file in found.files] == ["a"]
    assert found.skipped == (source / "link",)


def test_a_symlinked_file_is_uploaded_as_its_content(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", "data")
    source = make(tmp_path / "source", "a")
    (source / "b").symlink_to(tmp_path / "elsewhere/data")
    assert names(source) == ["a", "b"]


@pytest.mark.parametrize("kind", ["pipe", "dangling link"])
def test_what_is_no_file_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(TransferError, match="odd cannot be uploaded"):
        find(tmp_path)


@pytest.mark.parametrize("name", ["sub/.DS_Store", "dir./x", "back\\slash", "line\nbreak", "con.txt", "dot.", "\udce4"])
def test_d36_names_that_would_be_refused_are_found_first(tmp_path: Path, name: str) -> None:
    make(tmp_path, "good", name)
    with pytest.raises(TransferError) as caught:
        find(tmp_path)
    assert f"1 files have names that a bundle cannot hold: {name!r}." in caught.value.message


def test_d36_a_hidden_file_at_the_top_is_allowed(tmp_path: Path) -> None:
    assert names(make(tmp_path, ".hidden", "with space", "ümlaut", "a..b")) == [
        ".hidden",
        "a..b",
        "with space",
        "ümlaut",
    ]


def test_only_the_first_names_are_listed(tmp_path: Path) -> None:
    make(tmp_path, *(f"s/.{number}" for number in range(7)))
    with pytest.raises(TransferError, match=r"7 files .*'s/\.4' and 2 more\."):
        find(tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.json", "application/json"),
        ("a.fastq.gz", "application/gzip"),
        ("a.json.gz", "application/gzip"),
        ("a.tar.bz2", "application/x-bzip2"),
        ("a.txt.xz", "application/x-xz"),
        ("a.txt", "text/plain"),
        ("README", "application/octet-stream"),
        ("a.fastq", "application/octet-stream"),
    ],
)
def test_d35_a_compressed_file_has_the_type_of_its_compression(name: str, expected: str) -> None:
    assert Source(name, Path("/data"), 1).content_type == expected


@pytest.mark.parametrize(("name", "indexed"), [("a.json", True), ("a.json.gz", False), ("json", False)])
def test_json_is_indexed(name: str, indexed: bool) -> None:
    assert Source(name, Path(), 1).indexed is indexed
