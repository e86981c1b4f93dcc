"""Downloading what a manifest lists into an object store: a real one, of this machine."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bucket_server import BUCKET, NOBODY, PREFIX, USER, BucketServer, key_of, use, write_settings
from example_bundle import CONTENTS, entries
from fake_dss import FakeDSS, entry
from gcp_storage_emulator.server import create_server
from listed_files import offer, tree, write_manifest

from hca_core.errors import ArgumentError, AuthError, HcaError, NetworkError, NotFoundError, TransferError
from hca_core.testing import Answer, run
from hca_core.transfer.job import Silent
from hca_dss.client import DSSClient
from hca_dss.verify import verify

TARGET = f"s3://{BUCKET}/{PREFIX}"
KEYS = {key_of(file["sha256"]): content for file, content in zip(entries(), CONTENTS.values(), strict=True)}


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def bucket(tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketServer]:
    with BucketServer(tmp_path / "s3") as server:
        use(server, monkeypatch)
        yield server


@pytest.fixture
def dss(home: Path, bucket: BucketServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDSS]:
    """A DSS, and settings that lead to it and to the bucket."""
    with FakeDSS() as server:
        write_settings(home / "settings.json", bucket, server.swagger_url, retries=1)
        monkeypatch.setenv("HCA_CONFIG_FILE", str(home / "settings.json"))
        yield server


@pytest.fixture
def client(dss: FakeDSS) -> Iterator[DSSClient]:
    with DSSClient() as client:
        yield client


@pytest.fixture
def manifest(dss: FakeDSS, home: Path) -> Path:
    (home / "lists").mkdir()
    return write_manifest(home / "lists/m.tsv", entries())


def fetch(client: DSSClient, manifest: Path, target: str = TARGET, **options: Any) -> dict[str, Any]:
    return client.download_manifest(manifest, "aws", download_dir=target, **options)


def paths(manifest: Path) -> list[str]:
    """What the rewritten manifest says in its last column."""
    return [line.split("\t")[-1] for line in manifest.read_text().splitlines()[1:]]


# What becomes of a download


def test_contents_and_their_checksums_get_into_the_bucket(
    client: DSSClient, bucket: BucketServer, manifest: Path, home: Path, spool: Path
) -> None:
    done = fetch(client, manifest, f"{TARGET}/", report="report.jsonl")
    assert bucket.contents() == KEYS
    assert all(bucket.metadata(key) == {"sha256": Path(key).name} for key in KEYS)
    assert done == {"manifest": "m.tsv", "layout": "none", "directory": TARGET, "rows": 5, "saved": 5}
    urls = [f"s3://{BUCKET}/{key}" for key in KEYS]
    assert paths(home / "m.tsv") == urls
    reported = [json.loads(line) for line in (home / "report.jsonl").read_text().splitlines()]
    assert sorted(line["path"] for line in reported) == sorted(urls)
    assert {line["status"] for line in reported} == {"fetched", "present"}  # the empty one is where it was tried out
    assert sum(line["transferred"] for line in reported) == sum(map(len, CONTENTS.values()))
    assert not list(spool.iterdir())
    assert not list(home.glob("*.failed.tsv"))


def test_a_copy_of_the_bucket_is_a_download_directory(
    client: DSSClient, bucket: BucketServer, manifest: Path, home: Path, dss: FakeDSS
) -> None:
    fetch(client, manifest)
    for key, content in bucket.contents().items():
        path = home / "copy" / key.removeprefix(f"{PREFIX}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert verify(home / "m.tsv", home / "copy").ok == 5


def test_what_is_there_is_not_fetched_or_sent_again(
    client: DSSClient, bucket: BucketServer, dss: FakeDSS, manifest: Path
) -> None:
    fetch(client, manifest)
    bucket.seen.clear()
    sent = sum(blob.sent for blob in dss.blobs.values())
    assert fetch(client, manifest)["saved"] == 5
    assert sum(blob.sent for blob in dss.blobs.values()) == sent
    assert {method for method, _ in bucket.seen} == {"HEAD"}
    assert bucket.count("HEAD") == 6


@pytest.mark.parametrize(("damage", "metadata"), [(b"x" * 16, "a" * 64), (b"@r1\nACGT\n+\nIIII\n", ""), (b"@", None)])
def test_another_object_at_that_key_is_replaced(
    client: DSSClient, bucket: BucketServer, manifest: Path, damage: bytes, metadata: str | None
) -> None:
    fetch(client, manifest)
    sha256 = entries()[3]["sha256"]
    told = sha256 if metadata is None else metadata
    bucket.put(key_of(sha256), damage, **({"sha256": told} if told else {}))
    bucket.seen.clear()
    fetch(client, manifest)
    assert [path for method, path in bucket.seen if method == "PUT"] == [f"/{BUCKET}/{key_of(sha256)}"]
    assert bucket.contents() == KEYS


def test_damage_that_the_store_does_not_know_is_found_by_verify(
    client: DSSClient, bucket: BucketServer, manifest: Path
) -> None:
    fetch(client, manifest)
    sha256 = entries()[3]["sha256"]
    bucket.put(key_of(sha256), b"x" * 16, sha256=sha256)
    fetch(client, manifest)
    assert bucket.contents() != KEYS
    fetch(client, manifest, existing="verify")
    assert bucket.contents() == KEYS
    bucket.seen.clear()
    fetch(client, manifest, existing="verify")
    assert (bucket.count("GET"), bucket.count("PUT")) == (5, 0)


def test_overwrite_asks_for_nothing_and_sends_everything(
    client: DSSClient, bucket: BucketServer, manifest: Path
) -> None:
    fetch(client, manifest)
    bucket.seen.clear()
    fetch(client, manifest, existing="overwrite")
    assert (bucket.count("HEAD"), bucket.count("PUT")) == (1, 5)


def test_one_content_is_fetched_once(client: DSSClient, bucket: BucketServer, dss: FakeDSS, home: Path) -> None:
    manifest = write_manifest(home / "m.tsv", [*entries(), *entries(), {**entries()[3], "size": 17}])
    with pytest.raises(TransferError, match=r"1 of 6 files failed: .* has 16 bytes, not 17"):
        fetch(client, manifest)
    assert dss.blobs["reads/r1.fastq"].sent == 16
    assert [bool(path) for path in paths(home / "m.tsv")] == [True] * 10 + [False]


def test_a_large_content_is_sent_in_parts_and_shown(
    client: DSSClient, bucket: BucketServer, dss: FakeDSS, home: Path, spool: Path
) -> None:
    class Watching(Silent):
        def __init__(self) -> None:
            self.told: dict[str, int] = {}

        def advance(self, name: str, count: int) -> None:
            self.told[name] = self.told.get(name, 0) + count

    content = bytes(65 * 2**20)
    files = [entry("big.bam", content)]
    dss.publish(files, [content])
    progress = Watching()
    fetch(client, write_manifest(home / "m.tsv", files), progress=progress)
    assert progress.told == dict.fromkeys(("big.bam (line 2)", "sending big.bam (line 2)"), len(content))
    assert hashlib.sha256(bucket.contents()[key_of(files[0]["sha256"])]).hexdigest() == files[0]["sha256"]
    assert bucket.metadata(key_of(files[0]["sha256"])) == {"sha256": files[0]["sha256"]}
    assert not list(spool.iterdir())


def test_google_does_as_well(
    dss: FakeDSS, manifest: Path, client: DSSClient, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    server.start()
    host, port = server._api._httpd.server_address
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{host}:{port}")
    try:
        assert fetch(client, manifest, f"gs://{BUCKET}/x")["saved"] == 5
        sent = sum(blob.sent for blob in dss.blobs.values())
        assert fetch(client, manifest, f"gs://{BUCKET}/x", existing="verify")["saved"] == 5
        assert sum(blob.sent for blob in dss.blobs.values()) == sent
        with pytest.raises(NotFoundError, match="There is no bucket"):
            fetch(client, manifest, "gs://nowhere")
    finally:
        server.stop()


# What goes wrong


def test_a_content_that_the_dss_does_not_have_costs_only_its_rows(
    client: DSSClient, bucket: BucketServer, dss: FakeDSS, manifest: Path, home: Path, spool: Path
) -> None:
    dss.on("GET", f"/v1/files/{entries()[0]['uuid']}", Answer.problem(404, "not_found", "gone"))
    with pytest.raises(TransferError, match=r"1 of 5 files failed: project_0\.json") as caught:
        fetch(client, manifest)
    assert "they are in m.failed.tsv" in str(caught.value.hint)
    assert [bool(path) for path in paths(home / "m.tsv")] == [False, True, True, True, True]
    assert len((home / "m.failed.tsv").read_text().splitlines()) == 2
    assert len(bucket.contents()) == 4
    assert not list(spool.iterdir())


def test_wrong_content_never_gets_into_the_bucket(
    client: DSSClient, bucket: BucketServer, dss: FakeDSS, manifest: Path, spool: Path
) -> None:
    dss.serve_bytes(f"/blobs/{entries()[3]['uuid']}", b"x" * 16)
    with pytest.raises(TransferError, match="is not the file that was asked for"):
        fetch(client, manifest)
    assert key_of(entries()[3]["sha256"]) not in bucket.contents()
    assert not list(spool.iterdir())


def test_a_store_that_refuses_one_content_costs_only_its_rows(
    client: DSSClient, bucket: BucketServer, manifest: Path, home: Path, spool: Path
) -> None:
    sha256 = entries()[3]["sha256"]
    bucket.faults.append(lambda method, path: "400 Bad" if method == "PUT" and path.endswith(sha256) else None)
    with pytest.raises(TransferError, match=r"1 of 5 files failed: reads/r1\.fastq \(line 5\): .* refused a request"):
        fetch(client, manifest)
    assert bucket.contents().keys() == KEYS.keys() - {key_of(sha256)}
    assert not list(spool.iterdir())
    bucket.faults.clear()
    fetch(client, home / "m.failed.tsv")
    assert bucket.contents() == KEYS


def test_rights_that_end_in_the_middle_end_the_run(
    client: DSSClient, bucket: BucketServer, dss: FakeDSS, home: Path, spool: Path
) -> None:
    manifest = write_manifest(home / "m.tsv", offer(dss, 50))
    # The first object is the empty one, with which the store is tried out.
    bucket.faults.append(lambda method, _: "403 Forbidden" if method == "PUT" and bucket.count("PUT") > 1 else None)
    with pytest.raises(TransferError, match="1 of 1 files failed: .* refused access"):
        fetch(client, manifest, jobs=1)
    assert sum(blob.sent > 0 for blob in dss.blobs.values()) == 1
    assert len((home / "m.failed.tsv").read_text().splitlines()) == 51
    assert not list(spool.iterdir())


def test_a_store_that_answers_no_more_ends_the_run(bucket: BucketServer, dss: FakeDSS, home: Path, spool: Path) -> None:
    manifest = write_manifest(home / "m.tsv", offer(dss, 50))
    bucket.faults.append(lambda method, _: "503 Slow Down" if bucket.count("HEAD") > 1 else None)
    problem = pytest.raises(TransferError, match="8 of 8 files failed: .* failed to serve")
    with DSSClient(config={"network": {"retries": 0}}) as client, problem:
        fetch(client, manifest, jobs=1)
    assert not list(spool.iterdir())


def test_fail_fast_stops_at_the_first_failure(
    client: DSSClient, bucket: BucketServer, dss: FakeDSS, manifest: Path
) -> None:
    dss.on("GET", f"/v1/files/{entries()[0]['uuid']}", Answer.problem(404, "not_found", "gone"))
    with pytest.raises(TransferError, match="1 of 1 files failed"):
        fetch(client, manifest, jobs=1, fail_fast=True)


def test_who_may_not_look_may_still_write(client: DSSClient, bucket: BucketServer, dss: FakeDSS, home: Path) -> None:
    manifest = write_manifest(home / "m.tsv", entries())
    bucket.faults.append(lambda method, _: None if method == "PUT" else "403 Forbidden")
    assert fetch(client, manifest)["saved"] == 5
    assert bucket.contents() == KEYS
    planned = fetch(client, manifest, dry_run=True)
    assert (planned["contents"], planned["contents_present"], planned["bytes_to_fetch"]) == (5, None, 433)


# What is refused before any file is fetched


@pytest.mark.parametrize(
    ("key", "target", "problem", "kind"),
    [
        (USER, "s3://no-such-bucket/x", "There is no bucket 'no-such-bucket'.", NotFoundError),
        (NOBODY, TARGET, "The object store refused access to s3://", AuthError),
        (None, TARGET, "No usable AWS credentials for s3://", AuthError),
    ],
)
@pytest.mark.parametrize("workers", [False, True])
def test_a_bucket_that_cannot_be_written_to_is_known_before_any_file_is_fetched(
    client: DSSClient,
    bucket: BucketServer,
    dss: FakeDSS,
    manifest: Path,
    home: Path,
    spool: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: Any,
    target: str,
    problem: str,
    kind: type[HcaError],
    workers: bool,
) -> None:
    if key:
        use(bucket, monkeypatch, key)
    else:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    # Workers may have credentials where whoever sends them has none.
    expected = TransferError if workers and kind is AuthError else kind
    with ThreadPoolExecutor(2) as executor, pytest.raises(expected) as caught:
        fetch(client, manifest, target, executor=executor if workers else None)
    assert problem in caught.value.message
    assert not any(request.path.startswith("/v1/files") for request in dss.requests)
    assert (home / "m.tsv").exists() == (expected is TransferError)
    assert not list(spool.iterdir())


def test_a_store_that_does_not_answer_is_known_before_any_file_is_fetched(dss: FakeDSS, manifest: Path) -> None:
    config = {"s3": {"endpoint_url": "http://127.0.0.1:1"}, "network": {"retries": 0}}
    config |= {"DSSClient": {"swagger_url": dss.swagger_url}}
    with DSSClient(config=config) as client, pytest.raises(NetworkError, match="No answer from the object store"):
        fetch(client, manifest)
    assert not any(request.path.startswith("/v1/files") for request in dss.requests)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("s3://", "'s3://' is not a place in an object store."),
        ("s3:///x", "'s3:///x' is not a place in an object store."),
        ("://x", "'://x' is not a place in an object store."),
        ("s3://b/x//y", "'s3://b/x//y' is not a place in an object store."),
        ("s3://b/../y", "'s3://b/../y' is not a place in an object store."),
        ("s3://b/x\ty", "'s3://b/x\\ty' is not a place in an object store."),
        ("nfs://b/x", "There is no object store for nfs:// URLs."),
    ],
)
def test_what_is_no_place_is_refused(client: DSSClient, manifest: Path, home: Path, target: str, problem: str) -> None:
    for dry_run in (True, False):
        with pytest.raises(ArgumentError) as caught:
            fetch(client, manifest, target, dry_run=dry_run, report="report.jsonl")
        assert caught.value.message == problem
    assert not (home / "report.jsonl").exists()


def test_what_needs_a_folder_is_refused(client: DSSClient, manifest: Path) -> None:
    with pytest.raises(ArgumentError, match=f"Layout bundle needs a folder, which {TARGET} is not"):
        client.download_manifest(manifest, "aws", "bundle", download_dir=TARGET)
    with pytest.raises(ArgumentError, match="existing=error cannot be used with an object store"):
        fetch(client, manifest, existing="error")


def test_without_a_temporary_folder_nothing_is_done(
    client: DSSClient, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(TransferError, match="no temporary folder can be made") as caught:
        fetch(client, manifest)
    assert "TMPDIR" in str(caught.value.hint)


# Temporary folders


def test_only_files_in_flight_take_room(client: DSSClient, dss: FakeDSS, home: Path, spool: Path) -> None:
    manifest = write_manifest(home / "m.tsv", offer(dss, 30))
    most: list[int] = []

    class Looking(Silent):
        def done(self, name: str) -> None:
            most.append(sum(path.stat().st_size > 0 for path in spool.rglob("*") if path.is_file()))

    fetch(client, manifest, jobs=1, progress=Looking())
    assert max(most) == 1


def test_a_file_larger_than_the_temporary_folder_costs_only_its_rows(
    client: DSSClient, bucket: BucketServer, manifest: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the files, only the reads and the empty one fit.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=16))
    with pytest.raises(TransferError, match=r"3 of 5 files failed: .* but only 16 are free in the temporary folder"):
        fetch(client, manifest)
    assert set(bucket.contents()) == {key_of(file["sha256"]) for file in entries()[3:]}
    assert len((home / "m.failed.tsv").read_text().splitlines()) == 4


def test_nothing_is_left_after_an_interruption(
    client: DSSClient, bucket: BucketServer, dss: FakeDSS, manifest: Path, spool: Path
) -> None:
    class Interrupting(Silent):
        def advance(self, name: str, count: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(client, manifest, jobs=1, progress=Interrupting())
    assert not list(spool.iterdir())
    assert list(bucket.contents().values()) == [b""]


# Workers


class Pickling(Executor):
    """Sends everything through pickle, as an executor of processes does, and writes down what was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.sent.append(pickle.dumps((fn, args, kwargs)))
        future: Future[Any] = Future()
        work, given, named = pickle.loads(self.sent[-1])
        future.set_result(pickle.loads(pickle.dumps(work(*given, **named))))
        return future


