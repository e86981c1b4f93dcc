from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3.s3.transfer
import pytest

from .conftest import AREA, BUCKET, CSV, CSV_SUMS, DONOR, DONOR_SUMS, DONOR_TYPE, OTHER, Upload, tag_set, until

MIB = 1024 * 1024


def done(upload: Upload, name: str, status: str = "CHECKSUMMED") -> Any:
    return until(lambda: (found := upload.checksum(name))["checksum_status"] == status and found)


def counts(upload: Upload) -> dict[str, int]:
    found: dict[str, int] = upload.area("GET", "/checksums", key=None).json()
    return found


def test_a_file_that_has_arrived(upload: Upload) -> None:
    upload.upload("cells.csv", CSV, content_type="text/csv; dcp-type=data", crc32c="8DF3121C")
    assert upload.checksum("cells.csv") == {"checksum_status": "UNSCHEDULED", "checksums": None}
    assert upload.area("GET", "/cells.csv").json()["checksums"] is None
    answer = upload.announce("cells.csv")
    assert (answer.status_code, answer.content) == (202, b"")
    assert done(upload, "cells.csv") == {"checksum_status": "CHECKSUMMED", "checksums": CSV_SUMS}
    assert upload.tags("cells.csv") == tag_set(CSV_SUMS)
    assert upload.area("GET", "/cells.csv").json()["checksums"] == CSV_SUMS


def test_what_the_sender_said_stays_on_the_object(upload: Upload) -> None:
    upload.upload("cells.csv", CSV, content_type="text/csv; dcp-type=data", crc32c="8df3121c")
    upload.announce("cells.csv")
    done(upload, "cells.csv")
    info = upload.store.head(BUCKET, f"{AREA}/cells.csv")
    assert info is not None
    assert (info.content_type, info.metadata) == ("text/csv; dcp-type=data", {"crc32c": "8df3121c"})


def test_a_file_is_announced_before_it_is_there(upload: Upload) -> None:
    assert upload.announce("late.csv").status_code == 202
    assert upload.area("GET", "/late.csv/checksum").status_code == 404
    assert counts(upload)["TOTAL_NUM_FILES"] == 0
    upload.upload("late.csv", CSV)
    upload.announce("late.csv")
    done(upload, "late.csv")


def test_a_wrong_claim_is_found_out(upload: Upload) -> None:
    upload.upload("cells.csv", CSV, crc32c="00000000")
    upload.announce("cells.csv")
    assert done(upload, "cells.csv", "FAILED")["checksums"] is None
    assert upload.tags("cells.csv") == {}
    assert counts(upload)["FAILED"] == 1
    upload.upload("cells.csv", CSV, crc32c="8df3121c")
    upload.announce("cells.csv")
    assert "FAILED" not in counts(upload), "who waits for the file would take this for the end"
    done(upload, "cells.csv")
    assert "FAILED" not in counts(upload)


def test_a_wrong_claim_about_a_known_content(upload: Upload) -> None:
    upload.upload("cells.csv", CSV)
    upload.announce("cells.csv")
    done(upload, "cells.csv")
    upload.upload("cells.csv", CSV, crc32c="00000000")
    upload.announce("cells.csv")
    assert done(upload, "cells.csv", "FAILED")["checksums"] is None
    assert upload.tags("cells.csv") == {}


def test_a_replaced_file_begins_anew(upload: Upload) -> None:
    upload.upload("a", CSV)
    upload.announce("a")
    done(upload, "a")
    upload.upload("a", DONOR)
    assert upload.checksum("a") == {"checksum_status": "UNSCHEDULED", "checksums": None}
    upload.announce("a")
    assert done(upload, "a")["checksums"] == DONOR_SUMS
    assert counts(upload) == {"TOTAL_NUM_FILES": 1, "CHECKSUMMING": 0, "CHECKSUMMED": 1, "CHECKSUMMING_UNSCHEDULED": 0}


def test_known_content_is_tagged_again(upload: Upload) -> None:
    upload.upload("a", CSV)
    upload.announce("a")
    done(upload, "a")
    upload.upload("a", CSV)
    assert upload.tags("a") == {}
    upload.announce("a")
    until(lambda: upload.tags("a") == tag_set(CSV_SUMS))


