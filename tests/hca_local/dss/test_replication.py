"""What is put into one replica, and when the other has it."""

from __future__ import annotations

from typing import Any

from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, FILE_VERSION, entries, file_uuid

PATH = f"/bundles/{BUNDLE_UUID}"


def open_slow(dss: Any) -> None:
    dss.reopen(replication_seconds=60)


def seen(dss: Any, replica: str, path: str = PATH) -> bool:
    """Whether a replica has a bundle or file; all ways of asking agree."""
    answer = dss.send("GET", path, replica=replica)
    if path == PATH:
        assert (BUNDLE_UUID in dss.send("GET", "/bundles/all", replica=replica).text) is (answer.status_code == 200)
    else:
        assert dss.send("HEAD", path, replica=replica).status_code == (404 if answer.status_code == 404 else 200)
    return bool(answer.status_code != 404)


def hits(dss: Any, replica: str, query: Any = None) -> int:
    body = {"es_query": query or {}}
    total: int = dss.send("POST", "/search", body=body, replica=replica).json()["total_hits"]
    return total


def put(dss: Any, number: int, scheme: str = "s3", **more: Any) -> Any:
    entry = entries()[number - 1]
    url = dss.stage(entry["uuid"], CONTENTS[entry["name"]], entry["content-type"])
    return dss.put_file(url.replace("s3:", f"{scheme}:"), entry["uuid"], **more)


def test_a_file_comes_into_the_other_replica_later(dss: Any) -> None:
    open_slow(dss)
    assert put(dss, 1).status_code == 201
    assert put(dss, 2, "gs").status_code == 201
    first, second = f"/files/{file_uuid(1)}", f"/files/{file_uuid(2)}"
    assert (seen(dss, "aws", first), seen(dss, "gcp", first)) == (True, False)
    assert (seen(dss, "aws", second), seen(dss, "gcp", second)) == (False, True)
    dss.wait(59.5)
    assert not seen(dss, "gcp", first)
    dss.wait(0.5)
    assert seen(dss, "gcp", first)
    assert seen(dss, "aws", second)


def test_what_is_on_its_way_survives_the_end_of_the_service(dss: Any) -> None:
    open_slow(dss)
    put(dss, 1)
    dss.reopen()
    assert not seen(dss, "gcp", f"/files/{file_uuid(1)}")
    dss.wait(60)
    assert seen(dss, "gcp", f"/files/{file_uuid(1)}")


def test_a_file_that_is_put_into_both_is_in_both(dss: Any) -> None:
    open_slow(dss)
    put(dss, 1)
    assert put(dss, 1, "gs", creator_uid=1).status_code == 409
    assert not seen(dss, "gcp", f"/files/{file_uuid(1)}")
    assert put(dss, 1, "gs").status_code == 200
    assert seen(dss, "gcp", f"/files/{file_uuid(1)}")


def test_the_newest_version_is_that_of_the_replica(dss: Any) -> None:
    put(dss, 1)
    open_slow(dss)
    newer = "2024-05-02T000000.000000Z"
    put(dss, 1, version=newer)
    path = f"/files/{file_uuid(1)}"
    assert dss.send("HEAD", path, replica="aws").headers["X-DSS-VERSION"] == newer
    assert dss.send("HEAD", path, replica="gcp").headers["X-DSS-VERSION"] == FILE_VERSION


def test_a_bundle_comes_into_the_other_replica_later(dss: Any) -> None:
    files = dss.put_files()
    open_slow(dss)
    assert (hits(dss, "aws"), hits(dss, "gcp")) == (0, 0)
    assert dss.put_bundle(files).status_code == 201
    assert (seen(dss, "aws"), hits(dss, "aws")) == (True, 1)
    assert (seen(dss, "gcp"), hits(dss, "gcp")) == (False, 0)
    refused = dss.send("POST", f"{PATH}/checkout", body={}, replica="gcp")
    assert refused.status_code == 404
    assert dss.send("PATCH", PATH, body={}, replica="gcp", version=BUNDLE_VERSION).status_code == 404
    assert dss.send("DELETE", PATH, user="root", body={"reason": "x"}, replica="gcp").status_code == 404
    dss.wait(60)
    assert (seen(dss, "gcp"), hits(dss, "gcp")) == (True, 1)


