from __future__ import annotations

import http.client
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from hca_core.transfer.digest import checksums

from .conftest import (
    API_KEY,
    AREA,
    BUCKET,
    CSV,
    CSV_SUMS,
    DONOR,
    DONOR_SUMS,
    DONOR_TYPE,
    OTHER,
    Upload,
    tag_set,
    until,
)

VECTORS = [
    (CSV, CSV_SUMS),
    (DONOR, DONOR_SUMS),
    (
        b"",
        {
            "crc32c": "00000000",
            "sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "s3_etag": "d41d8cd98f00b204e9800998ecf8427e",
        },
    ),
    (
        b"row-32938\n",
        {
            "crc32c": "0000ea76",
            "sha1": "1ec73bbb1488ef63931c21a45126b513ccbb56bf",
            "sha256": "991cc794f96ada62540db733fe23eb2bf5ab1f43b6204d31776797dbc88a7cd0",
            "s3_etag": "aa4a2d8127596f27441fce97aae7d8ad",
        },
    ),
]


def test_store_a_file(upload: Upload) -> None:
    answer = upload.put("donor_1.json", DONOR, DONOR_TYPE)
    assert answer.status_code == 201
    found = answer.json()
    assert found.pop("last_modified").endswith("+00:00")
    assert found == {
        "upload_area_id": AREA,
        "name": "donor_1.json",
        "size": 30,
        "content_type": DONOR_TYPE,
        "url": f"s3://{BUCKET}/{AREA}/donor_1.json",
        "checksums": DONOR_SUMS,
    }
    head = upload.s3().head_object(Bucket=BUCKET, Key=f"{AREA}/donor_1.json")
    assert head["Metadata"] == {"crc32c": "e1df6c4b"}
    assert head["ContentType"] == DONOR_TYPE
    assert upload.tags("donor_1.json") == tag_set(DONOR_SUMS)
    assert upload.area("GET", "/donor_1.json", key=None).json() == answer.json()
    assert upload.checksum("donor_1.json") == {"checksum_status": "CHECKSUMMED", "checksums": DONOR_SUMS}
    assert [info.key for info in upload.store.list(BUCKET)] == [f"{AREA}/donor_1.json"]


@pytest.mark.parametrize(("content", "sums"), VECTORS)
def test_checksums(upload: Upload, content: bytes, sums: dict[str, str]) -> None:
    assert upload.put("file", content).json()["checksums"] == sums
    assert upload.tags("file") == tag_set(sums)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "", "dcp-type=data", "json; dcp-type=data", "a/b; dcp-type", "a/b; dcp-type=", "a/b; dcp=x"],
)
def test_the_type_must_say_what_it_is_to_the_dcp(upload: Upload, content_type: str) -> None:
    answer = upload.put("a", b"x", content_type)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Content-Type")
    assert upload.store.list(BUCKET) == []


def test_store_needs_the_key(upload: Upload) -> None:
    wrong = upload.put("a", b"x", key="wrong")
    assert (wrong.status_code, wrong.json()["title"]) == (401, "Access Denied.")
    assert upload.put("a", b"x", key=None).status_code == 400
    assert upload.store.list(BUCKET) == []


def test_the_same_again_stays_as_it_is(upload: Upload) -> None:
    first = upload.put("a", b"x").json()
    before = upload.store.head(BUCKET, f"{AREA}/a")
    assert upload.put("a", b"x").json() == first
    assert upload.store.head(BUCKET, f"{AREA}/a") == before


def test_another_type_or_content_replaces(upload: Upload) -> None:
    upload.put("a", b"x")
    retyped = upload.put("a", b"x", DONOR_TYPE)
    assert (retyped.status_code, retyped.json()["content_type"]) == (201, DONOR_TYPE)
    rewritten = upload.put("a", CSV, DONOR_TYPE).json()
    assert rewritten["checksums"] == CSV_SUMS
    assert upload.area("GET", "/checksums").json()["TOTAL_NUM_FILES"] == 1


