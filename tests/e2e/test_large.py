"""Bundles of many files and files of many bytes go there and back, and the client's memory does not grow with them.

The full sizes take minutes and 15 GB of disk: `HCA_LARGE_TESTS=1 pytest tests/e2e/test_large.py`.
"""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MIB = 1024 * 1024
LARGE = os.environ.get("HCA_LARGE_TESTS") == "1"
FILES = 25_000 if LARGE else 200
SIZE = 5 * 1024 * MIB if LARGE else 72 * MIB
MOST_MEMORY = 150  # MB of the client, whatever is moved
MOST_GROWTH = 25  # MB that four times as many bytes may cost more

# A small process starts the client and asks the system about it: what is said of a child of this one would be about
# the memory of this process, too.
LAUNCHER = """
import json, resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
json.dump({"code": code, "seconds": time.monotonic() - began, "peak": peak}, open(sys.argv[1], "w"))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600 if LARGE else 300),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module"),
]


@dataclass(frozen=True)
class Run:
    """What a command printed, in a file; how long it took; the memory it had at most, in MiB."""

    output: Path
    seconds: float
    peak: float

    @property
    def json(self) -> Any:
        return json.loads(self.output.read_text())


class Client:
    """The `hca` command, measured; every measurement is printed, and the peak is checked."""

    def __init__(self, stack: Any, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.runs = 0

    def __call__(self, *words: str) -> Run:
        self.runs += 1
        output, facts = self.folder / f"output-{self.runs}", self.folder / f"facts-{self.runs}"
        command = [sys.executable, "-c", LAUNCHER, str(facts), sys.executable, "-m", "hca_core", *words]
        with output.open("wb") as out:
            errors = subprocess.run(command, env=self.stack.environ, stdout=out, stderr=subprocess.PIPE, check=True)
        found = json.loads(facts.read_text())
        assert found["code"] == 0, errors.stderr.decode()
        print(f"hca {' '.join(words[:2]):<16} {found['seconds']:7.1f} s  {found['peak']:5.0f} MiB")
        assert found["peak"] < MOST_MEMORY
        return Run(output, found["seconds"], found["peak"])


@pytest.fixture
def client(stack: Any, tmp_path: Path) -> Client:
    return Client(stack, tmp_path)


def upload(client: Client, folder: Path) -> tuple[str, Run]:
    """Upload a folder; return the bundle's UUID."""
    run = client("dss", "upload", "--src-dir", str(folder), "--replica", "aws", "--staging-bucket", "staging")
    return run.json["bundle_uuid"], run


def download(client: Client, uuid: str, target: Path) -> tuple[Path, Run]:
    """Download a bundle; return its folder."""
    run = client("dss", "download", "--bundle-uuid", uuid, "--replica", "aws", "--download-dir", str(target))
    (folder,) = target.glob(f"{uuid}.*")
    return folder, run


def search(client: Client, word: str) -> list[str]:
    """Return the bundles whose project has this name."""
    query = json.dumps({"query": {"match": {"files.project_json.name": word}}})
    found = client("dss", "post-search", "--replica", "aws", "--es-query", query).json
    return [result["bundle_fqid"].partition(".")[0] for result in found["results"]]


def describe(folder: Path, word: str) -> None:
    about = {"describedBy": "https://schema.example.org/type/project/1.0.0/project", "name": word}
    (folder / "project_0.json").write_text(json.dumps(about))


def file_of(path: Path, size: int) -> Path:
    """Write a file that takes little space: some bytes here and there."""
    with path.open("wb") as file:
        for start in range(0, size, 16 * MIB):
            file.seek(start)
            file.write(os.urandom(1000))
        file.truncate(size)
    return path


def server_peak(stack: Any) -> str:
    """Return the most memory that the stack had so far, as the system tells it."""
    status = Path(f"/proc/{stack.facts['pid']}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((line for line in lines if line.startswith("VmHWM")), "VmHWM: unknown")


def test_a_bundle_of_many_files_goes_there_and_back(stack: Any, client: Client, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for number in range(FILES):
        path = source / f"plate-{number % 20}" / f"cell_{number}.fastq"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"@{number}\n".encode() * 100)
    describe(source, "many")
    uuid, _ = upload(client, source)
    bundle = client("dss", "get-bundle", "--uuid", uuid, "--replica", "aws").json
    assert len(bundle["bundle"]["files"]) == FILES + 1
    assert search(client, "many") == [uuid]
    folder, _ = download(client, uuid, tmp_path / "out")
    paths = [path for path in source.rglob("*") if path.is_file()]
    assert len(paths) == FILES + 1
    assert all(filecmp.cmp(path, folder / path.relative_to(source), shallow=False) for path in paths)
    again, rerun = upload_again(client, source, uuid, tmp_path)
    assert {line["status"] for line in again} == {"present"}
    print(f"server {server_peak(stack)}")
    assert rerun.peak < MOST_MEMORY


def upload_again(client: Client, source: Path, uuid: str, tmp_path: Path) -> tuple[list[Any], Run]:
    """Repeat an upload; return the lines of its report."""
    report = tmp_path / "report"
    words = ["--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging", "--bundle-uuid", uuid]
    run = client("dss", "upload", *words, "--report", str(report))
    return [json.loads(line) for line in report.read_text().splitlines()], run


def test_a_large_file_goes_there_and_back(stack: Any, client: Client, tmp_path: Path) -> None:
    peaks: dict[str, list[float]] = {}
    for word, size in (("smaller", SIZE // 4), ("larger", SIZE)):
        source = tmp_path / word
        source.mkdir()
        describe(source, word)
        path = file_of(source / "reads.bam", size)
        uuid, sent = upload(client, source)
        (file,) = (file for file in sent.json["files"] if file["name"] == "reads.bam")
        assert search(client, word) == [uuid]
        got = client("dss", "get-file", "--uuid", file["uuid"], "--replica", "aws")
        assert filecmp.cmp(path, got.output, shallow=False)
        got.output.unlink()
        folder, fetched = download(client, uuid, tmp_path / f"{word}-out")
        assert filecmp.cmp(path, folder / "reads.bam", shallow=False)
        for name, run in (("upload", sent), ("get-file", got), ("download", fetched)):
            peaks.setdefault(name, []).append(run.peak)
    print(f"server {server_peak(stack)}")
    grown = {name: larger - smaller for name, (smaller, larger) in peaks.items()}
    assert max(grown.values()) < MOST_GROWTH, grown
