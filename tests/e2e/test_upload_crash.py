"""An upload that is killed in the middle of a large file is continued with the parts that are missing."""

from __future__ import annotations

import filecmp
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from hca_dss.staging import file_uuid

BUNDLE = "11111111-2222-4333-8444-555555555555"
MIB = 1024 * 1024
PART = 64 * MIB
SIZE = 9 * PART + 5  # more parts than are sent at once


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a file of many parts that takes little space."""
    folder = tmp_path / "source"
    folder.mkdir()
    with (folder / "reads.bam").open("wb") as file:
        for start in range(0, SIZE, PART):
            file.seek(start)
            file.write(os.urandom(5))
    return folder


@pytest.fixture
def s3(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    import boto3

    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", stack.environ["AWS_SHARED_CREDENTIALS_FILE"])
    # boto3's default session would keep the keys of another test's stack.
    return boto3.Session().client("s3", endpoint_url=stack.facts["s3_url"], region_name="us-east-1")


def words(source: Path) -> list[str]:
    where = ["--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging"]
    return ["dss", "upload", *where, "--bundle-uuid", BUNDLE]


def listed(s3: Any) -> dict[int, int]:
    """Return the sizes of the parts that the store has of the unfinished upload."""
    key = f"{file_uuid(BUNDLE, 'reads.bam')}/reads.bam"
    uploads = s3.list_multipart_uploads(Bucket="staging").get("Uploads", [])
    assert {upload["Key"] for upload in uploads} <= {key}
    found = [s3.list_parts(Bucket="staging", Key=key, UploadId=one["UploadId"]).get("Parts", []) for one in uploads]
    return {part["PartNumber"]: part["Size"] for parts in found for part in parts}


def killed(stack: Any, source: Path, s3: Any) -> dict[int, int]:
    """Kill an upload when the first parts have arrived; return them."""
    process = stack.start(*words(source))
    while process.poll() is None and not listed(s3):
        time.sleep(0.01)
    process.kill()
    _, errors = process.communicate()
    assert process.returncode < 0, errors
    return settled(s3)


def settled(s3: Any) -> dict[int, int]:
    """Return the parts once there are no new ones: the last of them may have just arrived."""
    found = listed(s3)
    while True:
        time.sleep(0.2)
        before, found = found, listed(s3)
        if found == before:
            return found


def report_of(stack: Any, source: Path, tmp_path: Path) -> dict[str, Any]:
    """Upload again; return what the report says of the large file."""
    report = tmp_path / "report"
    stack.hca(*words(source), "--report", str(report))
    (line,) = [json.loads(line) for line in report.read_text().splitlines()]
    return line


def check(stack: Any, source: Path, tmp_path: Path) -> None:
    """Download the bundle and compare."""
    out = tmp_path / "out"
    stack.hca("dss", "download", "--bundle-uuid", BUNDLE, "--replica", "aws", "--download-dir", str(out))
    (bundle,) = out.glob(f"{BUNDLE}.*")
    assert filecmp.cmp(source / "reads.bam", bundle / "reads.bam", shallow=False)


@pytest.mark.slow
def test_nothing_is_sent_twice_after_a_kill(stack: Any, source: Path, s3: Any, tmp_path: Path) -> None:
    kept = killed(stack, source, s3)
    assert 0 < sum(kept.values()) < SIZE
    planned = json.loads(stack.hca(*words(source), "--dry-run").stdout)
    assert (planned["files"][0]["action"], planned["bytes_to_send"]) == ("resume", SIZE - sum(kept.values()))
    line = report_of(stack, source, tmp_path)
    assert (line["status"], line["transferred"]) == ("resumed", SIZE - sum(kept.values()))
    assert listed(s3) == {}
    check(stack, source, tmp_path)
    assert report_of(stack, source, tmp_path)["status"] == "present"


@pytest.mark.slow
def test_a_part_that_changed_since_is_sent_again(stack: Any, source: Path, s3: Any, tmp_path: Path) -> None:
    kept = killed(stack, source, s3)
    changed = min(kept)
    with (source / "reads.bam").open("r+b") as file:
        file.seek((changed - 1) * PART + 77)
        file.write(b"changed")
    line = report_of(stack, source, tmp_path)
    assert line["transferred"] == SIZE - sum(kept.values()) + kept[changed]
    check(stack, source, tmp_path)


@pytest.mark.slow
def test_two_uploads_at_once_make_one_right_file(stack: Any, source: Path, s3: Any, tmp_path: Path) -> None:
    both = [stack.start(*words(source)) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
    assert listed(s3) == {}
    check(stack, source, tmp_path)
