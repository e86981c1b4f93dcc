"""A Dask cluster as the workers of a download; one of them is lost in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
import trustme
from bucket_server import BUCKET, PREFIX, BucketServer, key_of, use
from bucket_server import write_settings as bucket_settings
from dask_cluster import Cluster
from fake_dss import FakeDSS
from listed_files import offer, tree, write_manifest

from hca_core.app import App
from hca_core.errors import ConfigError
from hca_core.testing import Answer, Request, run
from hca_dask.executor import check_address, connect

DOWNLOAD = ["dss", "download-manifest", "--manifest", "m.tsv", "--replica", "aws", "--download-dir", "out"]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as started:
        yield started


@pytest.fixture
def dss(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDSS]:
    """A DSS, and settings with which `hca` uses it."""
    with FakeDSS() as server:
        write_settings(home, DSSClient={"swagger_url": server.swagger_url})
        monkeypatch.setenv("HCA_CONFIG_FILE", str(home / "settings.json"))
        yield server


def write_settings(home: Path, **settings: dict[str, Any]) -> None:
    (home / "settings.json").write_text(json.dumps(settings))


def meeting(action: Callable[[], object]) -> Callable[[Request], None]:
    """A wait for two requests at the same time, which other workers must have sent; then comes `action`, once."""
    met = threading.Event()

    def both() -> None:
        met.set()
        action()

    barrier = threading.Barrier(2, both)
    return lambda _: None if met.is_set() else void(barrier.wait(60))


def void(_: object) -> None: ...


def first_of_batches(dss: FakeDSS, files: list[dict[str, Any]], wait: Callable[[Request], None]) -> None:
    """Make the DSS wait before it gives out the first files of the first two batches."""
    for file in (files[0], files[500]):
        blob = f"{dss.url}/blobs/{file['uuid']}"

        def answer(request: Request, blob: str = blob) -> Answer:
            wait(request)
            return Answer.redirect(blob)

        dss.on("GET", f"/v1/files/{file['uuid']}", answer)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_no_file(cluster: Cluster, dss: FakeDSS, home: Path) -> None:
    files = offer(dss, 1001)
    first_of_batches(dss, files, meeting(cluster.workers[0].kill))
    write_manifest(home / "m.tsv", files)
    ended = run(*DOWNLOAD, "--executor", "dask", "--scheduler", cluster.address, "--report", "report.jsonl")
    assert (ended.code, cluster.workers[0].wait(10)) == (0, -signal.SIGKILL), ended.stderr
    assert "Saved 1001 files; their paths are in out/m.tsv.\n" in ended.stderr
    reported = [json.loads(line) for line in (home / "report.jsonl").read_text().splitlines()]
    assert {line["name"] for line in reported} == {f"reads_{n}.fastq (line {n + 2})" for n in range(1001)}
    assert {line["status"] for line in reported} <= {"fetched", "present"}
    found = tree(home / "out")
    assert found.pop("m.tsv").count(b"out/.hca/v2/files_2_4/") == len(files) == len(reported)
    # What a killed worker was just writing stays beside its target until somebody comes to that folder again.
    whole = {Path(path).name: content for path, content in found.items() if not path.endswith(".part")}
    assert whole == {file["sha256"]: f"content {number}\n".encode() for number, file in enumerate(files)}


@pytest.mark.slow
def test_workers_fill_a_bucket_and_one_of_them_is_killed(
    dss: FakeDSS, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = offer(dss, 1001)
    write_manifest(home / "m.tsv", files)
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setenv("TMPDIR", str(spool))
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    with BucketServer(tmp_path / "s3") as bucket:
        use(bucket, monkeypatch)  # before there are workers, who find the keys in their environment
        with Cluster(tmp_path) as cluster:
            first_of_batches(dss, files, meeting(cluster.workers[0].kill))
            bucket_settings(home / "settings.json", bucket, dss.swagger_url)
            words = [*DOWNLOAD[:-1], f"s3://{BUCKET}/{PREFIX}", "--executor", "dask", "--scheduler", cluster.address]
            ended = run(*words, "--report", "report.jsonl")
            assert (ended.code, cluster.workers[0].wait(10)) == (0, -signal.SIGKILL), ended.stderr
            assert ended.stderr.endswith("Saved 1001 files; their paths are in m.tsv.\n")
            keys = [key_of(file["sha256"]) for file in files]
            assert (home / "m.tsv").read_text().count(f"\ts3://{BUCKET}/{PREFIX}/.hca/v2/files_2_4/") == len(files)
            assert {key: bucket.read(key) for key in keys} == {
                key: f"content {number}\n".encode() for number, key in enumerate(keys)
            }
            reported = [json.loads(line) for line in (home / "report.jsonl").read_text().splitlines()]
            assert sorted(line["path"] for line in reported) == sorted(f"s3://{BUCKET}/{key}" for key in keys)
            bucket.seen.clear()
            assert run(*words).code == 0
            assert {method for method, _ in bucket.seen} == {"HEAD"}
    assert not list(spool.glob("hca-dss-*"))


@pytest.mark.slow
def test_an_interrupted_download_takes_its_batches_back(cluster: Cluster, dss: FakeDSS, home: Path) -> None:
    files = offer(dss, 1001)
    write_manifest(home / "m.tsv", files)
    gate = threading.Event()
    words = [sys.executable, "-m", "hca_core", *DOWNLOAD, "--executor", "dask", "--scheduler", cluster.address]
    process = subprocess.Popen(words, env=os.environ, stderr=subprocess.PIPE, text=True)
    interrupt = meeting(lambda: process.send_signal(signal.SIGINT))

    def hold(request: Request) -> None:
        interrupt(request)
        gate.wait(60)

    first_of_batches(dss, files, hold)
    _, said = process.communicate(timeout=60)
    gate.set()
    assert process.returncode == 130, said
    assert "Interrupted." in said
    executor = connect(App().settings, cluster.address)
    try:
        assert executor.submit(len, "abc").result(60) == 3  # the cluster is still there, and free
    finally:
        executor.shutdown()
    assert not dss.count("GET", f"/v1/files/{files[1000]['uuid']}")


def test_no_scheduler_is_a_sentence(dss: FakeDSS, home: Path) -> None:
    write_settings(home, DSSClient={"swagger_url": dss.swagger_url}, network={"connect_timeout": 0.3})
    write_manifest(home / "m.tsv", offer(dss, 1))
    ended = run(*DOWNLOAD, "--executor", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert ended.code == 8
    assert ended.stderr.startswith("Error: There is no Dask scheduler at tcp://127.0.0.1:1.\nHint: Start the cluster")
    assert not (home / "out").exists()


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("tcp://10.1.2.3:8786", "is on another machine, and tcp:// is not encrypted"),
        ("tcp://cluster.example.org:8786", "is on another machine, and tcp:// is not encrypted"),
        ("tcp://127.0.0.1.example.org:8786", "is on another machine, and tcp:// is not encrypted"),
        ("127.0.0.1:8786", "is not the address of a Dask scheduler"),
        ("ws://127.0.0.1:8786", "is not the address of a Dask scheduler"),
        ("tcp://127.0.0.1", "is not the address of a Dask scheduler"),
        ("tcp://[::1:8786", "is not the address of a Dask scheduler"),
        (None, "It is not known where the Dask scheduler is."),
    ],
)
def test_an_address_at_which_others_could_listen_is_refused(address: str | None, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_address(address)
    assert problem in caught.value.message


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1", "tls://c.example.org:1"]
)
def test_other_addresses_are_used(address: str) -> None:
    assert check_address(address) == address


def test_the_address_may_be_set(dss: FakeDSS, home: Path) -> None:
    write_settings(home, DSSClient={"swagger_url": dss.swagger_url}, dask={"scheduler": "tcp://c.example.org:8786"})
    write_manifest(home / "m.tsv", offer(dss, 1))
    ended = run(*DOWNLOAD, "--executor", "dask")
    assert ended.code == 3
    assert "tcp://c.example.org:8786 is on another machine" in ended.stderr


@pytest.mark.slow
def test_certificates_are_those_of_dask(tmp_path: Path, home: Path) -> None:
    authority, certificate = trustme.CA(), tmp_path / "certificate.pem"
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    options = ("--protocol", "tls", "--tls-ca-file", str(tmp_path / "ca.pem"), "--tls-cert", str(certificate))
    with Cluster(tmp_path, options) as cluster:
        assert cluster.address.startswith("tls://")
        with pytest.raises(ConfigError, match="Dask scheduler at tls://127.0.0.1:.* cannot be made") as caught:
            connect(App().settings, cluster.address)
        assert "distributed.comm.tls" in caught.value.hint
        mine = {"ca-file": str(tmp_path / "ca.pem"), "client.cert": str(certificate)}
        with dask.config.set({f"distributed.comm.tls.{key}": value for key, value in mine.items()}):
            executor = connect(App().settings, cluster.address)
        assert executor.submit(pow, 2, 3).result(60) == 8
        executor.shutdown()
