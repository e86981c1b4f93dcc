"""Putting files into an area, with the real services at the other end."""

from __future__ import annotations

import io
import json
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hca_core.errors import ApiError, AuthError, HcaError, NetworkError, NotFoundError
from hca_core.transfer.digest import MIB, checksums
from hca_upload import UploadAreaURI, UploadService
from hca_upload.errors import UploadException, UploadIncomplete, UploadRefused

from .conftest import AREA, BUCKET, CSV, CSV_CRC, CSV_ETAG, NOBODY, Stack, big, failing, until, write

PART = 64 * MIB


def lines(report: Path) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in map(json.loads, report.read_text().splitlines())}


def test_a_file_arrives_with_all_that_the_service_wants_to_know(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "cells.csv")
    result = stack.area.upload_files([tmp_path / "cells.csv"])
    assert {name: result[name] for name in ("area", "files", "sent", "transferred")} == {
        "area": AREA,
        "files": 1,
        "sent": 1,
        "transferred": len(CSV),
    }
    head = stack.head("cells.csv")
    assert (head.size, head.etag, head.content_type) == (len(CSV), CSV_ETAG, "text/csv; dcp-type=data")
    assert head.metadata == {"crc32c": CSV_CRC}
    (put,) = [one for one in stack.s3.seen if one.method == "PUT"]
    assert put.headers["X-AMZ-ACL"] == "bucket-owner-full-control"
    assert stack.announced() == ["cells.csv"]
    until(lambda: stack.state("cells.csv") == "CHECKSUMMED")
    assert stack.content("cells.csv") == CSV


def test_no_request_of_a_submitter_has_an_api_key(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "cells.csv")
    area = UploadService("local", "a key that nobody asked for").upload_area(UploadAreaURI(f"s3://{BUCKET}/{AREA}"))
    area.upload_files([tmp_path / "cells.csv"])
    assert area.exists()
    assert [*area.list(detail=True)]
    area.checksum_statuses()
    assert not [one for one in stack.upload.seen if "API-KEY" in one.headers]
    assert len(stack.upload.seen) > 4


def test_everything_below_a_folder_is_uploaded(stack: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "run", "a.csv", "deep/er/b.csv", ".hidden")
    write(tmp_path / "elsewhere", "c.csv")
    (tmp_path / "run" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "run" / "alias.csv").symlink_to(tmp_path / "elsewhere" / "c.csv")
    stack.area.upload_files([tmp_path / "run"])
    assert stack.names() == [".hidden", "a.csv", "alias.csv", "b.csv"]
    assert "is a link to a folder; it is not followed" in caplog.text


def test_several_paths_and_a_file_that_is_named_twice(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "run/a.csv", "b.csv")
    paths = [tmp_path / "run", tmp_path / "run" / ".." / "run" / "a.csv", tmp_path / "b.csv"]
    assert stack.area.upload_files(paths)["files"] == 2
    assert stack.names() == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    "name", ["a b.csv", "27604_8#296.cram", "ü 北.txt", "a+b&c=d?.txt", "100%.txt", "a%20b.txt", "a;b,'c'.txt", "-x"]
)
def test_odd_names_arrive_as_they_are(name: str, stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, name)
    stack.area.upload_files([tmp_path / name])
    assert [file["name"] for file in stack.area.list(detail=True)] == [name]
    assert stack.announced() == [name]
    until(lambda: stack.state(name) == "CHECKSUMMED")


