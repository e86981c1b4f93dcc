"""A stack that is killed in the middle of an upload loses nothing that it acknowledged, and shows nothing in part."""

import filecmp
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

BUNDLE = "11111111-2222-4333-8444-555555555555"
FILES = 300


def folder_of_files(folder: Path) -> Path:
    for number in range(FILES):
        path = folder / f"part-{number % 3}" / f"reads_{number}.fastq"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"@{number}\n".encode() * 5000)
    (folder / "project_0.json").write_text(json.dumps({"describedBy": "https://example.org/project"}))
    return folder


def wait_for_objects(root: Path, count: int, process: subprocess.Popen) -> None:
    """Wait until the store has taken some objects, or the upload is over."""
    while process.poll() is None and sum(len(names) for _, _, names in os.walk(root / "s3" / "blobs")) < count:
        time.sleep(0.01)


@pytest.mark.slow
def test_an_upload_survives_the_death_of_the_stack(stack, tmp_path: Path) -> None:
    source = folder_of_files(tmp_path / "source")
    words = ["--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging", "--bundle-uuid", BUNDLE]
    first = stack.start("dss", "upload", *words)
    wait_for_objects(stack.root, 60, first)
    os.kill(stack.facts["pid"], signal.SIGKILL)
    first.kill()  # what it would do for the next minutes is to try again
    first.communicate()

    stack.up()
    stack.hca("dss", "get-bundle", "--uuid", BUNDLE, "--replica", "aws", code=7)
    stack.hca("dss", "upload", *words)

    stack.hca("dss", "download", "--bundle-uuid", BUNDLE, "--replica", "aws", "--download-dir", str(tmp_path / "out"))
    (bundle,) = (tmp_path / "out").glob(f"{BUNDLE}.*")
    paths = [path for path in source.rglob("*") if path.is_file()]
    assert len(paths) == FILES + 1
    assert all(filecmp.cmp(path, bundle / path.relative_to(source), shallow=False) for path in paths)
    listed = json.loads(stack.hca("dss", "get-bundles-all", "--replica", "aws").stdout)
    assert [found["uuid"] for found in listed["bundles"]] == [BUNDLE]


@pytest.mark.slow
def test_a_killed_download_is_continued(stack, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "reads.fastq").write_bytes(os.urandom(8_000_000))
    uploaded = stack.hca("dss", "upload", "--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging")
    uuid = json.loads(uploaded.stdout)["bundle_uuid"]
    out = tmp_path / "out"
    words = ["dss", "download", "--bundle-uuid", uuid, "--replica", "aws", "--download-dir", str(out)]
    slow = stack.start(*words, "--limit-rate", "4M")
    while slow.poll() is None and not any(path.stat().st_size > 2_000_000 for path in out.rglob("*.part")):
        time.sleep(0.01)
    slow.kill()
    slow.communicate()
    kept = sum(path.stat().st_size for path in out.rglob("*.part"))
    assert kept > 2_000_000
    stack.hca(*words, "--report", str(tmp_path / "report"))
    lines = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert {line["name"]: (line["status"], line["transferred"]) for line in lines if line["name"] != "bundle.json"} == {
        "reads.fastq": ("resumed", 8_000_000 - kept)
    }


@pytest.mark.slow
def test_ctrl_c_ends_a_download_quickly_and_keeps_what_arrived(stack, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(4):
        (source / f"reads_{number}.fastq").write_bytes(os.urandom(4_000_000))
    uploaded = stack.hca("dss", "upload", "--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging")
    uuid = json.loads(uploaded.stdout)["bundle_uuid"]
    out = tmp_path / "out"
    slow = stack.start(
        "dss", "download", "--bundle-uuid", uuid, "--replica", "aws", "--download-dir", str(out), "--limit-rate", "1M"
    )
    while slow.poll() is None and not any(path.stat().st_size > 100_000 for path in out.rglob("*.part")):
        time.sleep(0.01)
    began = time.monotonic()
    slow.send_signal(signal.SIGINT)
    _, err = slow.communicate(timeout=20)
    assert time.monotonic() - began < 8  # at this rate the rest would take twice as long
    assert slow.returncode == 130
    assert "Traceback" not in err
    assert any(out.rglob("*.part"))