def test_counts(upload: Upload) -> None:
    """Two files have their checksums; the turn of a third one has not come."""
    upload.upload("cells.csv", CSV)
    upload.announce("cells.csv")
    upload.put("donor_1.json", DONOR, DONOR_TYPE)
    done(upload, "cells.csv")
    upload.store.pause = 0.01
    for name in ("busy_1", "busy_2"):
        upload.upload(name, bytes(32 * MIB))
        upload.announce(name)
        done(upload, name, "CHECKSUMMING")
    upload.upload("raw.bam", b"x")
    upload.announce("raw.bam")
    assert upload.checksum("raw.bam") == {"checksum_status": "UNSCHEDULED", "checksums": None}
    assert counts(upload) == {"TOTAL_NUM_FILES": 5, "CHECKSUMMING": 2, "CHECKSUMMED": 2, "CHECKSUMMING_UNSCHEDULED": 1}
    upload.store.pause = 0
    done(upload, "raw.bam")


def test_large_files_are_scheduled_first(upload: Upload) -> None:
    upload.reopen(large=len(CSV))
    upload.store.pause = 0.01
    for name in ("busy_1", "busy_2"):
        upload.upload(name, bytes(32 * MIB))
        upload.announce(name)
        done(upload, name, "CHECKSUMMING")
    upload.upload("small", CSV)
    upload.upload("large", CSV + b"x")
    for name in ("small", "large"):
        upload.announce(name)
    assert upload.checksum("small")["checksum_status"] == "UNSCHEDULED"
    assert upload.checksum("large")["checksum_status"] == "SCHEDULED"
    assert counts(upload)["SCHEDULED"] == 1
    upload.store.pause = 0
    done(upload, "large")


def test_a_restart_in_the_middle(upload: Upload) -> None:
    content = bytes(64 * MIB + 1)
    upload.upload("big", content)
    upload.store.pause = 0.05  # far longer in all than it takes to notice
    upload.announce("big")
    done(upload, "big", "CHECKSUMMING")
    upload.app.close()
    assert upload.tags("big") == {}
    upload.store.pause = 0
    upload.open()
    assert done(upload, "big")["checksums"]["s3_etag"] == "d4b4f6056a5f5a23cda477d1895a2bbd-2"
    assert upload.tags("big")["hca-dss-crc32c"] == "bc42803a"


def test_a_file_that_is_replaced_while_it_is_read(upload: Upload) -> None:
    upload.upload("a", bytes(32 * MIB))
    upload.store.pause = 0.01
    upload.announce("a")
    done(upload, "a", "CHECKSUMMING")
    upload.upload("a", CSV)
    upload.store.pause = 0
    assert done(upload, "a")["checksums"] == CSV_SUMS
    assert upload.tags("a") == tag_set(CSV_SUMS)


def test_a_file_that_vanishes_while_it_is_read(upload: Upload) -> None:
    upload.upload("a", bytes(32 * MIB))
    upload.store.pause = 0.01
    upload.announce("a")
    done(upload, "a", "CHECKSUMMING")
    upload.store.delete(BUCKET, f"{AREA}/a")
    upload.store.pause = 0
    until(lambda: counts(upload).get("ABORTED") == 1)


def test_an_area_that_is_deleted_while_its_file_is_read(upload: Upload) -> None:
    upload.upload("a", bytes(32 * MIB))
    upload.store.pause = 0.01
    upload.announce("a")
    done(upload, "a", "CHECKSUMMING")
    upload.area("DELETE")
    until(lambda: upload.area("HEAD").status_code == 404)
    upload.store.pause = 0
    upload.make_area()
    upload.upload("b", CSV)
    upload.announce("b")
    done(upload, "b")
    assert counts(upload)["TOTAL_NUM_FILES"] == 1


def test_many_announcements_at_once(upload: Upload) -> None:
    upload.upload("a", CSV)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(upload.announce, ["a"] * 60))
    assert {answer.status_code for answer in answers} == {202}
    done(upload, "a")
    assert counts(upload)["TOTAL_NUM_FILES"] == 1


