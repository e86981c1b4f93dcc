"""What paths mean, and what is refused before anything is sent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from hca_core.errors import ArgumentError, TransferError
from hca_core.transfer.objects import ListedObject
from hca_upload.errors import UploadException, UploadRefused
from hca_upload.sources import Source, find

from .conftest import write


def no_bucket(bucket: str, prefix: str) -> Iterable[ListedObject]:
    raise AssertionError(f"nobody asked for {bucket}")


def names(*paths: Path | str, **options: str) -> list[str]:
    return [source.name for source in find(paths, no_bucket, **options).files]


def test_files_and_what_is_below_folders_by_base_name(tmp_path: Path) -> None:
    write(tmp_path, "x/deep/er/b", "x/.hidden", "c", content=b"12345")
    found = find([tmp_path / "c", str(tmp_path / "x")], no_bucket)
    assert found.files == (
        Source(".hidden", tmp_path / "x" / ".hidden", 5),
        Source("b", tmp_path / "x" / "deep" / "er" / "b", 5),
        Source("c", tmp_path / "c", 5),
    )
    assert found.files[2].place == str(tmp_path / "c")


def test_objects_by_the_base_name_of_their_key() -> None:
    def bucket(name: str, prefix: str) -> Iterator[ListedObject]:
        assert (name, prefix) == ("b", "run#1/x?")
        yield from (ListedObject("b", key, 3, "e") for key in ("run#1/x?/deep/a b", "run#1/x?/", "run#1/x?y"))

    found = find(["s3://b/run#1/x?"], bucket).files
    assert [(one.name, one.size, one.place) for one in found] == [
        ("a b", 3, "s3://b/run#1/x?/deep/a b"),
        ("x?y", 3, "s3://b/run#1/x?y"),
    ]


def test_ud1_names_that_would_collide_are_refused_with_both_paths(tmp_path: Path) -> None:
    write(tmp_path, "a/R1.fq", "b/R1.fq", "c/R2.fq")
    with pytest.raises(UploadRefused) as caught:
        names(tmp_path)
    assert f"'R1.fq' ({tmp_path}/a/R1.fq, {tmp_path}/b/R1.fq)" in caught.value.message.replace(
        f"{tmp_path}/b/R1.fq, {tmp_path}/a/R1.fq", f"{tmp_path}/a/R1.fq, {tmp_path}/b/R1.fq"
    )
    assert "R2" not in caught.value.message
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, UploadException)
    assert isinstance(caught.value, ArgumentError)


def test_ud1_many_collisions_are_counted(tmp_path: Path) -> None:
    write(tmp_path, *(f"{folder}/{number}" for folder in "ab" for number in range(12)))
    with pytest.raises(UploadRefused, match=r"and 2 more\."):
        names(tmp_path)


def test_ud1_the_same_file_twice_is_no_collision(tmp_path: Path) -> None:
    write(tmp_path, "a/f")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "f")
    assert names(tmp_path / "a", tmp_path / "a" / "f", tmp_path / "a" / ".." / "a" / "f") == ["f"]
    assert names(tmp_path / "a", tmp_path / "link") == ["f", "link"]


def test_ud2_every_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a")
    with pytest.raises(UploadRefused, match=r"are not there: '.*/nope', '.*/gone'\."):
        names(tmp_path / "a", tmp_path / "nope", tmp_path / "gone")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(UploadRefused, match="dangling"):
        names(tmp_path / "dangling")


@pytest.mark.parametrize("name", ["checksums", "credentials", "files_info", "validate", "validations"])
def test_words_of_the_api_are_refused(name: str, tmp_path: Path) -> None:
    write(tmp_path, name)
    with pytest.raises(UploadRefused, match="uses that word for something else"):
        names(tmp_path)
    assert names(tmp_path / name, target_filename="other") == ["other"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a\nb", "control characters"),
        ("a\x1b[31mb", "control characters"),
        ("a\\b", "a backslash"),
        ("a%2Fb", "no folders"),
        ("a.", "ends in a dot or a space"),
        ("a ", "ends in a dot or a space"),
        (os.fsdecode(b"a\xff"), "control characters"),
        ("con.txt", "Windows device"),
    ],
)
def test_names_that_no_file_should_have_are_refused(name: str, why: str, tmp_path: Path) -> None:
    write(tmp_path, name, "good")
    with pytest.raises(UploadRefused, match=why) as caught:
        names(tmp_path)
    assert "\n" not in caught.value.message
    assert "\x1b" not in caught.value.message
    assert "good" not in caught.value.message


def test_ud14_a_slash_in_a_chosen_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a")
    with pytest.raises(UploadRefused, match="'dir/x': there are no folders in an upload area") as caught:
        names(tmp_path / "a", target_filename="dir/x")
    assert str(tmp_path) not in caught.value.message, "the name is wrong, not the file"
    assert "plain name" in (caught.value.hint or "")
    with pytest.raises(UploadRefused, match="is empty"):
        names(tmp_path / "a", target_filename="")


@pytest.mark.parametrize("name", ["..", "credentials", "a\\b"])
def test_a_bad_name_is_not_blamed_on_the_file(name: str, tmp_path: Path) -> None:
    write(tmp_path, "R1.fq")
    with pytest.raises(UploadRefused, match=f"cannot be called {re.escape(repr(name))}: ") as caught:
        names(tmp_path / "R1.fq", target_filename=name)
    assert "R1.fq" not in caught.value.message


def test_ud18_one_name_for_many_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "x/a", "b")
    for paths in ([tmp_path / "b", tmp_path / "x" / "a"], [tmp_path / "x"]):
        with pytest.raises(UploadRefused, match="Only a single file"):
            names(*paths, target_filename="c")


@pytest.mark.parametrize("extension", ["gz", ".gz", "fastq.gz"])
def test_only_what_ends_so(extension: str, tmp_path: Path) -> None:
    write(tmp_path, "x/a.fastq.gz", "x/y/b.fastq.gz", "x/c.txt")
    assert names(tmp_path / "x", file_extension=extension) == ["a.fastq.gz", "b.fastq.gz"]


def test_an_extension_is_for_folders(tmp_path: Path) -> None:
    write(tmp_path, "x/a.gz", "b.gz")
    with pytest.raises(UploadRefused, match=r"is for folders and buckets, and '.*b\.gz' is neither"):
        names(tmp_path / "x", tmp_path / "b.gz", file_extension="gz")


def test_nothing_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path, "x/a.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UploadRefused, match=r"nothing to upload: there is no file in .*/empty\."):
        names(tmp_path / "empty")
    with pytest.raises(UploadRefused, match=r"no file whose name ends in '\.gz' in .*/x\."):
        names(tmp_path / "x", file_extension=".gz")
    with pytest.raises(UploadRefused, match="nothing to upload: no path was given"):
        names()


@pytest.mark.parametrize("kind", [str, Path])
def test_a_single_path_need_not_be_in_a_list(kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "x/a", "x/b", "c")
    monkeypatch.chdir(tmp_path)
    assert [source.name for source in find(kind("x"), no_bucket).files] == ["a", "b"]
    assert [source.name for source in find(kind("./c"), no_bucket).files] == ["c"]


def test_a_folder_that_cannot_be_read_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "x"
    folder.mkdir()

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)  # root may read every folder
    with pytest.raises(TransferError, match=r"Folder .*/x cannot be read: Permission denied\."):
        names(folder)
