"""Downloading what a manifest lists with workers other than threads of this process."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, entries
from fake_dss import TOKEN, FakeDSS
from listed_files import offer, tree, write_manifest
from plugin_folder import install

from hca_core.errors import ArgumentError, TransferError
from hca_core.settings import HCAConfig
from hca_core.testing import Answer, Request, run
from hca_core.transfer.job import Silent
from hca_core.transfer.ledger import Ledger
from hca_dss.batches import MOST_ROWS, Terms, run_batch, split
from hca_dss.bundles import Planner
from hca_dss.client import DSSClient
from hca_dss.delivery import Manner
from hca_dss.layouts import Bundles, Contents, Work
from hca_dss.manifest import Layout
from hca_dss.rows import Manifest

MANNER = {
    "existing": "skip",
    "num_retries": 10,
    "min_delay_seconds": 0.25,
    "jobs": None,
    "limit_rate": None,
    "fail_fast": False,
}
OTHER = "22222222-2222-4333-8444-555555555555"


@pytest.fixture
def dss() -> Iterator[FakeDSS]:
    with FakeDSS() as server:
        yield server


@pytest.fixture
def client(dss: FakeDSS) -> Iterator[DSSClient]:
    with dss.client() as client:
        yield client


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


class Pickling(Executor):
    """Sends everything through pickle, as an executor of processes does, and writes down what was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.sent.append(pickle.dumps((fn, args, kwargs)))
        future: Future[Any] = Future()
        try:
            work, given, named = pickle.loads(self.sent[-1])
            future.set_result(pickle.loads(pickle.dumps(work(*given, **named))))
        except Exception as error:
            future.set_exception(pickle.loads(pickle.dumps(error)))
        return future


def work_on(client: DSSClient, manifest: Path, make: type[Work] = Contents) -> tuple[Work, Terms]:
    listed = Manifest(manifest)
    planner = Planner(client, "aws", manifest.parent / "out", "skip")
    work = make(listed, planner, Manner.of(client, **MANNER, progress=None), Ledger())
    return work, Terms.of(make, listed, planner, MANNER)


