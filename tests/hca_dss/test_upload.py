"""Uploading folders to a real server, with the staging bucket in memory."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_dss import TOKEN, FakeDSS

from hca_core.errors import ApiError, ArgumentError, AuthError, HcaError, NetworkError, NotFoundError, TransferError
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, Clock, Request
from hca_core.transfer.digest import checksums
from hca_dss.client import DSSClient
from hca_dss.upload import upload
from hca_dss.version import check_version

BUNDLE = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def dss() -> Iterator[FakeDSS]:
    with FakeDSS() as server:
        yield server


@pytest.fixture
def client(dss: FakeDSS) -> Iterator[DSSClient]:
    with dss.client() as client:
        yield client


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "reads").mkdir(parents=True)
    (folder / "project_0.json").write_bytes(b'{"a": 1}')
    (folder / "reads/r1.fastq.gz").write_bytes(b"not really gzip")
    (folder / "reads/r 2#ü.txt").write_bytes(b"")
    return folder


def send(dss: FakeDSS, client: DSSClient, source: Path, **options: Any) -> dict[str, Any]:
    return upload(client, source, **{"replica": "aws", "staging_bucket": "stage", "store": dss.store, **options})


def test_a_folder_becomes_a_bundle(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    done = send(dss, client, source)
    (bundle,) = dss.bundles
    assert [(file["name"], file["indexed"]) for file in bundle["files"]] == [
        ("project_0.json", True),
        ("reads/r 2#ü.txt", False),
        ("reads/r1.fastq.gz", False),
    ]
    assert bundle["uuid"] == done["bundle_uuid"]
    assert bundle["params"] == {"replica": ["aws"], "version": [done["version"]]}
    assert bundle["creator_uid"] == done["creator_uid"] == 0


def test_the_summary_has_the_documented_shape(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    done = send(dss, client, source)
    assert list(done) == ["bundle_uuid", "creator_uid", "replica", "version", "files"]
    assert str(uuid.UUID(done["bundle_uuid"])) == done["bundle_uuid"]
    check_version(done["version"])
    assert [file["name"] for file in done["files"]] == ["project_0.json", "reads/r 2#ü.txt", "reads/r1.fastq.gz"]
    for file in done["files"]:
        assert list(file) == ["name", "version", "uuid", "creator_uid"]
        assert list(dss.files[file["uuid"]]) == [file["version"]] == [done["version"]]


def test_staged_objects_carry_checksums_and_types(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    done = send(dss, client, source, staging_bucket="s3://stage/mine/")
    uuids = {file["name"]: file["uuid"] for file in done["files"]}
    staged = dss.store.objects[f"stage/mine/{uuids['reads/r1.fastq.gz']}/r1.fastq.gz"]
    sums = checksums(source / "reads/r1.fastq.gz")
    assert staged == {
        "data": b"not really gzip",
        "content_type": "application/gzip",
        "tags": {
            "hca-dss-crc32c": sums.crc32c,
            "hca-dss-s3_etag": sums.s3_etag,
            "hca-dss-sha1": sums.sha1,
            "hca-dss-sha256": sums.sha256,
        },
    }
    assert (
        dss.store.objects[f"stage/mine/{uuids['project_0.json']}/project_0.json"]["content_type"] == "application/json"
    )
    assert f"stage/mine/{uuids['reads/r 2#ü.txt']}/r_2__.txt" in dss.store.objects


def test_the_creator_comes_from_the_settings(dss: FakeDSS, source: Path) -> None:
    with DSSClient(config={"creator_uid": 8008}, swagger_url=dss.swagger_url, token=TOKEN) as client:
        done = send(dss, client, source)
    assert {done["creator_uid"], *(file["creator_uid"] for file in done["files"])} == {8008}
    bodies = [request.json() for request in dss.requests if request.method == "PUT"]
    assert {body["creator_uid"] for body in bodies} == {8008}


def test_progress_counts_every_byte(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    seen: dict[str, list[object]] = {}

    class Watching:
        def add(self, name: str, size: int | None) -> None:
            seen[name] = [size]

        def advance(self, name: str, count: int) -> None:
            seen[name].append(count)

        def done(self, name: str) -> None:
            seen[name].append("done")

        def note(self, message: str) -> None: ...

    send(dss, client, source, progress=Watching())
    assert seen["reads/r1.fastq.gz"] == [15, 15, "done"]
    assert seen.keys() == {"project_0.json", "reads/r 2#ü.txt", "reads/r1.fastq.gz"}


# Nothing is sent when something is wrong from the start


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"staging_bucket": ""}, ArgumentError),
        ({"staging_bucket": "wasb://x"}, ArgumentError),
        ({"bundle_uuid": "mine"}, ArgumentError),
        ({"replica": "azure"}, ArgumentError),
    ],
)
def test_wrong_arguments(
    dss: FakeDSS, client: DSSClient, source: Path, arguments: dict[str, Any], error: type[HcaError]
) -> None:
    with pytest.raises(error):
        send(dss, client, source, **arguments)
    assert dss.store.objects == {}


def test_d33_an_empty_folder(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArgumentError, match="nothing to upload"):
        send(dss, client, tmp_path / "empty")


def test_d36_a_bad_name_is_found_before_anything_is_staged(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    (source / "reads/.DS_Store").touch()
    with pytest.raises(TransferError, match=r"reads/\.DS_Store"):
        send(dss, client, source)
    assert dss.store.puts == 0
    assert dss.files == {}


def test_a_symlinked_folder_is_skipped_and_said_so(
    dss: FakeDSS, client: DSSClient, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (source / "link").symlink_to(source / "reads")
    assert len(send(dss, client, source)["files"]) == 3
    assert "link is a link to a folder; it is not followed" in caplog.text


def test_a_dss_that_is_not_there_is_noticed_before_anything_is_staged(dss: FakeDSS, source: Path) -> None:
    with DSSClient(swagger_url=f"{dss.url}/nothing.json", token=TOKEN) as client, pytest.raises(HcaError):
        send(dss, client, source, jobs=1)
    assert dss.store.puts == 0


# Continuing


def test_one_bad_file_does_not_lose_the_others_and_there_is_no_bundle(
    dss: FakeDSS, client: DSSClient, source: Path
) -> None:
    dss.store.failing["r1.fastq.gz"] = ApiError("the bucket is full", status=507, hint="Empty it.")
    with pytest.raises(TransferError) as caught:
        send(dss, client, source, bundle_uuid=BUNDLE)
    error = caught.value
    assert "1 of 3 files failed: reads/r1.fastq.gz: the bucket is full" in error.message
    assert error.hint is not None
    assert error.hint.startswith(f"Empty it. Upload again with --bundle-uuid {BUNDLE}")
    assert error.exit_code == 9
    assert dict(error.report.counts) == {"sent": 2, "failed": 1}
    assert dss.bundles == []


def test_an_upload_that_nobody_answers_gives_up_soon(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"f{number}").touch()
        dss.store.failing[f"f{number}"] = NetworkError("no answer")
    del dss.store.failing["f0"]
    with pytest.raises(TransferError, match="8 of 30 files failed and 21 were not tried") as caught:
        send(dss, client, tmp_path, jobs=1)
    assert dict(caught.value.report.counts) == {"sent": 1, "failed": 8}


def test_a_repeated_upload_sends_only_what_is_missing(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    dss.store.failing["r1.fastq.gz"] = ApiError("the bucket is full", status=507)
    with pytest.raises(TransferError):
        send(dss, client, source, bundle_uuid=BUNDLE)
    first = {uuid: list(versions) for uuid, versions in dss.files.items()}
    dss.store.failing.clear()
    dss.store.puts = 0
    done = send(dss, client, source, bundle_uuid=BUNDLE)
    assert dss.store.puts == 1
    assert {uuid: list(versions) for uuid, versions in dss.files.items() if uuid in first} == first
    assert len(dss.bundles) == 1
    versions = {file["uuid"]: file["version"] for file in done["files"]}
    assert versions.items() >= {uuid: found[0] for uuid, found in first.items()}.items()


def test_staged_but_not_registered_files_keep_their_place(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    dss.register = lambda _: Answer.problem(422, "missing_checksum", "later")
    with pytest.raises(TransferError, match="3 of 3 files failed"):
        send(dss, client, source, bundle_uuid=BUNDLE)
    dss.register = dss.accept_file
    send(dss, client, source, bundle_uuid=BUNDLE)
    assert dss.store.puts == 3
    assert len(dss.bundles) == 1


def test_an_object_that_another_upload_has_just_replaced_is_waited_for(
    dss: FakeDSS, client: DSSClient, source: Path
) -> None:
    waits: list[float] = []
    taken: dict[str, dict[str, str]] = {}

    def too_early(request: Request) -> Answer:
        found = dss.store.objects[request.json()["source_url"].removeprefix("s3://")]
        taken[request.path] = dict(found["tags"])
        found["tags"].clear()
        dss.register = dss.accept_file
        return Answer.problem(422, "missing_checksum", "later")

    def tagged(seconds: float) -> None:
        waits.append(seconds)
        for found in dss.store.objects.values():
            found["tags"] |= {} if found["tags"] else next(iter(taken.values()))

    dss.register = too_early
    send(dss, client, source, bundle_uuid=BUNDLE, jobs=1, sleep=tagged)
    assert waits == [1.0]
    assert (dss.store.puts, len(dss.bundles)) == (3, 1)


def test_a_staged_object_that_is_not_the_file_is_sent_again(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    dss.register = lambda _: Answer.problem(422, "missing_checksum", "later")
    with pytest.raises(TransferError):
        send(dss, client, source, bundle_uuid=BUNDLE)
    first, second, _ = dss.store.objects.values()
    first["tags"].pop("hca-dss-sha1")
    second["data"] += b"more"
    dss.register = dss.accept_file
    send(dss, client, source, bundle_uuid=BUNDLE)
    assert dss.store.puts == 5


def test_a_bucket_that_may_only_be_written_to_is_enough(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    dss.store.write_only = True
    send(dss, client, source, bundle_uuid=BUNDLE)
    assert len(dss.bundles) == 1


def test_a_bundle_that_could_not_be_made_says_how_to_go_on(dss: FakeDSS, source: Path) -> None:
    dss.accept_bundle = lambda request: Answer(hang_up=True)  # type: ignore[method-assign]
    with (
        DSSClient(swagger_url=dss.swagger_url, token=TOKEN, policy=RetryPolicy(attempts=1)) as client,
        pytest.raises(NetworkError) as caught,
    ):
        send(dss, client, source, bundle_uuid=BUNDLE)
    assert caught.value.hint is not None
    assert f"--bundle-uuid {BUNDLE}" in caught.value.hint


def test_a_changed_file_is_a_new_version(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    before = send(dss, client, source, bundle_uuid=BUNDLE)["files"]
    (source / "project_0.json").write_bytes(b'{"a": 2}')
    after = send(dss, client, source, bundle_uuid=BUNDLE)["files"]
    assert before[0]["uuid"] == after[0]["uuid"]
    assert before[0]["version"] < after[0]["version"]
    assert before[1:] == after[1:]


def test_a_registered_file_with_other_content_is_not_taken(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    done = send(dss, client, source, bundle_uuid=BUNDLE)
    uuid = done["files"][0]["uuid"]
    for headers in dss.files[uuid].values():
        headers["X-DSS-SHA256"] = "0" * 64
    again = send(dss, client, source, bundle_uuid=BUNDLE)
    assert again["files"][0]["version"] == again["version"] != done["version"]


def test_without_a_bundle_uuid_nobody_is_asked_for_earlier_files(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    send(dss, client, source)
    assert [request.method for request in dss.requests].count("HEAD") == 0


def test_a_refused_token_stops_everything(dss: FakeDSS, source: Path) -> None:
    with DSSClient(swagger_url=dss.swagger_url, token="stale") as client, pytest.raises(AuthError):
        send(dss, client, source, jobs=1)
    assert dss.store.puts == 1


def test_a_bucket_that_does_not_exist_is_named_once(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    for name in ("project_0.json", "r1.fastq.gz", "r 2#ü.txt"):
        dss.store.failing[name] = NotFoundError("There is no bucket 'stage'.", status=404, code="NoSuchBucket")
    with pytest.raises(NotFoundError, match=r"^There is no bucket 'stage'\.$"):
        send(dss, client, source)


def test_an_unreadable_file_is_named(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    dss.store.failing["project_0.json"] = PermissionError(13, "Permission denied")
    with pytest.raises(TransferError, match=r"project_0\.json cannot be read: Permission denied"):
        send(dss, client, source)


# Files that the DSS takes in the background


def in_the_background(dss: FakeDSS, asked: list[dict[str, list[str]]], after: int) -> None:
    """Accept files with 202 and let them appear at the `after`-th question."""
    accept, look = dss.accept_file, dss.head_file
    waiting: dict[str, Request] = {}

    def put(request: Request) -> Answer:
        waiting[request.path] = request
        return Answer.json({"version": request.params["version"][0], "task_id": "t"}, 202)

    def head(uuid: str, version: str | None) -> Answer:
        asked.append(next(request for request in reversed(dss.requests) if request.method == "HEAD").params)
        request = waiting.get(f"/v1/files/{uuid}")
        if request and len(asked) >= after:
            accept(request)
        return look(uuid, version)

    dss.register, dss.head_file = put, head  # type: ignore[method-assign]


def test_d34_a_file_in_the_background_is_awaited_on_the_right_replica(
    dss: FakeDSS, client: DSSClient, tmp_path: Path
) -> None:
    (tmp_path / "big").write_bytes(b"x")
    asked: list[dict[str, list[str]]] = []
    in_the_background(dss, asked, after=4)
    clock = Clock()
    done = send(dss, client, tmp_path, replica="gcp", sleep=clock.sleep)
    assert asked == [{"replica": ["gcp"], "version": [done["version"]]}] * 4
    assert clock.sleeps == [1.0, 1.618, pytest.approx(2.618, abs=0.01)]
    assert dss.bundles[0]["params"]["replica"] == ["gcp"]


def test_d34_a_file_staged_for_another_replica_is_awaited_there(
    dss: FakeDSS, client: DSSClient, tmp_path: Path
) -> None:
    (tmp_path / "small").write_bytes(b"x")
    send(dss, client, tmp_path, replica="gcp")
    assert [request.params["replica"] for request in dss.requests if request.method == "HEAD"] == [["gcp"]]


def test_a_file_that_never_appears_ends_with_a_sentence(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x")
    in_the_background(dss, [], after=10**6)
    with pytest.raises(TransferError, match="did not finish taking big .* within 0 s"):
        send(dss, client, tmp_path, timeout_seconds=0, sleep=Clock().sleep)
    assert dss.bundles == []


# Telling


def test_a_report_has_a_line_for_each_file(dss: FakeDSS, client: DSSClient, source: Path, tmp_path: Path) -> None:
    dss.store.failing["r1.fastq.gz"] = ApiError("the bucket is full", status=507)
    dss.store.partial["project_0.json"] = 5
    report = tmp_path / "report"
    with pytest.raises(TransferError):
        send(dss, client, source, bundle_uuid=BUNDLE, report=report)
    lines = {line["name"]: line for line in map(json.loads, report.read_text().splitlines())}
    told = ("status", "size", "transferred", "attempts")
    assert {name: tuple(line[key] for key in told) for name, line in lines.items()} == {
        "project_0.json": ("resumed", 8, 3, 1),
        "reads/r 2#ü.txt": ("sent", 0, 0, 1),
        "reads/r1.fastq.gz": ("failed", 15, 0, 0),
    }
    assert lines["reads/r1.fastq.gz"]["error"] == "the bucket is full"
    dss.store.failing.clear()
    send(dss, client, source, bundle_uuid=BUNDLE, report=report)
    lines = {line["name"]: line for line in map(json.loads, report.read_text().splitlines())}
    assert [line["status"] for _, line in sorted(lines.items())] == ["present", "present", "sent"]


def test_a_dry_run_of_a_new_upload_asks_nobody(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    planned = send(dss, client, source, dry_run=True)
    assert [(file["name"], file["size"], file["action"]) for file in planned["files"]] == [
        ("project_0.json", 8, "send"),
        ("reads/r 2#ü.txt", 0, "send"),
        ("reads/r1.fastq.gz", 15, "send"),
    ]
    assert (planned["total_bytes"], planned["bytes_to_send"]) == (23, 23)
    assert (dss.store.puts, dss.bundles, dss.files) == (0, [], {})


def test_a_dry_run_tells_what_is_left(dss: FakeDSS, client: DSSClient, source: Path) -> None:
    (source / "more").write_bytes(b"abcdef")
    dss.store.failing["more"] = dss.store.failing["project_0.json"] = ApiError("the bucket is full", status=507)
    dss.register = lambda request: (
        Answer.problem(422, "missing_checksum", "later") if b"txt" in request.body else dss.accept_file(request)
    )
    with pytest.raises(TransferError):
        send(dss, client, source, bundle_uuid=BUNDLE)
    dss.store.partial["more"] = 4
    puts = dss.store.puts
    planned = send(dss, client, source, bundle_uuid=BUNDLE, dry_run=True)
    assert {file["name"]: file["action"] for file in planned["files"]} == {
        "more": "resume",
        "project_0.json": "send",
        "reads/r 2#ü.txt": "register",
        "reads/r1.fastq.gz": "present",
    }
    assert planned["bytes_to_send"] == 2 + 8
    assert (dss.store.puts, dss.bundles) == (puts, [])
