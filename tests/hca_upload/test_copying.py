"""Objects in buckets become files in an area without coming here."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from hca_core.errors import NotFoundError
from hca_upload.errors import UploadIncomplete, UploadRefused

from .conftest import AREA, BUCKET, CSV, CSV_ETAG, Stack, write


def put(stack: Stack, key: str, content: bytes = CSV, bucket: str = "staging") -> None:
    stack.objects.put(bucket, key, io.BytesIO(content), metadata={"mine": "yes"}, tags={"t": "1"})


def test_objects_are_copied_inside_the_store(stack: Stack, tmp_path: Path) -> None:
    for key in ("run1/a.csv", "run1/deep/b.fastq.gz", "run10/c#1 ü.txt", "other/d"):
        put(stack, key)
    report = tmp_path / "report"
    result = stack.area.upload_files(["s3://staging/run1"], report=report)
    assert (result["copied"], result["transferred"]) == (3, 0)
    assert stack.names() == ["a.csv", "b.fastq.gz", "c#1 ü.txt"]
    head = stack.head("b.fastq.gz")
    assert (head.etag, head.content_type, head.metadata) == (CSV_ETAG, "application/gzip; dcp-type=data", {})
    assert stack.announced() == ["a.csv", "b.fastq.gz", "c#1 ü.txt"]
    assert stack.s3.sent() == 0
    paths = {json.loads(line)["path"] for line in report.read_text().splitlines()}
    assert "s3://staging/run1/deep/b.fastq.gz" in paths


def test_they_can_be_filtered_and_one_can_be_renamed(stack: Stack) -> None:
    for key in ("run1/a.csv", "run1/b.txt", "run1/"):
        put(stack, key)
    stack.area.upload_files(["s3://staging/run1/"], file_extension=".txt")
    stack.area.upload_files(["s3://staging/run1/a.csv"], target_filename="z.csv")
    assert stack.names() == ["b.txt", "z.csv"]
    with pytest.raises(UploadRefused, match=r"Only one file can be called 'x', and there are 2: s3://staging/run1/a"):
        stack.area.upload_files(["s3://staging/run1/"], target_filename="x")


def test_ud7_a_copy_that_is_there_is_not_made_again(stack: Stack) -> None:
    put(stack, "a.csv")
    stack.area.upload_files(["s3://staging/a.csv"])
    assert stack.area.upload_files(["s3://staging/a.csv"], dry_run=True)["files"][0]["action"] == "present"
    stack.s3.seen.clear()
    assert stack.area.upload_files(["s3://staging/a.csv"])["present"] == 1
    assert stack.s3.count("PUT") == 0
    put(stack, "a.csv", CSV[::-1])
    assert stack.area.upload_files(["s3://staging/a.csv"])["copied"] == 1


def test_an_object_that_the_area_may_not_read_is_one_failure(stack: Stack) -> None:
    stack.objects.create_bucket("private")
    put(stack, "a.csv", bucket="private")
    put(stack, "b.csv")
    with pytest.raises(UploadIncomplete) as caught:
        stack.area.upload_files(["s3://private/a.csv", "s3://staging/b.csv"])
    assert "s3://private/a.csv cannot be copied" in caught.value.message
    assert "Download it" in (caught.value.hint or "")
    assert stack.names() == ["b.csv"]


def test_an_object_that_changed_since_it_was_listed_is_not_copied(stack: Stack) -> None:
    put(stack, "a.csv")

    def change(one: object) -> None:
        if getattr(one, "method", "") == "PUT":
            put(stack, "a.csv", b"another")

    stack.s3.faults.append(change)  # type: ignore[arg-type]
    with pytest.raises(UploadIncomplete, match=r"s3://staging/a.csv changed while it was copied"):
        stack.area.upload_files(["s3://staging/a.csv"])
    assert stack.names() == []


def test_a_dry_run_copies_nothing(stack: Stack) -> None:
    put(stack, "a.csv")
    plan = stack.area.upload_files(["s3://staging"], dry_run=True)
    assert plan["files"] == [{"name": "a.csv", "path": "s3://staging/a.csv", "size": 31, "action": "copy"}]
    assert (plan["bytes_to_send"], stack.names()) == (0, [])


@pytest.mark.parametrize(
    ("url", "match"), [("s3://", "names no bucket"), ("s3://staging/nothing", "nothing to upload")]
)
def test_a_url_of_nothing_is_a_sentence(url: str, match: str, stack: Stack) -> None:
    with pytest.raises(UploadRefused, match=match):
        stack.area.upload_files([url])


def test_a_bucket_that_does_not_exist_is_a_sentence(stack: Stack) -> None:
    with pytest.raises(NotFoundError, match="no bucket 'nowhere'"):
        stack.area.upload_files(["s3://nowhere/x"])


def test_files_and_objects_of_one_name_are_refused(stack: Stack, tmp_path: Path) -> None:
    put(stack, "x/a.csv")
    write(tmp_path, "a.csv")
    with pytest.raises(UploadRefused, match=r"'a.csv' \(s3://staging/x/a.csv, .*a.csv\)"):
        stack.area.upload_files(["s3://staging/x", tmp_path])
    assert stack.objects.head(BUCKET, f"{AREA}/a.csv") is None