def test_what_a_client_uploaded_since_is_not_taken_for_what_was_stored(upload: Upload) -> None:
    upload.put("a", CSV)
    upload.upload("a", DONOR)
    assert upload.area("GET", "/a").json()["checksums"] is None
    assert upload.put("a", CSV).json()["checksums"] == CSV_SUMS
    assert upload.store.head(BUCKET, f"{AREA}/a").size == len(CSV)  # type: ignore[union-attr]


@pytest.mark.parametrize("length", [20, None])
def test_a_body_that_breaks_off_leaves_nothing(upload: Upload, length: int | None) -> None:
    connection = http.client.HTTPConnection(upload.ports.upload_url.removeprefix("http://"), timeout=10)
    connection.putrequest("PUT", f"/v1/area/{AREA}/a")
    connection.putheader("Api-Key", API_KEY)
    connection.putheader("Content-Type", DONOR_TYPE)
    if length:
        connection.putheader("Content-Length", str(length))
        connection.endheaders(b"only this")
    else:
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(b"9\r\nonly this\r\n5\r\nbro")
    connection.sock.shutdown(1)
    answer = connection.getresponse()
    assert answer.status == 400
    assert json.loads(answer.read())["title"] == "The file cannot be stored"
    connection.close()
    assert upload.store.list(BUCKET) == []


def test_a_body_in_chunks(upload: Upload) -> None:
    answer = upload.put("a", (piece for piece in (CSV[:5], CSV[5:])))  # type: ignore[arg-type]
    assert answer.json()["checksums"] == CSV_SUMS


def test_refused_bodies_are_read_to_the_end(upload: Upload) -> None:
    """The next request on the connection is understood."""
    for _ in range(3):
        assert upload.put("a", b"x" * 5_000_000, key="wrong").status_code == 401
        assert upload.area("HEAD").status_code == 200