def test_many_files(upload: Upload) -> None:
    names = [f"{number:04}.csv" for number in range(200)]
    for name in names:
        upload.upload(name, CSV)
    with ThreadPoolExecutor(12) as pool:
        assert {answer.status_code for answer in pool.map(upload.announce, names)} == {202}
    until(lambda: counts(upload)["CHECKSUMMED"] == 200, seconds=90)
    found = upload.area("PUT", "/files_info", json=names).json()
    assert [one["name"] for one in found] == names
    assert all(one["checksums"] == CSV_SUMS for one in found)


def test_areas_are_counted_apart(upload: Upload) -> None:
    upload.make_area(OTHER)
    upload.put("a", CSV, area=OTHER)
    assert counts(upload) == {"TOTAL_NUM_FILES": 0, "CHECKSUMMING": 0, "CHECKSUMMED": 0, "CHECKSUMMING_UNSCHEDULED": 0}


@pytest.mark.parametrize(
    ("size", "etag", "crc32c"),
    [
        (64 * MIB, "7f614da9329cd3aebf59b91aadc30bf0", "32456b5d"),
        (64 * MIB + 1, "d4b4f6056a5f5a23cda477d1895a2bbd-2", "bc42803a"),
        (150 * MIB, "a039e4897d6fc6c0722652f244817c3c-3", "05163d60"),
    ],
)
def test_a_client_uploads_in_parts(upload: Upload, size: int, etag: str, crc32c: str) -> None:
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=64 * MIB + 1, multipart_chunksize=64 * MIB)
    extra = {"Metadata": {"crc32c": crc32c}, "ContentType": "application/octet-stream; dcp-type=data"}
    upload.s3().upload_fileobj(io.BytesIO(bytes(size)), BUCKET, f"{AREA}/zeros", ExtraArgs=extra, Config=config)
    info = upload.store.head(BUCKET, f"{AREA}/zeros")
    assert info is not None
    assert info.etag == etag
    upload.announce("zeros")
    assert done(upload, "zeros")["checksums"]["s3_etag"] == etag
    assert upload.tags("zeros")["hca-dss-s3_etag"] == etag


# ── reports from outside ──


def report(upload: Upload, event: str, status: str, payload: Any, **options: Any) -> Any:
    body = {"status": status, "job_id": "job-1", "payload": payload}
    return upload.area("POST", f"/update_checksum/{event}", json=body, **options)


def test_reports_from_outside(upload: Upload) -> None:
    upload.upload("a", CSV)
    upload.announce("a")
    done(upload, "a")
    event = upload.event("a")
    assert report(upload, event, "CHECKSUMMING", {}).status_code == 204
    assert upload.checksum("a") == {"checksum_status": "CHECKSUMMING", "checksums": None}
    assert report(upload, event, "CHECKSUMMED", {"checksums": CSV_SUMS}).status_code == 204
    assert upload.checksum("a") == {"checksum_status": "CHECKSUMMED", "checksums": CSV_SUMS}


@pytest.mark.parametrize("checksums", [None, "x", {"sha1": CSV_SUMS["sha1"]}, {**CSV_SUMS, "crc32c": "8DF3121C"}])
def test_checksums_in_reports_are_checked(upload: Upload, checksums: Any) -> None:
    upload.put("a", CSV)
    assert report(upload, upload.event("a"), "CHECKSUMMED", {"checksums": checksums}).status_code == 400
    assert upload.checksum("a")["checksums"] == CSV_SUMS


@pytest.mark.parametrize("payload", [{}, {"checksums": {}}])
def test_a_report_needs_the_checksums(upload: Upload, payload: Any) -> None:
    upload.put("a", CSV)
    assert report(upload, upload.event("a"), "CHECKSUMMED", payload).status_code == 400
    assert upload.checksum("a")["checksum_status"] == "CHECKSUMMED"


def test_reports_that_are_refused(upload: Upload) -> None:
    upload.put("a", CSV)
    event = upload.event("a")
    assert report(upload, "unknown", "FAILED", {}).status_code == 404
    assert report(upload, event, "WHATEVER", {}).status_code == 400
    assert report(upload, event, "FAILED", {}, key="wrong").status_code == 401
    assert report(upload, event, "FAILED", {}, key=None).status_code == 400
    upload.make_area(OTHER)
    assert report(upload, event, "FAILED", {}, area=OTHER).status_code == 404
    assert upload.checksum("a")["checksum_status"] == "CHECKSUMMED"