def test_a_bundle_needs_files_that_the_replica_has_and_comes_after_them(dss: Any) -> None:
    open_slow(dss)
    files = dss.put_files()
    body = {"creator_uid": 8008, "files": files}
    missing = dss.send("PUT", PATH, body=body, replica="gcp", version=BUNDLE_VERSION)
    assert missing.json()["code"] == "file_missing"
    dss.reopen(replication_seconds=5)
    assert dss.put_bundle(files).status_code == 201
    dss.wait(59)
    assert not seen(dss, "gcp")
    dss.wait(1)
    assert seen(dss, "gcp")


def test_a_bundle_that_is_put_into_both_is_in_both(dss: Any) -> None:
    files = dss.put_files()
    open_slow(dss)
    dss.put_bundle(files)
    body = {"creator_uid": 8008, "files": files}
    assert dss.send("PUT", PATH, body=body, replica="gcp", version=BUNDLE_VERSION).status_code == 200
    assert seen(dss, "gcp")


def test_a_tombstone_comes_into_the_other_replica_later(dss: Any) -> None:
    dss.put_example()
    open_slow(dss)
    dead = {"query": {"term": {"admin_deleted": True}}}
    assert (hits(dss, "aws", dead), hits(dss, "gcp", dead)) == (0, 0)
    assert dss.send("DELETE", PATH, user="root", body={"reason": "x"}, replica="aws").status_code == 200
    assert (seen(dss, "aws"), hits(dss, "aws", dead)) == (False, 1)
    assert (seen(dss, "gcp"), hits(dss, "gcp", dead)) == (True, 0)
    dss.wait(60)
    assert (seen(dss, "gcp"), hits(dss, "gcp", dead)) == (False, 1)


def test_a_bundle_can_be_deleted_in_both(dss: Any) -> None:
    dss.put_example()
    open_slow(dss)
    for replica in ("aws", "gcp"):
        body = {"reason": "x"}
        answer = dss.send("DELETE", PATH, user="root", body=body, replica=replica, version=BUNDLE_VERSION)
        assert answer.status_code == 200
        assert not seen(dss, replica)


def test_by_default_both_have_everything_at_once(dss: Any) -> None:
    dss.put_example()
    assert seen(dss, "gcp")
    assert hits(dss, "gcp") == 1
    dss.send("DELETE", PATH, user="root", body={"reason": "x"}, replica="gcp")
    assert not seen(dss, "aws")


def events(dss: Any, replica: str) -> int:
    """How many events a replica has; all ways of asking agree."""
    streams = dss.send("GET", "/events", replica=replica, per_page=10).json()["event_streams"]
    listed = [event["event_id"] for stream in streams for event in stream["events"]]
    shown = dss.send("GET", f"/events/{BUNDLE_UUID}", replica=replica, version=BUNDLE_VERSION).status_code == 200
    assert (f"{BUNDLE_UUID}.{BUNDLE_VERSION}" in listed) is shown
    return len(listed)


def test_an_event_comes_into_the_other_replica_later(dss: Any) -> None:
    files = dss.put_files()
    open_slow(dss)
    dss.put_bundle(files)
    assert (events(dss, "aws"), events(dss, "gcp")) == (1, 0)
    dss.wait(60)
    assert events(dss, "gcp") == 1


def test_an_event_is_in_both_replicas_if_the_bundle_is_put_into_both(dss: Any) -> None:
    files = dss.put_files()
    open_slow(dss)
    dss.put_bundle(files)
    body = {"creator_uid": 8008, "files": files}
    assert dss.send("PUT", PATH, body=body, replica="gcp", version=BUNDLE_VERSION).status_code == 200
    assert (events(dss, "aws"), events(dss, "gcp")) == (1, 1)