def test_a_large_body_is_never_in_memory(upload: Upload) -> None:
    import tracemalloc

    size = 48 * 1024 * 1024
    block = bytes(64 * 1024)
    tracemalloc.start()
    try:
        answer = upload.put("zeros", (block for _ in range(size // len(block))))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.json()["size"] == size
    assert peak < size / 2


def test_left_overs_of_a_crash_are_removed(upload: Upload) -> None:
    upload.store.put(BUCKET, "incoming/x", io.BytesIO(b"x"))
    upload.reopen()
    assert upload.store.list(BUCKET) == []


def test_a_file_that_comes_while_its_area_goes(upload: Upload) -> None:
    """The area is deleted after the request was admitted and before its body has ended."""
    admitted, deleted = threading.Event(), threading.Event()

    def body() -> object:
        yield b"x"
        admitted.set()
        assert deleted.wait(20)
        yield b"y"

    with ThreadPoolExecutor() as pool:
        storing = pool.submit(upload.put, "a", body())  # type: ignore[arg-type]
        assert admitted.wait(20)
        import requests

        headers = {"Api-Key": API_KEY}
        url = f"{upload.ports.upload_url}/v1/area/{AREA}"
        assert requests.delete(url, headers=headers, timeout=10).status_code == 202
        until(lambda: requests.head(url, timeout=10).status_code == 404)
        deleted.set()
        assert storing.result().status_code == 404
    assert upload.store.list(BUCKET) == []


# ── names ──

HOSTILE = [
    "..",
    ".",
    "a/b",
    "../a",
    "a%2Fb",
    "a\\b",
    "/etc/passwd",
    "a\nb",
    "a\x00b",
    "a\x7f",
    "a.",
    "a ",
    "con",
    "C:x",
    "é" * 128,
    "credentials",
    "checksums",
    "validations",
    "validate",
    "files_info",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_no_file_can_have(upload: Upload, name: str) -> None:
    encoded = quote(name, safe="")
    body = {"data": b"x", "headers": {"Content-Type": DONOR_TYPE}}
    stored = upload.send("PUT", f"/v1/area/{AREA}/{encoded}", **body)
    assert 400 <= stored.status_code < 500
    told = upload.send("POST", f"/v1/area/{AREA}/{encoded}")
    assert 400 <= told.status_code < 500 or name == "credentials"
    assert upload.store.list(BUCKET) == []
    assert upload.area("GET", "/checksums").json()["TOTAL_NUM_FILES"] == 0
    if "/" in name or "%" in name:
        assert "no folders" in stored.json()["detail"]


@pytest.mark.parametrize(
    "name", ["a b.txt", "100%.txt", "%41", "a+b", "é.txt", "x;y=1", "?", "#1", AREA.upper(), ".hidden", "a&b", "日本"]
)
def test_names_of_every_kind(upload: Upload, name: str) -> None:
    encoded = quote(name, safe="")
    assert upload.put(name, CSV).json()["name"] == name
    assert upload.store.head(BUCKET, f"{AREA}/{name}")
    assert upload.area("GET", f"/{encoded}").json()["url"] == f"s3://{BUCKET}/{AREA}/{name}"
    assert upload.area("PUT", "/files_info", json=[name]).json()[0]["name"] == name
    assert upload.announce(name).status_code == 202
    assert upload.checksum(name)["checksum_status"] == "CHECKSUMMED"
    assert upload.area("GET", f"/{encoded}/validate").json()["validation_status"] == "UNSCHEDULED"


# ── descriptions ──


def test_several_files_in_the_order_asked_for(upload: Upload) -> None:
    upload.upload("cells.csv", CSV, content_type="text/csv; dcp-type=data", crc32c="8df3121c")
    upload.put("donor_1.json", DONOR, DONOR_TYPE)
    for names in (["cells.csv", "donor_1.json"], ["donor_1.json", "cells.csv", "donor_1.json"]):
        answer = upload.area("PUT", "/files_info", key=None, json=names)
        assert answer.status_code == 200
        assert [one["name"] for one in answer.json()] == names
    cells = answer.json()[1]
    assert (cells["checksums"], cells["content_type"], cells["size"]) == (None, "text/csv; dcp-type=data", 31)
    assert upload.area("PUT", "/files_info", json=[]).json() == []


def test_one_missing_file_is_enough(upload: Upload) -> None:
    upload.put("a", b"x")
    answer = upload.area("PUT", "/files_info", json=["a", "nope"])
    assert (answer.status_code, answer.json()["title"]) == (404, "No such file")
    assert "nope" in answer.json()["detail"]
    assert upload.area("GET", "/nope").status_code == 404


def test_names_that_older_clients_encode(upload: Upload) -> None:
    upload.put("sp ace", b"x")
    upload.put("sp%20ace2", b"y")
    answer = upload.area("PUT", "/files_info", json=["sp%20ace", "sp ace", "sp%20ace2"])
    assert [one["name"] for one in answer.json()] == ["sp ace", "sp ace", "sp%20ace2"]


@pytest.mark.parametrize("body", [{"a": 1}, "a", [1], [None], [["a"]], None, ["a"] * 10_001])
def test_names_are_a_list_of_texts(upload: Upload, body: object) -> None:
    assert upload.area("PUT", "/files_info", json=body).status_code == 400


@pytest.mark.parametrize("name", ["../" + OTHER + "/secret", "/x", "", "\x00", "a\nb", "x" * 3000])
def test_hostile_names_find_nothing(upload: Upload, name: str) -> None:
    upload.make_area(OTHER)
    upload.upload("secret", b"x", area=OTHER)
    assert upload.area("PUT", "/files_info", json=[name]).status_code == 404


def test_many_store_the_same_name(upload: Upload) -> None:
    contents = [b"%d" % (number % 5) for number in range(40)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda content: upload.put("a", content), contents))
    assert {answer.status_code for answer in answers} == {201}
    left = upload.store.open(BUCKET, f"{AREA}/a").read()
    sums = checksums(io.BytesIO(left), len(left))
    assert upload.tags("a")["hca-dss-sha256"] == sums.sha256
    assert [info.key for info in upload.store.list(BUCKET)] == [f"{AREA}/a"]