def lines(path: Path) -> list[dict[str, Any]]:
    """What a report says, but for times and paths."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(({**line, "seconds": 0, "path": Path(line["path"]).name} for line in found), key=str)


# What is made of a manifest


def test_rows_are_split_by_number_and_by_size(client: DSSClient, tmp_path: Path) -> None:
    files = [{**entries()[0], "sha256": f"{number:064x}", "size": number} for number in range(10)]
    work, terms = work_on(client, write_manifest(tmp_path / "m.tsv", files))
    assert [[record.line for record in batch.records] for batch in split(work, terms, 4)] == [
        [2, 3, 4, 5],
        [6, 7, 8, 9],
        [10, 11],
    ]
    assert [len(batch.records) for batch in split(work, terms, most_bytes=9)] == [4, 2, 1, 1, 1, 1]
    assert [batch.number for batch in split(work, terms, 4)] == [1, 2, 3]


def test_one_content_is_in_one_batch(client: DSSClient, tmp_path: Path) -> None:
    work, terms = work_on(client, write_manifest(tmp_path / "m.tsv", entries() * 3))
    (batch,) = split(work, terms)
    assert [record.line for record in batch.records] == [2, 3, 4, 5, 6]


def test_the_rows_of_a_bundle_stay_together(client: DSSClient, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.tsv", entries())
    other = manifest.read_text().replace(BUNDLE_UUID, OTHER).splitlines()[1:]
    manifest.write_text(manifest.read_text() + "\n".join(other) + "\n" + manifest.read_text().splitlines()[1])
    work, terms = work_on(client, manifest, Bundles)
    assert [[record.line for record in batch.records] for batch in split(work, terms, 2)] == [
        [2, 3, 4, 5, 6, 12],
        [7, 8, 9, 10, 11],
    ]


def test_a_batch_can_be_done_twice(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    work, terms = work_on(client, write_manifest(tmp_path / "m.tsv", entries()))
    (batch,) = split(work, terms)
    first, before = run_batch(batch), tree(tmp_path / "out")
    assert {result.status for result in first.results} == {"fetched"}
    assert {result.status for result in run_batch(batch).results} == {"present"}
    assert tree(tmp_path / "out") == before


def test_settings_travel_but_secrets_and_those_of_a_machine_do_not(client: DSSClient, tmp_path: Path) -> None:
    config = HCAConfig()
    config["network"].update({"retries": 3, "proxy": "http://ada:pl4nted@127.0.0.1:1", "ca_bundle": "/mine.pem"})
    config["s3"].update({"endpoint_url": "https://objects.example.org", "credentials_file": "/mine.keys"})
    work, _ = work_on(client, write_manifest(tmp_path / "m.tsv", entries()))
    mine = DSSClient(config=config, swagger_url=client.swagger_url, token=TOKEN)
    terms = Terms.of(Contents, work.listed, replace(work.planner, client=mine), MANNER)
    assert (terms.swagger_url, terms.settings["network.retries"]) == (client.swagger_url, 3)
    assert terms.settings["s3.endpoint_url"] == "https://objects.example.org"
    sent = pickle.dumps(list(split(work, terms)))
    assert client.swagger_url.encode() in sent
    for secret in (TOKEN, "pl4nted", "mine.pem", "mine.keys"):
        assert secret.encode() not in sent


# What becomes of a download


@pytest.mark.parametrize("layout", ["none", "bundle"])
def test_all_is_as_if_it_had_been_done_here(dss: FakeDSS, client: DSSClient, home: Path, layout: Layout) -> None:
    files = entries()
    files[1] = {**files[1], "sha256": "0" * 64}  # not what the bundle says, and nothing the DSS could give out
    manifest = write_manifest(home / "m.tsv", [*files, files[0], {**files[2], "size": "many"}])
    manifest.write_text(manifest.read_text() + manifest.read_text().splitlines()[1].replace(BUNDLE_UUID, OTHER))
    options: dict[str, Any] = {"no_data": True} if layout == "bundle" else {}
    done: dict[str, Any] = {}
    for name, executor in (("here", None), ("there", Pickling())):
        with pytest.raises(TransferError) as caught:
            client.download_manifest(
                "m.tsv", "aws", layout, download_dir=name, report=f"{name}.jsonl", executor=executor, **options
            )
        written = {path: data.replace(name.encode(), b"X") for path, data in tree(home / name).items()}
        said = caught.value.message.replace(name, "X"), caught.value.hint.replace(name, "X")
        done[name] = written, lines(home / f"{name}.jsonl"), dict(caught.value.report.counts), sorted(said[0])
    assert done["there"] == done["here"]
    assert (home / "there/m.failed.tsv").exists()


def test_credentials_are_not_sent_and_workers_find_their_own(
    dss: FakeDSS, client: DSSClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = Pickling()
    manifest = write_manifest(home / "m.tsv", entries())
    monkeypatch.setenv("HCA_DSS_TOKEN", "token-of-the-worker")
    client.download_manifest(manifest, "aws", "bundle", download_dir="out", executor=executor)
    assert executor.sent
    assert not [sent for sent in executor.sent if TOKEN.encode() in sent]


def test_progress_counts_the_files_of_each_batch(client: DSSClient, home: Path, threads: Executor) -> None:
    class Counting(Silent):
        def __init__(self) -> None:
            self.bytes, self.files = 0, 0

        def advance(self, name: str, count: int) -> None:
            self.bytes += count

        def done(self, name: str) -> None:
            self.files += 1

    progress = Counting()
    manifest = write_manifest(home / "m.tsv", entries())
    client.download_manifest(manifest, "aws", executor=threads, progress=progress)
    assert (progress.files, progress.bytes) == (5, sum(file["size"] for file in entries()))


def test_fail_fast_hands_out_no_more(dss: FakeDSS, client: DSSClient, home: Path) -> None:
    files = offer(dss, MOST_ROWS + 1)
    dss.on("GET", f"/v1/files/{files[0]['uuid']}", Answer.problem(404, "not_found", "gone"))
    manifest = write_manifest(home / "m.tsv", files)
    with pytest.raises(TransferError) as caught:
        client.download_manifest(manifest, "aws", executor=Pickling(), jobs=1, fail_fast=True)
    assert [failure.name for failure in caught.value.report.failures] == ["reads_0.fastq (line 2)"]


class Losing(Pickling):
    """Loses the first piece of work that it gets, as often as it gets it."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if args[0].number > 1:
            return super().submit(fn, *args, **kwargs)
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("A process ended."))
        return future


@pytest.mark.parametrize(("layout", "lost"), [("none", MOST_ROWS), ("bundle", MOST_ROWS + 1)])
def test_a_batch_that_is_lost_for_good_costs_its_rows(
    dss: FakeDSS, client: DSSClient, home: Path, layout: Layout, lost: int
) -> None:
    manifest = write_manifest(home / "m.tsv", offer(dss, MOST_ROWS + 1))
    with pytest.raises(
        TransferError, match=r"Batch 1 was not finished by its worker \(BrokenExecutor: A process"
    ) as caught:
        client.download_manifest(manifest, "aws", layout, download_dir="out", executor=Losing())
    report = caught.value.report
    assert (len(report.failures), report.files) == (lost, MOST_ROWS + 1)
    assert "out/m.failed.tsv" in caught.value.hint
    again = client.download_manifest("out/m.failed.tsv", "aws", layout, download_dir="out", executor=Pickling())
    assert (again["rows"], again["saved"]) == (lost, lost)


