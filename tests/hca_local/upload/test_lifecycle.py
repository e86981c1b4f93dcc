from __future__ import annotations

import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from hca_local.jobs import Jobs
from hca_local.upload.areas import DELETING, Areas
from hca_local.upload.database import open_database

from .conftest import API_KEY, AREA, BUCKET, NOBODY, OTHER, Gate, Upload, until

URI = f"s3://{BUCKET}/{AREA}/"


def gone(upload: Upload, area: str = AREA) -> bool:
    return upload.area("HEAD", area=area, key=None).status_code == 404


def test_the_life_of_an_area(bare: Upload) -> None:
    made = bare.area("POST")
    assert (made.status_code, made.json()) == (201, {"uri": URI})
    again = bare.area("POST")
    assert (again.status_code, again.json()) == (201, {"uri": URI})
    assert bare.area("HEAD", key=None).status_code == 200
    assert bare.area("HEAD", area=NOBODY, key=None).status_code == 404
    deleted = bare.area("DELETE")
    assert (deleted.status_code, deleted.content) == (202, b"")
    until(lambda: gone(bare))


def test_the_case_of_a_uuid_is_no_matter(upload: Upload) -> None:
    assert upload.area("HEAD", area=AREA.upper()).status_code == 200
    assert upload.area("POST", area=AREA.upper()).json() == {"uri": URI}


@pytest.mark.parametrize("area", ["x", AREA[:-1], AREA + "0", AREA.replace("7", "g"), "..", f"{AREA}%00"])
def test_an_area_is_called_by_a_uuid(bare: Upload, area: str) -> None:
    assert bare.area("POST", area=area).status_code in (400, 404, 405)
    assert bare.area("DELETE", area=area).status_code in (400, 404, 405)


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("HEAD", "", None),
        ("DELETE", "", None),
        ("POST", "/credentials", None),
        ("GET", "/checksums", None),
        ("GET", "/validations", None),
        ("POST", "/a", None),
        ("GET", "/a", None),
        ("GET", "/a/checksum", None),
        ("GET", "/a/validate", None),
        ("PUT", "/files_info", ["a"]),
        ("PUT", "/files_info", []),
        ("PUT", "/validate", {"validator_image": "v", "files": ["a"]}),
        ("PUT", "/a/validate", {"validator_image": "v"}),
        ("POST", "/update_checksum/x", {"status": "FAILED", "job_id": "j", "payload": {}}),
        ("POST", "/update_validation/x", {"status": "FAILED", "job_id": "j", "payload": {}}),
    ],
)
def test_what_is_not_there_is_not_found(upload: Upload, method: str, rest: str, body: object) -> None:
    answer = upload.area(method, rest, area=NOBODY, json=body)
    assert answer.status_code == 404
    if method != "HEAD":
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["title"] == "Upload Area Not Found"
        assert NOBODY in answer.json()["detail"]


def test_store_into_an_area_that_is_not_there(upload: Upload) -> None:
    assert upload.put("a", b"x", area=NOBODY).status_code == 404
    assert upload.store.list(BUCKET) == []


def test_deletion_takes_everything_of_this_area_only(upload: Upload) -> None:
    upload.make_area(OTHER)
    for number in range(30):
        upload.upload(f"{number}.txt", b"x")
    upload.upload("kept.txt", b"y", area=OTHER)
    sibling = f"{AREA}-longer/kept.txt"
    upload.store.put(BUCKET, sibling, io.BytesIO(b"z"))
    upload.store.create_upload(BUCKET, f"{AREA}/half.bam")
    other = upload.store.create_upload(BUCKET, f"{OTHER}/half.bam")
    assert upload.area("DELETE").status_code == 202
    until(lambda: gone(upload))
    assert {info.key for info in upload.store.list(BUCKET)} == {sibling, f"{OTHER}/kept.txt"}
    assert [one.id for one in upload.store.list_uploads(BUCKET)] == [other]


def test_an_area_that_is_being_deleted(upload: Upload) -> None:
    upload.upload("a.txt", b"x")
    key = upload.credentials()
    gate = upload.store.gate = Gate()
    assert upload.area("DELETE").status_code == 202
    assert gate.reached.wait(20)
    refused = [
        upload.area("POST", "/credentials"),
        upload.announce("a.txt"),
        upload.put("b", b"x"),
        upload.area("POST"),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["title"]) == (409, "Upload Area is Not Writable")
    assert upload.area("HEAD").status_code == 200
    assert upload.area("DELETE").status_code == 202
    assert upload.app.keys.find(key.id) is None
    gate.opened.set()
    until(lambda: gone(upload))
    assert upload.area("POST", "/credentials").status_code == 404


def test_a_deleted_area_is_empty_when_it_is_made_anew(upload: Upload) -> None:
    upload.upload("a.txt", b"x")
    key = upload.credentials()
    upload.announce("a.txt")
    until(lambda: upload.checksum("a.txt")["checksum_status"] == "CHECKSUMMED")
    upload.area("DELETE")
    until(lambda: gone(upload))
    upload.upload("late.txt", b"from a write that was slow")
    upload.make_area()
    assert upload.store.list(BUCKET) == []
    assert upload.area("GET", "/checksums").json()["TOTAL_NUM_FILES"] == 0
    assert upload.app.keys.find(key.id) is None
    assert upload.area("POST", "/credentials").status_code == 201


def test_deletion_goes_on_after_a_crash(upload: Upload) -> None:
    for number in range(5):
        upload.upload(f"{number}.txt", b"x")
    upload.app.close()
    root = upload.folder / "upload"
    with closing(open_database(root)) as database, closing(Jobs(root, upload.now)) as jobs:
        Areas(database, upload.now).set_status(AREA, DELETING)
        jobs.add("delete_area", AREA, {})
    upload.open()
    until(lambda: gone(upload))
    assert upload.store.list(BUCKET) == []


def test_areas_survive_a_restart(upload: Upload) -> None:
    upload.reopen()
    assert upload.area("HEAD").status_code == 200


def test_many_make_the_same_area_at_once(bare: Upload) -> None:
    areas = [str(uuid.uuid4()) for _ in range(3)] * 8
    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(lambda area: bare.area("POST", area=area), areas))
    assert {answer.status_code for answer in made} == {201}


# ── credentials ──


def test_credentials(upload: Upload) -> None:
    upload.late = 1772604367.0 - upload.now() + upload.late  # 2026-03-04T06:06:07Z
    answer = upload.area("POST", "/credentials", key=None)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.json()
    assert found.keys() == {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert found["Expiration"][:17] == "2026-03-04T07:06:"
    assert found["Expiration"].endswith("+00:00")
    assert upload.area("POST", "/credentials").json()["AccessKeyId"] != found["AccessKeyId"]
    assert API_KEY not in answer.text