def test_workers_put_contents_into_the_bucket_with_keys_of_their_own(
    client: DSSClient, bucket: BucketServer, dss: FakeDSS, manifest: Path, home: Path, spool: Path
) -> None:
    executor = Pickling()
    (home / "credentials").write_text("")
    settings = json.loads((home / "settings.json").read_text())
    settings["s3"]["credentials_file"] = str(home / "credentials")
    (home / "settings.json").write_text(json.dumps(settings))
    assert fetch(client, manifest, executor=executor, report="report.jsonl")["saved"] == 5
    (sent,) = executor.sent
    assert bucket.url.encode() in sent
    for secret in (USER.secret, USER.id, str(home / "credentials")):
        assert secret.encode() not in sent
    assert bucket.contents() == KEYS
    assert paths(home / "m.tsv") == [f"s3://{BUCKET}/{key}" for key in KEYS]
    reported = [json.loads(line)["path"] for line in (home / "report.jsonl").read_text().splitlines()]
    assert sorted(reported) == sorted(paths(home / "m.tsv"))
    bucket.seen.clear()
    assert fetch(client, manifest, executor=executor)["saved"] == 5
    assert {method for method, _ in bucket.seen} == {"HEAD"}
    assert not list(spool.iterdir())


def test_a_batch_that_fails_costs_its_rows(client: DSSClient, bucket: BucketServer, manifest: Path, home: Path) -> None:
    class Losing(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(OSError(5, "the machine is gone"))
            return future

    with pytest.raises(TransferError, match=f"5 of 5 files failed: .*{TARGET}/.* cannot be written: the machine"):
        fetch(client, manifest, executor=Losing())
    assert paths(home / "m.tsv") == [""] * 5


# The command


def command(*words: object) -> Any:
    return run("dss", "download-manifest", "--replica", "aws", *map(str, words))


def test_the_command_says_where_the_urls_are(dss: FakeDSS, manifest: Path, home: Path) -> None:
    ended = command("--manifest", manifest, "--download-dir", TARGET)
    assert (ended.code, ended.stderr) == (0, "Saved 5 files; their paths are in m.tsv.\n")
    before = tree(home)
    planned = command("--manifest", manifest, "--download-dir", TARGET, "--dry-run")
    assert json.loads(planned.stdout) == {
        "manifest": str(manifest),
        "layout": "none",
        "directory": TARGET,
        "files": 5,
        "total_bytes": 433,
        "contents": 5,
        "contents_present": 5,
        "bytes_to_fetch": 0,
        "failed": [],
    }
    assert tree(home) == before


def test_a_dry_run_sends_nothing(dss: FakeDSS, bucket: BucketServer, manifest: Path) -> None:
    bucket.put(key_of(entries()[3]["sha256"]), CONTENTS["reads/r1.fastq"], sha256=entries()[3]["sha256"])
    planned = json.loads(command("--manifest", manifest, "--download-dir", TARGET, "--dry-run").stdout)
    assert (planned["contents"], planned["contents_present"], planned["bytes_to_fetch"]) == (5, 1, 433 - 16)
    assert {method for method, _ in bucket.seen} == {"GET", "HEAD"}
    ended = command("--manifest", manifest, "--download-dir", "s3://no-such-bucket", "--dry-run")
    assert (ended.code, ended.stderr.splitlines()[0]) == (7, "Error: There is no bucket 'no-such-bucket'.")


@pytest.mark.parametrize(
    ("target", "code"), [("s3://", 2), ("s3:///x", 2), ("nfs://b", 2), ("s3://no-such-bucket/x", 7)]
)
def test_a_bad_target_ends_in_its_exit_code(dss: FakeDSS, manifest: Path, target: str, code: int) -> None:
    ended = command("--manifest", manifest, "--download-dir", target)
    assert (ended.code, ended.stdout) == (code, "")
    assert ended.stderr.startswith("Error: ")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nobody keeps root from writing")
def test_a_current_folder_without_room_for_the_manifest_is_known_before(
    dss: FakeDSS, manifest: Path, home: Path
) -> None:
    home.chmod(0o500)
    try:
        ended = command("--manifest", manifest, "--download-dir", TARGET)
    finally:
        home.chmod(0o700)
    assert ended.code == 9
    assert "go to another one" in ended.stderr