def test_a_name_can_be_chosen_for_one_file(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    stack.area.upload_files([tmp_path / "a.csv"], target_filename="b.json")
    assert stack.head("b.json").content_type == "application/json; dcp-type=data"


def test_ud8_an_empty_file_is_a_file(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "empty", content=b"")
    stack.area.upload_files([tmp_path / "empty"])
    head = stack.head("empty")
    assert (head.size, head.metadata) == (0, {"crc32c": "00000000"})
    assert head.content_type == "application/octet-stream; dcp-type=data"


def test_ud18_the_dcp_type_is_honoured(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "donor_1.json")
    stack.area.upload_files([tmp_path / "donor_1.json"], dcp_type="metadata/donor")
    assert stack.head("donor_1.json").content_type == 'application/json; dcp-type="metadata/donor"'
    with pytest.raises(UploadRefused, match="is not a dcp-type"):
        stack.area.upload_files([tmp_path / "donor_1.json"], dcp_type="x\r\nX-Evil: 1")


def test_what_could_not_be_uploaded_is_refused_before_anything_is_asked(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a/r1.fq", "b/r1.fq")
    with pytest.raises(UploadRefused):
        stack.area.upload_files([tmp_path])
    assert stack.s3.seen == []
    assert stack.upload.seen == []


# Failures


def test_a_file_that_cannot_be_sent_does_not_keep_the_others_back(stack: Stack, tmp_path: Path) -> None:
    run = write(tmp_path / "run", "a.csv", "b.csv")
    (run / "dangling").symlink_to("nowhere")
    os.mkfifo(run / "pipe")
    report = tmp_path / "report"
    with pytest.raises(UploadIncomplete) as caught:
        stack.area.upload_files([run], report=report)
    assert stack.names() == ["a.csv", "b.csv"]
    assert caught.value.exit_code == 9
    assert isinstance(caught.value, UploadException)
    assert "2 of 4 files failed" in caught.value.message
    assert "dangling cannot be read: No such file or directory" in caught.value.message
    assert "pipe is not a regular file" in caught.value.message
    assert ".." not in caught.value.message
    assert "--sync" in (caught.value.hint or "")
    found = lines(report)
    assert {name: line["status"] for name, line in found.items()} == {
        "a.csv": "sent",
        "b.csv": "sent",
        "dangling": "failed",
        "pipe": "failed",
    }
    assert caught.value.report.counts == {"sent": 2, "failed": 2}


def test_an_unreadable_file_is_one_failure(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path / "run", "good.csv", "vanishing.csv")

    def vanish(one: Any) -> None:
        (tmp_path / "run" / "vanishing.csv").unlink(missing_ok=True)

    stack.s3.faults.append(vanish)  # after it was found, and before it is sent
    with pytest.raises(UploadIncomplete, match=r"1 of 2 files failed: vanishing.csv: .*cannot be read"):
        stack.area.upload_files([tmp_path / "run"], jobs=1)
    assert stack.names() == ["good.csv"]


def test_an_area_that_does_not_exist_is_noticed_before_anything_is_sent(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    area = UploadService("local").upload_area(UploadAreaURI(f"s3://{BUCKET}/{NOBODY}/"))
    with pytest.raises(NotFoundError):
        area.upload_files([tmp_path])
    assert stack.s3.seen == []


def test_an_area_that_is_being_deleted_takes_nothing(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    stack.service.upload_area(stack.area.uri).delete()
    with pytest.raises(ApiError) as caught:
        stack.area.upload_files([tmp_path])
    assert caught.value.status in (404, 409)
    assert stack.s3.seen == []


def test_keys_that_are_refused_are_explained_as_those_of_the_area(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    stack.keyring = lambda _: None
    with pytest.raises(AuthError) as caught:
        stack.area.upload_files([tmp_path])
    assert "The upload service gave the keys" in (caught.value.hint or "")


def test_a_store_that_fails_ends_in_a_network_error_or_says_which_files_failed(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "b.csv")
    stack.s3.faults.append(failing("PUT", "/b.csv", "403 Forbidden"))
    with pytest.raises(AuthError):
        stack.area.upload_files([tmp_path], jobs=1)
    stack.s3.faults[:] = [failing("PUT", "/b.csv", "400 Bad Request")]
    with pytest.raises(UploadIncomplete, match=r"1 of 2 files failed: b.csv"):
        stack.area.upload_files([tmp_path], sync=False)
    assert stack.names() == ["a.csv"]


def test_ud9_a_file_that_could_not_be_announced_has_arrived(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path / "run", "a.csv", "b.csv")
    stack.upload.faults.append(failing("POST", "/a.csv", "404 Not Found"))
    report = tmp_path / "report"
    with pytest.raises(UploadIncomplete) as caught:
        stack.area.upload_files([tmp_path / "run"], report=report)
    assert "1 of 2 files arrived unnoticed: a.csv: it has arrived" in caught.value.message
    assert "failed" not in caught.value.message
    assert "only announced" in (caught.value.hint or "")
    assert stack.names() == ["a.csv", "b.csv"]
    line = lines(report)["a.csv"]
    assert (line["status"], line["transferred"], line["attempts"]) == ("unannounced", len(CSV), 1)
    assert "could not be told" in line["error"]


def test_ud9_a_second_run_only_announces(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "b.csv")
    stack.upload.faults.append(failing("POST", "/a.csv", "404 Not Found"))
    with pytest.raises(UploadIncomplete):
        stack.area.upload_files([tmp_path])
    stack.upload.faults.clear()
    stack.s3.seen.clear()
    assert stack.area.upload_files([tmp_path])["present"] == 2
    assert stack.s3.sent() == 0
    until(lambda: stack.state("a.csv") == "CHECKSUMMED")


def test_a_service_that_does_not_answer_any_more_keeps_no_file_back(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, *(f"{number:02}.csv" for number in range(20)))
    stack.upload.faults.append(failing("POST", ".csv", "503 Service Unavailable"))
    with pytest.raises(UploadIncomplete, match="20 of 20 files arrived unnoticed"):
        stack.area.upload_files([tmp_path], jobs=2)
    assert len(stack.names()) == 20
    assert len({*stack.announced()}) < 12, "the service was asked about each file"


def test_nobody_waits_for_a_store_that_is_not_there(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    stack.s3.faults.append(lambda _: "503 Slow Down")
    with pytest.raises(NetworkError):
        stack.area.upload_files([tmp_path])


# Skipping what is there


def test_ud7_sync_skips_what_is_there_with_the_same_content(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "same.csv", "longer.csv", "changed.csv")
    assert stack.area.upload_files([tmp_path])["sent"] == 3
    (tmp_path / "longer.csv").write_bytes(CSV + b"x")
    (tmp_path / "changed.csv").write_bytes(CSV[:-1] + b"x")
    result = stack.area.upload_files([tmp_path])
    assert (result["present"], result["sent"]) == (1, 2)
    assert stack.content("changed.csv") == CSV[:-1] + b"x"


def test_ud7_without_sync_everything_is_sent_again(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    stack.area.upload_files([tmp_path])
    assert stack.area.upload_files([tmp_path], sync=False)["sent"] == 1


def test_ud7_a_file_of_another_type_is_sent_again(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.json")
    stack.area.upload_files([tmp_path])
    assert stack.area.upload_files([tmp_path], dcp_type="metadata")["sent"] == 1
    assert stack.head("a.json").content_type.endswith("dcp-type=metadata")


def test_ud7_where_files_may_not_be_looked_at_size_and_etag_decide(
    stack: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "a.csv", "b.csv", "c.csv")
    stack.area.upload_files([tmp_path])
    (tmp_path / "c.csv").write_bytes(CSV[::-1])
    stack.s3.faults.append(lambda one: "403 Forbidden" if one.method == "HEAD" else None)
    result = stack.area.upload_files([tmp_path], jobs=1)
    assert (result["present"], result["sent"]) == (2, 1)
    assert caplog.text.count("may not be looked at") == 1
    assert stack.s3.count("HEAD") == 1


def test_ud7_a_large_file_of_other_parts_is_known_by_its_crc32c(stack: Stack, tmp_path: Path) -> None:
    path = big(tmp_path / "reads.bam", 12 * MIB)
    crc32c = checksums(path).crc32c
    key = f"{AREA}/reads.bam"
    upload = stack.objects.create_upload(
        BUCKET, key, content_type="application/octet-stream; dcp-type=data", metadata={"crc32c": crc32c}
    )
    with path.open("rb") as file:
        parts = []
        for number in (1, 2):
            sent = stack.objects.put_part(BUCKET, key, upload, number, io.BytesIO(file.read(6 * MIB)))
            parts.append((number, sent.etag))
    stack.objects.complete_upload(BUCKET, key, upload, parts)
    assert stack.head("reads.bam").etag.endswith("-2")
    assert stack.area.upload_files([path])["present"] == 1


@pytest.mark.parametrize(
    ("content", "crc32c"),
    [
        (CSV[:-1] + b"X", CSV_CRC),  # the bytes are not what their sender said
        (CSV, "deadbeef"),  # the sender did not know what it sent, so the service refuses the file
    ],
)
def test_what_the_sender_said_of_a_file_is_not_believed(
    content: bytes, crc32c: str, stack: Stack, tmp_path: Path
) -> None:
    write(tmp_path, "a.csv")
    about = {"content_type": "text/csv; dcp-type=data", "metadata": {"crc32c": crc32c}}
    stack.objects.put(BUCKET, f"{AREA}/a.csv", io.BytesIO(content), **about)
    stack.area.announce("a.csv")
    until(lambda: stack.state("a.csv") == "FAILED")
    assert stack.area.upload_files([tmp_path])["sent"] == 1
    until(lambda: stack.state("a.csv") == "CHECKSUMMED")
    assert stack.area.upload_files([tmp_path])["present"] == 1


@pytest.mark.parametrize("metadata", [{}, {"crc32c": CSV_CRC.upper()}])
def test_the_right_bytes_are_there_if_nobody_said_otherwise(
    metadata: dict[str, str], stack: Stack, tmp_path: Path
) -> None:
    write(tmp_path, "a.csv")
    about = {"content_type": "text/csv; dcp-type=data", "metadata": metadata}
    stack.objects.put(BUCKET, f"{AREA}/a.csv", io.BytesIO(CSV), **about)
    assert stack.area.upload_files([tmp_path])["present"] == 1


# Plans


def test_a_dry_run_tells_and_does_nothing(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "b.csv", "c.csv")
    stack.area.upload_files([tmp_path / "b.csv"])
    (tmp_path / "c.csv").write_bytes(b"c")
    stack.s3.seen.clear()
    plan = stack.area.upload_files([tmp_path], dry_run=True)
    assert plan == {
        "area": AREA,
        "files": [
            {"name": "a.csv", "path": str(tmp_path / "a.csv"), "size": 31, "action": "send"},
            {"name": "b.csv", "path": str(tmp_path / "b.csv"), "size": 31, "action": "present"},
            {"name": "c.csv", "path": str(tmp_path / "c.csv"), "size": 1, "action": "send"},
        ],
        "total_bytes": 63,
        "bytes_to_send": 32,
    }
    assert {one.method for one in stack.s3.seen} <= {"GET", "HEAD"}
    assert stack.names() == ["b.csv"]
    assert stack.announced() == ["b.csv"]


def test_progress_counts_every_byte_once(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "b.csv")
    stack.area.upload_files([tmp_path / "b.csv"])
    counted = Counting()
    stack.area.upload_files([tmp_path], progress=counted)
    assert counted.sizes == {"a.csv": 31, "b.csv": 31}
    assert counted.moved == {"a.csv": 31, "b.csv": 31}
    assert sorted(counted.finished) == ["a.csv", "b.csv"]


class Counting:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.sizes: dict[str, int | None] = {}
        self.moved: dict[str, int] = {}
        self.finished: list[str] = []

    def add(self, name: str, size: int | None) -> None:
        self.sizes[name] = size

    def advance(self, name: str, count: int) -> None:
        self.moved[name] = self.moved.get(name, 0) + count

    def done(self, name: str) -> None:
        self.finished.append(name)

    def note(self, message: str) -> None:
        raise AssertionError(message)


def test_each_file_is_logged_if_progress_is_wanted(
    stack: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "a.csv")
    caplog.set_level(logging.INFO, "hca_upload")
    stack.area.upload_files([tmp_path], report_progress=True)
    assert "a.csv: sent" in caplog.text
    stack.area.upload_files([tmp_path])
    assert "a.csv: present" not in caplog.text
    assert capfd.readouterr() == ("", "")


def test_a_report_tells_in_how_many_requests_a_file_was_sent(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path / "run", "a.csv", "b.csv")
    report = tmp_path / "report"
    stack.area.upload_files(tmp_path / "run" / "a.csv")
    stack.area.upload_files(tmp_path / "run", report=report)
    assert {name: line["attempts"] for name, line in lines(report).items()} == {"a.csv": 0, "b.csv": 1}


# Keys that end


def test_u3_keys_are_renewed_before_they_end(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path, *(f"{number}.csv" for number in range(5)))
    stack.late = -3600 + 60  # what it gives out ends in a minute
    stack.area.upload_files([tmp_path], jobs=1)
    assert len(stack.names()) == 5
    assert stack.upload.count("POST", "/credentials") >= 5


def test_u3_keys_that_have_ended_in_mid_transfer_are_renewed(stack: Stack, tmp_path: Path) -> None:
    path = big(tmp_path / "reads.bam", 2 * PART + 5)
    ended: set[str] = set()

    def keyring(id: str) -> Any:
        key = stack.app.keys.find(id)
        if key and stack.s3.sent() >= PART and not ended:
            ended.add(id)
        return replace(key, expires_at=1.0) if key and id in ended else key

    stack.keyring = keyring
    assert stack.area.upload_files([path])["sent"] == 1
    assert len(ended) == 1
    assert stack.upload.count("POST", "/credentials") == 2
    assert stack.head("reads.bam").etag == checksums(path).s3_etag


@pytest.mark.parametrize(
    "answer", [{}, {"AccessKeyId": "a b", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2100-01-01"}, []]
)
def test_keys_that_make_no_sense_are_a_sentence(answer: Any) -> None:
    from hca_upload.credentials import read_keys

    with pytest.raises(HcaError, match="are none"):
        read_keys(answer)


@pytest.mark.parametrize("expires", ["2100-01-02T03:04:05Z", "2100-01-02T03:04:05+00:00", "2100-01-02T03:04:05"])
def test_both_spellings_of_the_end_are_understood(expires: str) -> None:
    from hca_upload.credentials import read_keys

    keys = read_keys({"AccessKeyId": "A", "SecretAccessKey": "s/+=", "SessionToken": "t", "Expiration": expires})
    assert keys.expires.isoformat() == "2100-01-02T03:04:05+00:00"
    assert "s/+=" not in repr(keys)
