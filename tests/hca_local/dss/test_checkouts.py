"""Copies of files and bundles that are made on request, as the worked examples have them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, FILE_VERSION, file_uuid

from .conftest import NOW

PATH = f"/bundles/{BUNDLE_UUID}"
FOLDER = f"bundles/{BUNDLE_UUID}.{BUNDLE_VERSION}"
FASTQ = f"/files/{file_uuid(4)}"
BLOB = (
    "blobs/8add5b3bf0a7df65f939b0f2f0650f97ae63c37796bf0d1e769b384e666986cd"
    ".8dda2e187ba431c0d4e02048f8ea5cc2455cdacf.54fbecfaa43146c14500b3fac0e8146e.a356da79"
)


def until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not condition():
        assert monotonic() < deadline
        sleep(0.01)


def problem(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def start(dss: Any, path: str = PATH, **body: Any) -> str:
    answer = dss.send("POST", f"{path}/checkout", user=None, body=body, replica="aws")
    assert (answer.status_code, list(answer.json())) == (200, ["checkout_job_id"])
    id: str = answer.json()["checkout_job_id"]
    return id


def status(dss: Any, id: str, replica: str = "aws") -> Any:
    return dss.send("GET", f"/bundles/checkout/{id}", user=None, replica=replica)


def ended(dss: Any, id: str) -> dict[str, Any]:
    until(lambda: status(dss, id).json()["status"] != "RUNNING")
    found: dict[str, Any] = status(dss, id).json()
    return found


def copies(dss: Any, bucket: str) -> dict[str, bytes]:
    found = {}
    for info in dss.store.list(bucket):
        with dss.store.open(bucket, info.key) as stream:
            found[info.key] = stream.read()
    return found


EXPECTED = {f"{FOLDER}/{name}": content for name, content in CONTENTS.items()}


# ── jobs ──


def test_a_bundle_is_copied_when_its_time_has_come(dss: Any) -> None:
    dss.reopen(checkout_seconds=30)
    dss.put_example()
    id = start(dss, email="ada@example.org")
    assert status(dss, id).json() == {"status": "RUNNING"}
    assert copies(dss, "checkout") == {}
    dss.wait(30)
    assert ended(dss, id) == {"status": "SUCCEEDED", "location": f"s3://checkout/{FOLDER}"}
    assert status(dss, id.upper()).json()["status"] == "SUCCEEDED"
    assert copies(dss, "checkout") == EXPECTED


def test_a_bundle_is_copied_to_the_bucket_that_is_named(dss: Any) -> None:
    dss.put_example()
    dss.store.create_bucket("mine")
    body = {"destination": "mine"}
    id = dss.send("POST", f"{PATH}/checkout", body=body, replica="gcp", version=BUNDLE_VERSION).json()
    until(lambda: status(dss, id["checkout_job_id"], "gcp").json()["status"] != "RUNNING")
    found = status(dss, id["checkout_job_id"], "gcp").json()
    assert found == {"status": "SUCCEEDED", "location": f"gs://mine/{FOLDER}"}
    assert copies(dss, "mine") == EXPECTED
    assert copies(dss, "checkout") == {}


@pytest.mark.parametrize("bucket", ["nope", "dss-aws", "NO BUCKET\n"])
def test_a_bucket_that_cannot_be_written_is_the_cause(dss: Any, bucket: str) -> None:
    dss.put_example()
    id = start(dss, destination=bucket)
    assert ended(dss, id) == {"status": "FAILED", "cause": f"bucket {bucket} does not exist (FAILED)"}


def test_a_bundle_that_was_deleted_meanwhile_is_the_cause(dss: Any) -> None:
    dss.reopen(checkout_seconds=30)
    dss.put_example()
    id = start(dss)
    dss.send("DELETE", PATH, user="root", body={"reason": "x"}, replica="aws")
    dss.wait(30)
    cause = f"bundle {BUNDLE_UUID} version {BUNDLE_VERSION} does not exist (FAILED)"
    assert ended(dss, id) == {"status": "FAILED", "cause": cause}


def test_a_job_survives_the_end_of_the_service(dss: Any) -> None:
    dss.reopen(checkout_seconds=30)
    dss.put_example()
    id = start(dss)
    dss.reopen()
    assert status(dss, id).json() == {"status": "RUNNING"}
    dss.wait(30)
    assert ended(dss, id)["status"] == "SUCCEEDED"
    dss.reopen()
    assert status(dss, id).json() == {"status": "SUCCEEDED", "location": f"s3://checkout/{FOLDER}"}


def test_every_request_is_a_job_of_its_own(dss: Any) -> None:
    dss.put_example()
    assert start(dss) != start(dss)
    assert dss.send("POST", f"{PATH}/checkout", replica="aws").status_code == 200


def test_refuses_nonsense(dss: Any) -> None:
    dss.put_example()
    id = start(dss)

    def refused(path: str = PATH, body: Any = None, **query: Any) -> tuple[int, str]:
        return problem(dss.send("POST", f"{path}/checkout", body=body or {}, **{"replica": "aws", **query}))

    assert refused(body={"destination": "bucket/dir"}) == (400, "illegal_arguments")
    assert refused(f"/bundles/{file_uuid(1)}") == (404, "not_found")
    assert refused(version="2024-05-01T120101.000000Z") == (404, "not_found")
    assert refused(replica=None) == (400, "illegal_arguments")
    assert problem(status(dss, file_uuid(1))) == (404, "not_found")
    assert problem(status(dss, id, "gcp")) == (404, "not_found")
    assert problem(status(dss, "x")) == (400, "illegal_arguments")


# ── copies for GET ──


def token(answer: requests.Response) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(parse_qs(urlsplit(answer.headers["Location"]).query)["token"][0])
    return found


def test_get_file_says_to_ask_again_until_the_copy_is_there(dss: Any) -> None:
    dss.reopen(checkout_seconds=30, retry_after=7)
    dss.put_example()
    first = dss.send("GET", FASTQ, user=None, replica="aws", version=FILE_VERSION)
    assert (first.status_code, first.headers["Retry-After"], first.content) == (301, "7", b"")
    id = token(first)["execution_id"]
    assert first.headers["Location"] == (
        f"{dss.ports.dss_url}/v1{FASTQ}?replica=aws&version={FILE_VERSION}"
        f"&token=%7B%22execution_id%22%3A+%22{id}%22%2C+%22start_time%22%3A+{NOW.timestamp()}"
        "%2C+%22attempts%22%3A+0%7D"
    )
    dss.wait(29)
    second = dss.send("GET", first.headers["Location"], user=None)
    assert second.status_code == 301
    assert token(second) == {**token(first), "attempts": 1}
    dss.wait(1)
    until(lambda: dss.send("GET", second.headers["Location"]).status_code == 302)
    last = dss.send("GET", second.headers["Location"])
    assert last.headers["X-DSS-SIZE"] == "16"
    assert requests.get(last.headers["Location"], timeout=10).content == CONTENTS["reads/r1.fastq"]
    direct = dss.send("GET", FASTQ, replica="aws", directurl="true", token="{}")
    assert (direct.status_code, direct.headers["Location"]) == (302, f"s3://checkout/{BLOB}")


@pytest.mark.parametrize(
    "given",
    ["{}", "", "nonsense", "[]", "[" * 5000, '{"execution_id": 1, "start_time": 1, "attempts": 1}',
     '{"execution_id": "e1", "start_time": 1.0, "attempts": "1"}',
     '{"execution_id": "e1", "start_time": 1.0, "attempts": true}'],
)  # fmt: skip
def test_a_token_that_was_altered_is_refused(dss: Any, given: str) -> None:
    dss.reopen(checkout_seconds=30)
    dss.put_example()
    for path, query in ((FASTQ, {}), (PATH, {"presignedurls": "true"})):
        assert problem(dss.send("GET", path, replica="aws", token=given, **query)) == (400, "illegal_token")


@pytest.mark.parametrize("path", [FASTQ, f"{PATH}"])
def test_asking_again_comes_to_an_end(dss: Any, path: str) -> None:
    dss.reopen(checkout_seconds=30)
    dss.put_example()
    given = json.dumps({"execution_id": "e1", "start_time": 1.0, "attempts": 1000})
    query = {"directurls": "true"} if path == PATH else {}
    failed = dss.send("GET", path, replica="aws", token=given, **query)
    assert problem(failed) == (500, "checkout_error")
    assert failed.headers["Retry-After"] == "10"


def test_get_bundle_says_to_ask_again_until_all_copies_are_there(dss: Any) -> None:
    dss.reopen(checkout_seconds=30)
    dss.put_example()
    assert dss.send("GET", PATH, replica="aws").status_code == 200
    first = dss.send("GET", PATH, user=None, replica="aws", presignedurls="true")
    assert (first.status_code, first.headers["Retry-After"]) == (301, "10")
    assert first.headers["Location"].startswith(f"{dss.ports.dss_url}/v1{PATH}?replica=aws&presignedurls=true&token=")
    again = dss.send("GET", PATH, replica="aws", presignedurls="true")
    assert token(again) == token(first)
    dss.wait(30)
    until(lambda: dss.send("GET", first.headers["Location"]).status_code == 200)
    for one in dss.send("GET", first.headers["Location"], user=None).json()["bundle"]["files"]:
        assert requests.get(one["url"], timeout=10).content == CONTENTS[one["name"]]
    direct = dss.send("GET", PATH, replica="aws", directurls="true").json()["bundle"]["files"][3]["url"]
    assert direct == f"s3://checkout/{FOLDER}/reads/r1.fastq"


def test_a_copy_that_cannot_be_made_is_told_to_who_waits(dss: Any, caplog: pytest.LogCaptureFixture) -> None:
    dss.reopen(checkout_seconds=30)
    dss.put_example()
    first = dss.send("GET", FASTQ, replica="aws")
    dss.store.delete("dss-aws", BLOB)
    dss.wait(30)
    until(lambda: dss.send("GET", first.headers["Location"]).status_code == 500)
    failed = dss.send("GET", first.headers["Location"])
    assert problem(failed) == (500, "checkout_error")
    assert "Unknown issue" in failed.json()["title"]
    assert "failed" in caplog.text
    assert dss.send("GET", FASTQ, replica="aws").status_code == 301


def test_a_copy_that_somebody_changed_is_made_again(dss: Any) -> None:
    dss.put_example()
    location = dss.send("GET", FASTQ, replica="aws").headers["Location"]
    dss.store.put("checkout", BLOB, io.BytesIO(b"changed"))
    assert requests.get(location, timeout=10).content == b"changed"
    dss.send("GET", FASTQ, replica="aws")
    assert requests.get(location, timeout=10).content == CONTENTS["reads/r1.fastq"]