def test_a_worker_that_does_not_get_to_the_dss_fails_its_rows(
    dss: FakeDSS, client: DSSClient, home: Path, threads: Executor
) -> None:
    manifest = write_manifest(home / "m.tsv", entries())
    assert client.api.base_url
    client.app.descriptions.clear()
    dss.on("GET", "/v1/swagger.json", Answer.problem(404, "not_found", "gone"))
    with pytest.raises(TransferError, match="5 of 5 files failed: .*404"):
        client.download_manifest(manifest, "aws", executor=threads)


# How workers are chosen

PROCESSES = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from hca_core.hookspecs import hookimpl
    from hca_core.records import ExecutorSpec

    @hookimpl
    def hca_executors():
        return [ExecutorSpec("processes", "Processes of this machine.", "{module}:make")]

    def make(settings, scheduler):
        return ProcessPoolExecutor(int(scheduler), multiprocessing.get_context("spawn"))
"""


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an executor that a plugin brings: two processes of this machine."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    install(folder, "processes", PROCESSES)
    yield "processes"
    sys.modules.pop("plug_hca_processes", None)


@pytest.mark.slow
def test_a_process_that_is_killed_costs_no_file(
    dss: FakeDSS, home: Path, processes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = offer(dss, MOST_ROWS + 1)
    blob, killed = f"{dss.url}/blobs/{files[0]['uuid']}", []

    def kill_who_works(_: Request) -> Answer:
        if not killed:
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()
        return Answer.redirect(blob)

    dss.on("GET", f"/v1/files/{files[0]['uuid']}", kill_who_works)
    write_manifest(home / "m.tsv", files)
    (home / "settings.json").write_text(json.dumps({"DSSClient": {"swagger_url": dss.swagger_url}}))
    monkeypatch.setenv("HCA_CONFIG_FILE", str(home / "settings.json"))
    words = ["dss", "download-manifest", "--manifest", "m.tsv", "--replica", "aws", "--report", "report.jsonl"]
    ended = run(*words, "--download-dir", "out", "--executor", processes, "--scheduler", "2")
    assert (ended.code, killed[0].exitcode) == (0, -9), ended.stderr
    assert ended.stderr.endswith(f"Saved {len(files)} files; their paths are in out/m.tsv.\n")
    assert len((home / "report.jsonl").read_text().splitlines()) == len(files)
    assert run(*words, "--download-dir", "here").code == 0
    theirs, ours = tree(home / "out"), tree(home / "here")
    assert theirs.pop("m.tsv") == ours.pop("m.tsv").replace(b"here/", b"out/")
    assert theirs == ours


def test_an_executor_that_nobody_has_is_a_sentence(dss: FakeDSS, client: DSSClient, home: Path, processes: str) -> None:
    write_manifest(home / "m.tsv", entries())
    with pytest.raises(ArgumentError, match="No installed plugin has an executor 'slurm'") as caught:
        client.download_manifest("m.tsv", "aws", executor="slurm")
    assert caught.value.hint.startswith("Known executors: local, ")
    assert " processes. " in caught.value.hint


@pytest.mark.parametrize("executor", [None, "local"])
def test_local_is_this_process(dss: FakeDSS, client: DSSClient, home: Path, executor: str | None) -> None:
    write_manifest(home / "m.tsv", entries())
    assert client.download_manifest("m.tsv", "aws", executor=executor)["saved"] == 5
    with pytest.raises(ArgumentError, match="A scheduler needs an executor"):
        client.download_manifest("m.tsv", "aws", executor=executor, scheduler="tcp://127.0.0.1:1")


def test_files_that_must_not_exist_cannot_be_left_to_workers(client: DSSClient, home: Path, threads: Executor) -> None:
    write_manifest(home / "m.tsv", entries())
    with pytest.raises(ArgumentError, match="existing=error cannot be used with an executor"):
        client.download_manifest("m.tsv", "aws", existing="error", executor=threads)


def test_a_dry_run_needs_no_workers(client: DSSClient, home: Path) -> None:
    write_manifest(home / "m.tsv", entries())
    assert client.download_manifest("m.tsv", "aws", dry_run=True, executor="slurm")["files"] == 5
