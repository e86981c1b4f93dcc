"""Downloading bundles from a real server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, DOCUMENT_SHA256, entries
from fake_dss import FakeDSS, entry

from hca_core.errors import ArgumentError, IntegrityError, NotFoundError, TransferError
from hca_core.testing import Answer, run
from hca_dss import download as module
from hca_dss.bundle import Bundle, DSSFile
from hca_dss.client import DSSClient
from hca_dss.filestore import Filestore
from hca_dss.plan import plan

FOLDER = f"{BUNDLE_UUID}.{BUNDLE_VERSION}"
STORE = ".hca/v2/files_2_4"


@pytest.fixture
def dss() -> Iterator[FakeDSS]:
    with FakeDSS() as server:
        yield server


@pytest.fixture
def client(dss: FakeDSS) -> Iterator[DSSClient]:
    with dss.client() as client:
        yield client


def saved(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stored_as(sha256: str) -> str:
    return f"{STORE}/{sha256[:2]}/{sha256[2:6]}/{sha256}"


def test_the_worked_example_is_saved_exactly(client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path / "out")
    found = saved(tmp_path / "out")
    homes = {file["name"]: stored_as(file["sha256"]) for file in entries()} | {
        "bundle.json": stored_as(DOCUMENT_SHA256)
    }
    assert homes["reads/r1.fastq"] == (
        f"{STORE}/8a/dd5b/8add5b3bf0a7df65f939b0f2f0650f97ae63c37796bf0d1e769b384e666986cd"
    )
    assert found.keys() == set(homes.values()) | {f"{FOLDER}/{name}" for name in homes}
    for name, home in homes.items():
        assert (tmp_path / "out" / FOLDER / name).samefile(tmp_path / "out" / home)
    assert {name: found[f"{FOLDER}/{name}"] for name in CONTENTS} == CONTENTS
    assert len(found[f"{FOLDER}/bundle.json"]) == 3164


def test_the_current_folder_is_the_default(client: DSSClient, home: Path) -> None:
    client.download(BUNDLE_UUID, "aws")
    assert (home / FOLDER / "reads/r1.fastq").read_bytes() == CONTENTS["reads/r1.fastq"]


def test_the_summary_says_what_was_done(client: DSSClient, tmp_path: Path) -> None:
    done = client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, no_data=True)
    assert done["bundle_uuid"] == BUNDLE_UUID
    assert done["bundle_version"] == BUNDLE_VERSION
    assert done["directory"] == str(tmp_path / FOLDER)
    assert done["files"][0] == {
        "name": "project_0.json",
        "path": str(tmp_path / FOLDER / "project_0.json"),
        "size": 121,
        "action": "fetch",
    }
    assert (done["total_bytes"], done["bytes_to_fetch"]) == (417, 417)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"no_data": True}, {"project_0.json", "donor_organism_0.json", "donor_organism_1.json"}),
        ({"no_metadata": True, "data_filter": ["*.fastq"]}, {"reads/r1.fastq"}),
        ({"no_metadata": True, "no_data": True}, set()),
    ],
)
def test_only_what_is_wanted_is_fetched_and_always_the_document(
    dss: FakeDSS, client: DSSClient, tmp_path: Path, choice: dict[str, Any], expected: set[str]
) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, **choice)
    assert saved(tmp_path / FOLDER).keys() == expected | {"bundle.json"}
    assert {name for name, blob in dss.blobs.items() if blob.sent} == expected


def test_all_pages_are_read(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.publish(entries(), CONTENTS.values(), per_page=2)
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert saved(tmp_path / FOLDER).keys() == CONTENTS.keys() | {"bundle.json"}
    assert (tmp_path / stored_as(DOCUMENT_SHA256)).exists()


def test_the_replica_and_the_file_version_are_asked_for(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "gcp", BUNDLE_VERSION, tmp_path)
    queries = {request.path: request.params for request in dss.requests if request.path.startswith("/v1/")}
    assert queries[f"/v1/bundles/{BUNDLE_UUID}"] == {"replica": ["gcp"], "version": [BUNDLE_VERSION]}
    assert queries["/v1/files/0a000000-0000-4000-8000-000000000004"] == {
        "replica": ["gcp"],
        "version": ["2024-05-01T120000.000000Z"],
    }


def test_an_unready_file_is_waited_for(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    path = "/v1/files/0a000000-0000-4000-8000-000000000004"
    blob = f"{dss.url}/blobs/0a000000-0000-4000-8000-000000000004"
    dss.on("GET", path, Answer.redirect(f"{dss.url}{path}?token=x", 301, retry_after=0), Answer.redirect(blob))
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert (tmp_path / FOLDER / "reads/r1.fastq").read_bytes() == CONTENTS["reads/r1.fastq"]


def test_d4_an_empty_file_needs_no_request(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert (tmp_path / FOLDER / "empty.marker").read_bytes() == b""
    assert dss.count("GET", "/blobs/0a000000-0000-4000-8000-000000000005") == 0


def test_d3_another_version_than_the_one_asked_for_is_refused(client: DSSClient, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="instead of the one asked for"):
        client.download(BUNDLE_UUID, "aws", "2024-06-01T000000.000000Z", tmp_path)
    assert saved(tmp_path) == {}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"bundle_uuid": "../../x"}, "'../../x'"),
        ({"version": "latest"}, "'latest'"),
        ({"replica": "azure"}, "replica"),
        ({"no_data": True, "data_filter": ["x"]}, "no_data"),
        ({"existing": "maybe"}, "maybe"),
    ],
)
def test_wrong_arguments_are_named(client: DSSClient, tmp_path: Path, arguments: dict[str, Any], named: str) -> None:
    usual = {"bundle_uuid": BUNDLE_UUID, "replica": "aws", "download_dir": tmp_path}
    with pytest.raises(ArgumentError) as caught:
        client.download(**{**usual, **arguments})
    assert named in caught.value.message


def test_a_bundle_that_does_not_exist(client: DSSClient, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        client.download("22222222-2222-4333-8444-555555555555", "aws", download_dir=tmp_path)


# What the server says is not trusted


@pytest.mark.parametrize(
    "name", ["/tmp/hca-x", "../x", "a/../../../x", "nul\0", "a\\b", "a\nb", "CON", "x.", "C:/x", ".."]
)
def test_d1_a_hostile_name_stops_the_download_before_anything_is_written(
    dss: FakeDSS, client: DSSClient, tmp_path: Path, name: str
) -> None:
    dss.publish([*entries()[:1], entry(name, b"evil", 7)], [CONTENTS["project_0.json"], b"evil"])
    with pytest.raises(TransferError) as caught:
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path / "in" / "out")
    assert repr(name) in caught.value.message
    assert saved(tmp_path) == {}
    assert not Path("/tmp/hca-x").exists()


def test_d1_a_planted_symlink_is_not_followed(client: DSSClient, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / FOLDER).mkdir(parents=True)
    (tmp_path / "out" / FOLDER / "reads").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferError, match=r"'reads/r1\.fastq'.*symbolic link"):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path / "out")
    assert saved(tmp_path / "elsewhere") == {}


def test_d1_a_symlink_planted_during_the_download_is_not_followed(
    dss: FakeDSS, client: DSSClient, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()

    def plant(_: object) -> Answer:
        (tmp_path / "out" / FOLDER).mkdir(parents=True)
        (tmp_path / "out" / FOLDER / "reads").symlink_to(tmp_path / "elsewhere")
        return Answer(200, CONTENTS["reads/r1.fastq"])

    dss.on("GET", "/blobs/0a000000-0000-4000-8000-000000000004", plant)
    with pytest.raises(TransferError, match="symbolic link"):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path / "out")
    assert saved(tmp_path / "elsewhere") == {}
    assert (tmp_path / "out" / FOLDER / "project_0.json").exists()


def test_d2_a_bad_checksum_stops_the_download(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.publish([entry("a", b"x", sha256="../../../x")], [b"x"])
    with pytest.raises(TransferError, match=r"'a' badly.*SHA-256"):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert saved(tmp_path) == {}


def test_d7_colliding_names_are_refused_unless_one_is_excluded(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.publish([entry("a.JSON", b"1", 1), entry("a.json", b"2", 2)], [b"1", b"2"])
    with pytest.raises(TransferError, match=r"'a\.JSON' and 'a\.json'"):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, no_data=True)
    assert (tmp_path / FOLDER / "a.json").read_bytes() == b"2"


def test_d8_a_file_called_bundle_json_keeps_its_name(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.publish([entry("bundle.json", b"mine")], [b"mine"])
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert (tmp_path / FOLDER / "bundle.json").read_bytes() == b"mine"
    assert json.loads((tmp_path / FOLDER / ".bundle.json").read_text())["bundle"]["uuid"] == BUNDLE_UUID


def test_d12_one_content_under_two_names_is_fetched_once(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.publish([entry("a", b"same", 1), entry("b", b"same", 2)], [b"same", b"same"])
    done = client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, report=tmp_path / "report")
    assert (tmp_path / FOLDER / "a").samefile(tmp_path / FOLDER / "b")
    assert dss.blobs["a"].sent + dss.blobs["b"].sent == 4
    assert (done["total_bytes"], done["bytes_to_fetch"]) == (8, 4)
    lines = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert [(line["name"], line["status"], line["transferred"]) for line in lines] == [
        ("a", "fetched", 4),
        ("b", "present", 0),
        ("bundle.json", "present", 0),
    ]


# What is there already


def test_a_second_run_fetches_nothing(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    before = saved(tmp_path)
    sent = {name: blob.sent for name, blob in dss.blobs.items()}
    done = client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert {file["action"] for file in done["files"]} == {"present"}
    assert {name: blob.sent for name, blob in dss.blobs.items()} == sent
    assert saved(tmp_path) == before


def test_a_lost_link_is_made_again_without_fetching(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    (tmp_path / FOLDER / "reads/r1.fastq").unlink()
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert (tmp_path / FOLDER / "reads/r1.fastq").read_bytes() == CONTENTS["reads/r1.fastq"]
    assert dss.blobs["reads/r1.fastq"].sent == 16


@pytest.fixture
def damaged(client: DSSClient, tmp_path: Path) -> Path:
    """The stored copy of r1.fastq after its bytes, but not its size, have changed; nothing links to it."""
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    (tmp_path / FOLDER / "reads/r1.fastq").unlink()
    path = tmp_path / stored_as("8add5b3bf0a7df65f939b0f2f0650f97ae63c37796bf0d1e769b384e666986cd")
    path.chmod(0o644)
    path.write_bytes(CONTENTS["reads/r1.fastq"].swapcase())
    return path


def test_d9_a_stored_file_is_read_only(client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o222 for path in files} == {0}


@pytest.mark.parametrize("existing", ["verify", "overwrite"])
def test_d9_damage_in_the_store_is_repaired(damaged: Path, client: DSSClient, tmp_path: Path, existing: Any) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, existing=existing)
    assert damaged.read_bytes() == CONTENTS["reads/r1.fastq"]
    assert (tmp_path / FOLDER / "reads/r1.fastq").samefile(damaged)


def test_d9_a_stored_file_of_the_wrong_size_is_fetched_again(damaged: Path, client: DSSClient, tmp_path: Path) -> None:
    damaged.write_bytes(b"short")
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert damaged.read_bytes() == CONTENTS["reads/r1.fastq"]


def test_somebody_elses_file_in_the_bundles_folder_is_kept_and_named(client: DSSClient, tmp_path: Path) -> None:
    mine = tmp_path / FOLDER / "reads/r1.fastq"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"my notes")
    with pytest.raises(TransferError, match=r"1 of 6 files failed: reads/r1\.fastq") as caught:
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert mine.read_bytes() == b"my notes"
    assert caught.value.exit_code == 9
    assert saved(tmp_path / FOLDER).keys() == CONTENTS.keys() | {"bundle.json"}


def test_overwrite_replaces_somebody_elses_file(client: DSSClient, tmp_path: Path) -> None:
    mine = tmp_path / FOLDER / "reads/r1.fastq"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"my notes")
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, existing="overwrite")
    assert mine.read_bytes() == CONTENTS["reads/r1.fastq"]


def test_verify_reads_the_bundles_folder_too(client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    edited = tmp_path / FOLDER / "reads/r1.fastq"
    times = edited.stat()
    edited.unlink()
    edited.write_bytes(CONTENTS["reads/r1.fastq"].swapcase())
    os.utime(edited, ns=(times.st_atime_ns, times.st_mtime_ns))
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    with pytest.raises(TransferError, match=r"r1\.fastq exists with other content"):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, existing="verify")


def test_overwrite_keeps_one_copy_of_each_content(client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, existing="overwrite")
    files = [path for path in (tmp_path / FOLDER).rglob("*") if path.is_file()]
    assert {path.stat().st_nlink for path in files} == {2}


def test_a_file_in_a_folders_place_is_a_named_failure(client: DSSClient, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "reads").write_bytes(b"not a folder")
    with pytest.raises(TransferError, match=r"reads/r1\.fastq: .* cannot be written"):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert (tmp_path / FOLDER / "bundle.json").exists()


def test_existing_error_refuses_to_start(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "project_0.json").write_bytes(b"")
    with pytest.raises(TransferError, match=r"1 files .*project_0\.json"):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, existing="error")
    assert sum(blob.sent for blob in dss.blobs.values()) == 0


def test_existing_error_does_not_mind_contents_that_another_bundle_brought(client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    (tmp_path / FOLDER).rename(tmp_path / "other")
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, existing="error")
    assert (tmp_path / FOLDER / "project_0.json").exists()


# When something fails


def test_one_bad_file_does_not_lose_the_others(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.on("GET", "/v1/files/0a000000-0000-4000-8000-000000000004", Answer.problem(404, "not_found", "gone"))
    with pytest.raises(TransferError, match=r"1 of 6 files failed: reads/r1\.fastq") as caught:
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, report=tmp_path / "report")
    assert saved(tmp_path / FOLDER).keys() == CONTENTS.keys() - {"reads/r1.fastq"} | {"bundle.json"}
    assert dict(caught.value.report.counts) == {"failed": 1, "fetched": 4, "present": 1}
    lines = {line["name"]: line for line in map(json.loads, (tmp_path / "report").read_text().splitlines())}
    assert lines["reads/r1.fastq"]["status"] == "failed"
    assert "404" in lines["reads/r1.fastq"]["error"]
    assert lines["project_0.json"]["path"] == str(tmp_path / FOLDER / "project_0.json")


def test_wrong_content_never_gets_its_name(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.blobs["reads/r1.fastq"].data = CONTENTS["reads/r1.fastq"].swapcase()
    with pytest.raises(TransferError) as caught:
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert isinstance(caught.value.report.failures[0].error, IntegrityError)
    assert not (tmp_path / FOLDER / "reads/r1.fastq").exists()


def test_d14_wrong_content_once_is_fetched_again(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.blobs["reads/r1.fastq"].corrupt(3)
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path)
    assert (tmp_path / FOLDER / "reads/r1.fastq").read_bytes() == CONTENTS["reads/r1.fastq"]


def test_no_retries_means_that_a_broken_connection_is_final(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.blobs["reads/r1.fastq"].cut(5)
    with pytest.raises(TransferError, match=r"reads/r1\.fastq"):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, num_retries=0)
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, num_retries=1, min_delay_seconds=0)
    assert (tmp_path / FOLDER / "reads/r1.fastq").read_bytes() == CONTENTS["reads/r1.fastq"]


def test_fail_fast_stops_at_the_first_failure(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.on("GET", "/v1/files/0a000000-0000-4000-8000-000000000001", Answer.problem(404, "not_found", "gone"))
    with pytest.raises(TransferError, match=r"project_0\.json"):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, fail_fast=True, jobs=1)
    assert sum(blob.sent for blob in dss.blobs.values()) == 0


# Before anything is done


def test_a_dry_run_writes_nothing_and_fetches_nothing(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    planned = client.download(BUNDLE_UUID, "aws", download_dir=tmp_path / "out", dry_run=True)
    assert [file["action"] for file in planned["files"]] == ["fetch"] * 5
    assert (planned["total_bytes"], planned["bytes_to_fetch"]) == (433, 433)
    assert planned["free_bytes"] > 0
    assert list(tmp_path.iterdir()) == []
    assert not [request for request in dss.requests if request.path.startswith(("/v1/files", "/blobs"))]


def test_a_dry_run_tells_what_is_there(client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, no_data=True)
    planned = client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, dry_run=True)
    assert {file["name"]: file["action"] for file in planned["files"]} == {
        "project_0.json": "present",
        "donor_organism_0.json": "present",
        "donor_organism_1.json": "present",
        "reads/r1.fastq": "fetch",
        "empty.marker": "fetch",
    }
    assert planned["bytes_to_fetch"] == 16


def test_a_dry_run_tells_what_would_be_continued(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    data = os.urandom(2_000_000)
    dss.publish([entry("large", data)], [data])
    dss.blobs["large"].cut(1_500_000)
    with pytest.raises(TransferError):
        client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, num_retries=0)
    planned = client.download(BUNDLE_UUID, "aws", download_dir=tmp_path, dry_run=True)
    assert [file["action"] for file in planned["files"]] == ["resume"]
    assert planned["bytes_to_fetch"] == 500_000
    module.download(client, BUNDLE_UUID, "aws", download_dir=tmp_path, free_bytes=lambda _: 500_000)


def test_too_little_room_is_said_with_numbers(client: DSSClient, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="433 bytes are needed, but only 432 are free"):
        module.download(client, BUNDLE_UUID, "aws", download_dir=tmp_path, free_bytes=lambda _: 432)
    assert list(tmp_path.iterdir()) == []
    module.download(client, BUNDLE_UUID, "aws", download_dir=tmp_path, free_bytes=lambda _: 433)


def test_planning_is_pure(tmp_path: Path) -> None:
    file = DSSFile(
        "a b.txt", "0a000000-0000-4000-8000-000000000001", "2024-05-01T120000.000000Z", "ab" * 32, 3, False, "aws"
    )
    bundle = Bundle(BUNDLE_UUID, BUNDLE_VERSION, (file,), {})
    planned = plan(bundle, [file], Filestore(tmp_path), "https://dss.example.org/v1")
    (job,) = planned.jobs
    assert job.url == (
        "https://dss.example.org/v1/files/0a000000-0000-4000-8000-000000000001"
        "?replica=aws&version=2024-05-01T120000.000000Z"
    )
    assert (job.name, job.size, job.sha256) == ("a b.txt", 3, "ab" * 32)
    assert job.target == tmp_path / stored_as("ab" * 32)
    assert planned.steps[0].target == tmp_path / FOLDER / "a b.txt"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("words", [["download", "--bundle-uuid"], ["download-collection", "--uuid"]])
def test_a_bucket_is_no_folder(words: list[str], home: Path) -> None:
    ended = run("dss", *words, BUNDLE_UUID, "--replica", "aws", "--download-dir", "s3://bucket/prefix")
    assert (ended.code, (home / "s3:").exists()) == (2, False)
    assert "must be a folder, which s3://bucket/prefix is not" in ended.stderr
