"""The operations on files, as the worked examples have them."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import requests
from example_bundle import CONTENTS, FILE_VERSION, entries, file_uuid

from hca_core.transfer.digest import checksums
from hca_local.s3.app import S3App
from hca_local.s3.store import ObjectReader, ObjectStore

from .conftest import KEY, NOW

UUID = file_uuid(4)
FASTQ = CONTENTS["reads/r1.fastq"]
TYPE = "application/octet-stream; dcp-type=data"
ANSWER = {"version": FILE_VERSION}


def problem(answer: requests.Response) -> tuple[int, str]:
    document = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert document.keys() == {"status", "code", "title", "stacktrace"}
    assert document["status"] == answer.status_code
    assert document["stacktrace"] == ""
    return answer.status_code, document["code"]


def staged(dss: Any, changed: dict[str, Any], content: bytes = FASTQ) -> str:
    """Stage an object with some tags changed or, if None, left out."""
    sums = vars(checksums(io.BytesIO(content), len(content))) | changed
    tags = {f"hca-dss-{name}": value for name, value in sums.items() if value is not None}
    url: str = dss.stage("r1.fastq", content, TYPE, tags=tags)
    return url


def test_put_creates_repeats_and_refuses_other_content(dss: Any) -> None:
    url = dss.stage("r1.fastq", FASTQ, TYPE)
    created = dss.put_file(url, UUID)
    assert (created.status_code, created.json()) == (201, ANSWER)
    repeated = dss.put_file(url, UUID)
    assert (repeated.status_code, repeated.json()) == (200, ANSWER)
    assert problem(dss.put_file(url, UUID, creator_uid=8009)) == (409, "file_already_exists")
    other = dss.stage("other.fastq", FASTQ + b"\n", TYPE)
    assert problem(dss.put_file(other, UUID)) == (409, "file_already_exists")
    retyped = dss.stage("r1.txt", FASTQ, "text/plain")
    assert problem(dss.put_file(retyped, UUID)) == (409, "file_already_exists")


def test_put_takes_what_old_clients_send(dss: Any) -> None:
    body = {"source_url": dss.stage("r1.fastq", FASTQ, TYPE), "creator_uid": 1, "bundle_uuid": UUID}
    assert dss.send("PUT", f"/files/{UUID}", body=body, version=FILE_VERSION).status_code == 201


def test_put_reads_checksums_from_tags_before_metadata(dss: Any) -> None:
    sums = vars(checksums(io.BytesIO(FASTQ), len(FASTQ)))
    metadata = {f"hca-dss-{name}": "0" for name in sums} | {"hca-dss-sha1": sums["sha1"]}
    tags = {f"hca-dss-{name}": value for name, value in sums.items() if name != "sha1"}
    url = dss.stage("r1.fastq", FASTQ, TYPE, tags=tags, metadata=metadata)
    assert dss.put_file(url, UUID).status_code == 201


@pytest.mark.parametrize("name", ["crc32c", "s3_etag", "sha1", "sha256"])
def test_put_needs_every_checksum(dss: Any, name: str) -> None:
    refused = dss.put_file(staged(dss, {name: None}), UUID)
    assert problem(refused) == (422, "missing_checksum")
    assert f"hca-dss-{name}" in refused.json()["title"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crc32c", "!!!!"),
        ("crc32c", "a356da7g"),
        ("s3_etag", "54fbecfaa43146c14500b3fac0e8146e-1"),
        ("s3_etag", "54fbecfaa43146c14500b3fac0e8146e-10001"),
        ("sha1", "8dda2e187ba431c0d4e02048f8ea5cc2455cdac"),
        ("sha256", ""),
    ],
)
def test_put_refuses_what_is_no_checksum(dss: Any, name: str, value: str) -> None:
    assert problem(dss.put_file(staged(dss, {name: value}), UUID)) == (422, "invalid_checksum")


@pytest.mark.parametrize("name", ["crc32c", "s3_etag", "sha1", "sha256"])
def test_put_refuses_bytes_that_are_not_what_a_checksum_says(dss: Any, name: str) -> None:
    true = getattr(checksums(io.BytesIO(FASTQ), len(FASTQ)), name)
    false = ("0" if true[0] != "0" else "1") + true[1:]
    refused = dss.put_file(staged(dss, {name: false}), UUID)
    assert problem(refused) == (422, "invalid_checksum")
    assert true in refused.json()["title"]
    assert dss.store.list("dss-aws") == []
    assert dss.send("HEAD", f"/files/{UUID}", replica="aws").status_code == 404


def test_put_does_not_take_other_bytes_for_known_ones(dss: Any) -> None:
    dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID)
    sums = vars(checksums(io.BytesIO(FASTQ), len(FASTQ)))
    url = staged(dss, sums, FASTQ.lower())
    assert problem(dss.put_file(url, file_uuid(9))) == (422, "invalid_checksum")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("wasb://acct/x", (400, "unknown_source_schema")),
        ("http://stage/x", (400, "illegal_arguments")),
        ("s3://stage", (400, "illegal_arguments")),
        ("s3://stage/", (400, "illegal_arguments")),
        ("s3:///x", (400, "illegal_arguments")),
        ("s3://stage/nope", (404, "not_found")),
        ("gs://nope/x", (404, "not_found")),
        ("s3://stage/../../etc/passwd", (404, "not_found")),
        ("s3://stage/a\0b", (404, "not_found")),
        ("s3://STAGE\n/b", (404, "not_found")),
    ],
)
def test_put_explains_what_is_wrong_with_a_source(dss: Any, url: str, expected: tuple[int, str]) -> None:
    refused = dss.put_file(url, UUID)
    assert problem(refused) == expected
    if expected[0] == 404:
        assert url in refused.json()["title"]


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("yesterday", "illegal_version"),
        ("", "illegal_version"),
        ("2024-05-01T12:00:00.000000Z", "illegal_version"),
        ("2024-02-30T120000.000000Z", "illegal_version"),
        ("2024-05-01T120000.000000Z\n", "illegal_version"),
        (None, "illegal_arguments"),
    ],
)
def test_put_needs_a_version(dss: Any, version: str | None, code: str) -> None:
    assert problem(dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID, version=version)) == (400, code)


@pytest.mark.parametrize("creator_uid", ["8008", 1.5, True, None, 2**63, -(2**63) - 1])
def test_put_needs_a_number_for_the_creator(dss: Any, creator_uid: Any) -> None:
    url = dss.stage("r1.fastq", FASTQ, TYPE)
    assert problem(dss.put_file(url, UUID, creator_uid=creator_uid)) == (400, "illegal_arguments")


def test_put_needs_a_member_of_the_project(dss: Any) -> None:
    url = dss.stage("r1.fastq", FASTQ, TYPE)
    assert problem(dss.put_file(url, UUID, user=None)) == (401, "OAuthProblem")
    assert problem(dss.put_file(url, UUID, user="nobody")) == (401, "Unauthorized")
    assert problem(dss.put_file(url, UUID, user="bob")) == (403, "Forbidden")


@pytest.mark.parametrize("replica", ["aws", "gcp"])
@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_head_tells_all_about_a_file_in_both_replicas(dss: Any, scheme: str, replica: str) -> None:
    entry = entries()[0]
    url = dss.stage("project", CONTENTS["project_0.json"], entry["content-type"])
    dss.put_file(url.replace("s3:", f"{scheme}:"), entry["uuid"])
    answer = dss.send("HEAD", f"/files/{entry['uuid'].upper()}", user=None, replica=replica)
    assert answer.status_code == 200
    assert answer.content == b""
    expected = {
        "X-DSS-CREATOR-UID": "8008",
        "X-DSS-VERSION": FILE_VERSION,
        "X-DSS-CONTENT-TYPE": 'application/json; dcp-type="metadata/project"',
        "X-DSS-SIZE": "121",
        "X-DSS-CRC32C": "1bef62a9",
        "X-DSS-S3-ETAG": "cc8d659062863c67a6fb8df809f420a0",
        "X-DSS-SHA1": "c78b1fd76072fd26dd0854bdaa2940b20eab63a2",
        "X-DSS-SHA256": "7593c51a2052c63f5de23177fd66201f4a3b4f6b46334a52dbc2c28d38ac987b",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    assert len(answer.headers["X-AWS-REQUEST-ID"]) == 36


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize(
    ("uuid", "query", "status"),
    [
        (file_uuid(9), {"replica": "aws"}, 404),
        (UUID, {"replica": "aws", "version": "garbage"}, 404),
        (UUID, {"replica": "aws", "version": ""}, 404),
        (UUID, {"replica": "azure"}, 400),
        (UUID, {}, 400),
        ("nonsense", {"replica": "aws"}, 400),
        (UUID + "0", {"replica": "aws"}, 400),
        (UUID + "%0A", {"replica": "aws"}, 400),
        (UUID + "/x", {"replica": "aws"}, 404),
    ],
)
def test_reading_what_is_not_there(dss: Any, method: str, uuid: str, query: dict[str, str], status: int) -> None:
    dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID)
    answer = dss.send(method, f"/files/{uuid}", **query)
    assert answer.status_code == status
    if method == "GET":
        assert problem(answer) == (status, {400: "illegal_arguments", 404: "not_found"}[status])


def test_get_redirects_to_the_bytes(dss: Any) -> None:
    dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID)
    answer = dss.send("GET", f"/files/{UUID}", user=None, replica="gcp", version=FILE_VERSION)
    assert answer.status_code == 302
    assert answer.headers["X-DSS-SIZE"] == "16"
    location = answer.headers["Location"]
    assert location.startswith(dss.ports.s3_url + "/")
    whole = requests.get(location, timeout=10)
    assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, FASTQ, TYPE)
    part = requests.get(location, headers={"Range": "bytes=10-"}, timeout=10)
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, FASTQ[10:], "bytes 10-15/16")
    assert requests.get(location.replace("8add", "8ade"), timeout=10).status_code == 403


def test_get_of_an_empty_file(dss: Any) -> None:
    dss.put_file(dss.stage("empty", b"", TYPE), UUID)
    location = dss.send("GET", f"/files/{UUID}", replica="aws").headers["Location"]
    assert requests.get(location, timeout=10).content == b""


def test_get_without_a_version_means_the_newest(dss: Any) -> None:
    for version, content in [("2024-05-02T000000.000000Z", b"new"), ("2024-05-01T000000.000000Z", b"old")]:
        dss.put_file(dss.stage("file", content, TYPE), UUID, version=version)
    answer = dss.send("GET", f"/files/{UUID}", replica="aws")
    assert answer.headers["X-DSS-VERSION"] == "2024-05-02T000000.000000Z"
    assert requests.get(answer.headers["Location"], timeout=10).content == b"new"


def test_files_with_the_same_bytes_keep_their_own_types(dss: Any) -> None:
    for number, content_type in enumerate(["text/plain", "text/csv"]):
        dss.put_file(dss.stage(f"{number}", FASTQ, content_type), file_uuid(number))
        location = dss.send("GET", f"/files/{file_uuid(number)}", replica="aws").headers["Location"]
        assert requests.get(location, timeout=10).headers["Content-Type"] == content_type
    assert len(dss.store.list("dss-aws")) == 1


def test_get_can_name_the_download(dss: Any) -> None:
    dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID)
    name = 'attachment; filename="a b.fastq"'
    answer = dss.send("GET", f"/files/{UUID}", replica="aws", content_disposition=name)
    assert requests.get(answer.headers["Location"], timeout=10).headers["Content-Disposition"] == name


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: x=1", "", "文.fastq"])
def test_get_refuses_a_name_that_is_no_header(dss: Any, name: str) -> None:
    dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID)
    refused = dss.send("GET", f"/files/{UUID}", replica="aws", content_disposition=name)
    assert problem(refused) == (400, "illegal_arguments")


@pytest.mark.parametrize(("replica", "scheme"), [("aws", "s3"), ("gcp", "gs")])
def test_get_can_give_the_address_in_the_cloud(dss: Any, replica: str, scheme: str) -> None:
    dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID)
    answer = dss.send("GET", f"/files/{UUID}", replica=replica, directurl="true")
    assert answer.status_code == 302
    assert answer.headers["Location"] == (
        f"{scheme}://checkout/blobs/8add5b3bf0a7df65f939b0f2f0650f97ae63c37796bf0d1e769b384e666986cd"
        ".8dda2e187ba431c0d4e02048f8ea5cc2455cdacf.54fbecfaa43146c14500b3fac0e8146e.a356da79"
    )


def test_bytes_survive_the_staging_area(dss: Any) -> None:
    url = dss.stage("r1.fastq", FASTQ, TYPE)
    dss.put_file(url, UUID)
    dss.store.put("stage", "r1.fastq", io.BytesIO(b"changed"))
    assert problem(dss.put_file(url, UUID)) == (422, "missing_checksum")
    location = dss.send("GET", f"/files/{UUID}", replica="aws").headers["Location"]
    assert requests.get(location, timeout=10).content == FASTQ


# ── copies in the background ──


class GatedStore(ObjectStore):
    """A store whose staged objects can only be read while the gate is open."""

    gate: threading.Event

    def open(self, bucket: str, key: str) -> ObjectReader:
        if bucket == "stage":
            assert self.gate.wait(10)
        return super().open(bucket, key)


@pytest.fixture
def gate(dss: Any, tmp_path: Path) -> Iterator[threading.Event]:
    """Makes every file be copied in the background, while this is set."""
    dss.app.close()
    dss.store.close()
    dss.store = GatedStore(tmp_path / "s3")
    dss.store.gate = threading.Event()
    dss.ports.s3.app = S3App(dss.store, {KEY.id: KEY}.get, clock=NOW.timestamp)
    dss.options = {"async_threshold": 15}
    dss.open()
    yield dss.store.gate
    dss.store.gate.set()
    dss.app.close()
    dss.store.close()


def head(dss: Any, replica: str = "aws", uuid: str = UUID, **query: Any) -> Any:
    return dss.send("HEAD", f"/files/{uuid}", user=None, replica=replica, **{"version": FILE_VERSION, **query})


def until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not condition():
        assert monotonic() < deadline
        sleep(0.01)


def test_a_large_file_is_copied_in_the_background(dss: Any, gate: threading.Event) -> None:
    url = dss.stage("r1.fastq", FASTQ, TYPE)
    accepted = dss.put_file(url, UUID)
    assert accepted.status_code == 202
    assert accepted.json() == {"version": FILE_VERSION, "task_id": accepted.json()["task_id"]}
    assert str(uuid.UUID(accepted.json()["task_id"])) == accepted.json()["task_id"]
    assert head(dss).status_code == 404
    assert dss.put_file(url, UUID).json() == accepted.json()
    gate.set()
    until(lambda: head(dss).status_code == 200)
    assert head(dss, "gcp").headers["X-DSS-SIZE"] == "16"
    assert (dss.put_file(url, UUID).status_code, dss.put_file(url, file_uuid(7)).status_code) == (200, 201)
    assert problem(dss.put_file(url, UUID, creator_uid=1)) == (409, "file_already_exists")
    gate.clear()
    other = dss.stage("other.fastq", FASTQ.lower(), TYPE)
    assert problem(dss.put_file(other, UUID)) == (409, "file_already_exists")


def test_a_file_at_the_threshold_is_copied_at_once(dss: Any) -> None:
    dss.reopen(async_threshold=16)
    assert dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID).status_code == 201


def test_a_copy_goes_on_after_a_restart(dss: Any, gate: threading.Event) -> None:
    accepted = dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID)
    closing = threading.Thread(target=dss.app.close)
    closing.start()
    gate.set()
    closing.join()
    dss.open()
    assert accepted.status_code == 202
    until(lambda: head(dss).status_code == 200)
    location = dss.send("GET", f"/files/{UUID}", replica="aws").headers["Location"]
    assert requests.get(location, timeout=10).content == FASTQ


@pytest.mark.parametrize("name", ["crc32c", "s3_etag", "sha1", "sha256"])
def test_a_copy_with_a_wrong_checksum_is_told_about(dss: Any, gate: threading.Event, name: str) -> None:
    true = getattr(checksums(io.BytesIO(FASTQ), len(FASTQ)), name)
    false = ("0" if true[0] != "0" else "1") + true[1:]
    assert dss.put_file(staged(dss, {name: false}), UUID).status_code == 202
    gate.set()
    until(lambda: head(dss).status_code == 422)
    assert head(dss, "gcp").status_code == 422
    told = dss.send("GET", f"/files/{UUID}", replica="aws", version=FILE_VERSION)
    assert problem(told) == (422, "missing_checksum")
    assert true in told.json()["title"]
    assert head(dss, version=None).status_code == 404
    assert dss.put_file(staged(dss, {}), UUID).status_code == 202
    until(lambda: head(dss).status_code == 200)


def test_a_source_that_is_wrong_is_told_about_at_once(dss: Any, gate: threading.Event) -> None:
    assert problem(dss.put_file(staged(dss, {"sha1": None}), UUID)) == (422, "missing_checksum")
    assert problem(dss.put_file(staged(dss, {"sha1": "x"}), UUID)) == (422, "invalid_checksum")
    assert problem(dss.put_file("s3://stage/nope", UUID)) == (404, "not_found")
    assert not gate.is_set()


def test_a_bundle_cannot_have_a_file_that_is_still_copied(dss: Any, gate: threading.Event) -> None:
    dss.put_file(dss.stage("r1.fastq", FASTQ, TYPE), UUID)
    entry = {"uuid": UUID, "version": FILE_VERSION, "name": "r1.fastq", "indexed": False}
    assert problem(dss.put_bundle([entry])) == (400, "file_missing")
    gate.set()
    until(lambda: dss.put_bundle([entry]).status_code == 201)


def test_the_threshold_is_64_mib(dss: Any) -> None:
    zeros = bytes(2**26 + 1)
    accepted = dss.put_file(dss.stage("zeros", zeros, TYPE), UUID)
    assert accepted.status_code == 202
    until(lambda: head(dss).status_code == 200)
    assert head(dss).headers["X-DSS-SIZE"] == "67108865"
    assert head(dss).headers["X-DSS-S3-ETAG"] == "d4b4f6056a5f5a23cda477d1895a2bbd-2"
