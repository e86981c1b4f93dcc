"""Downloading what a manifest lists, from a real server."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, FILE_VERSION, entries, page
from fake_dss import FakeDSS, entry

from hca_core.errors import ArgumentError, TransferError
from hca_core.testing import Answer, run
from hca_dss.client import DSSClient
from hca_dss.manifest import LAYOUTS, Layout, download_manifest
from hca_dss.rows import REQUIRED

FOLDER = f"{BUNDLE_UUID}.{BUNDLE_VERSION}"
COLUMNS = [*REQUIRED[:4], "file_version", *REQUIRED[4:]]
OTHER = "22222222-2222-4333-8444-555555555555"


@pytest.fixture
def dss() -> Iterator[FakeDSS]:
    with FakeDSS() as server:
        yield server


@pytest.fixture
def client(dss: FakeDSS) -> Iterator[DSSClient]:
    with dss.client() as client:
        yield client


def stored_as(sha256: str) -> str:
    return f".hca/v2/files_2_4/{sha256[:2]}/{sha256[2:6]}/{sha256}"


def listing(file: dict[str, Any], **changed: str) -> dict[str, str]:
    """The row of a manifest about a file of the bundle."""
    row = {"bundle_uuid": BUNDLE_UUID, "bundle_version": BUNDLE_VERSION}
    row |= {f"file_{key}": str(file[key]) for key in ("name", "uuid", "version", "sha256", "size")}
    return {**row, **changed}


def write(
    path: Path, rows: list[dict[str, str]], columns: list[str] = COLUMNS, start: str = "", end: str = "\n"
) -> Path:
    lines = [columns, *([row.get(column, "") for column in columns] for row in rows)]
    path.write_bytes((start + "".join("\t".join(line) + end for line in lines)).encode())
    return path


def read(path: Path) -> list[dict[str, str]]:
    header, *lines = (line.split("\t") for line in path.read_text().splitlines())
    return [dict(zip(header, line, strict=True)) for line in lines]


def paths(path: Path) -> dict[str, str]:
    return {row["file_name"]: row["file_path"] for row in read(path)}


def rows() -> list[dict[str, str]]:
    return [listing(file) for file in entries()]


def saved(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# Layout none


def test_layout_none_fills_the_store_and_tells_where(client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", rows())
    done = client.download_manifest(manifest, "aws", download_dir=tmp_path / "out")
    homes = {file["name"]: stored_as(file["sha256"]) for file in entries()}
    assert saved(tmp_path / "out") == {*homes.values(), "m.tsv"}
    assert paths(tmp_path / "out/m.tsv") == {name: str(tmp_path / "out" / home) for name, home in homes.items()}
    assert {name: Path(path).read_bytes() for name, path in paths(tmp_path / "out/m.tsv").items()} == CONTENTS
    assert (done["rows"], done["saved"], done["manifest"]) == (5, 5, str(tmp_path / "out/m.tsv"))


def test_the_current_folder_is_the_default_and_its_manifest_is_replaced(client: DSSClient, home: Path) -> None:
    write(home / "m.tsv", rows())
    client.download_manifest("m.tsv", "aws")
    expected = ".hca/v2/files_2_4/8a/dd5b/8add5b3bf0a7df65f939b0f2f0650f97ae63c37796bf0d1e769b384e666986cd"
    assert paths(home / "m.tsv")["reads/r1.fastq"] == expected
    before = (home / "m.tsv").read_bytes()
    client.download_manifest("m.tsv", "aws")
    assert (home / "m.tsv").read_bytes() == before


def test_d4_an_empty_file_needs_no_request(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    client.download_manifest(write(tmp_path / "m", rows()[4:]), "aws", download_dir=tmp_path)
    assert (tmp_path / stored_as(entries()[4]["sha256"])).read_bytes() == b""
    assert not [request for request in dss.requests if "/files/" in request.path]


def test_d5_missing_columns_are_named_before_anything_is_done(client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", rows(), ["file_name", "bundle_uuid", "file_uuid", "file_size"])
    with pytest.raises(ArgumentError) as caught:
        client.download_manifest(manifest, "aws", download_dir=tmp_path / "out")
    assert f"{manifest} lacks the columns bundle_version, file_sha256" in caught.value.message
    assert not (tmp_path / "out").exists()


def test_d5_the_file_version_may_be_missing(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", rows(), [column for column in COLUMNS if column != "file_version"])
    client.download_manifest(manifest, "gcp", download_dir=tmp_path)
    asked = [request.params for request in dss.requests if request.path.startswith("/v1/files/")]
    assert asked == [{"replica": ["gcp"]}] * 4


def test_the_file_version_is_asked_for(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    client.download_manifest(write(tmp_path / "m.tsv", rows()[:1]), "aws", download_dir=tmp_path)
    (asked,) = [request.params for request in dss.requests if request.path.startswith("/v1/files/")]
    assert asked == {"replica": ["aws"], "version": [FILE_VERSION]}


@pytest.mark.parametrize("manifest", ["gone.tsv", "folder", "empty.tsv", "twice.tsv"])
def test_a_manifest_that_is_none_is_a_sentence(client: DSSClient, tmp_path: Path, manifest: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.tsv").touch()
    write(tmp_path / "twice.tsv", [], [*COLUMNS, "file_name"])
    with pytest.raises(ArgumentError, match=manifest):
        client.download_manifest(tmp_path / manifest, "aws", download_dir=tmp_path / "out")


def test_d6_the_manifest_is_written_to_the_download_directory(client: DSSClient, home: Path, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", rows())
    before = manifest.read_bytes()
    client.download_manifest(manifest, "aws", download_dir=tmp_path / "out")
    assert manifest.read_bytes() == before
    assert (tmp_path / "out/m.tsv").exists()
    assert [name for name in saved(home) if not name.startswith(".cache")] == []


def test_d44_a_byte_order_mark_is_read_and_line_feeds_are_written(client: DSSClient, tmp_path: Path) -> None:
    extra = {"note": "Zellen äöü"}
    manifest = write(tmp_path / "m.tsv", [rows()[0] | extra], [*COLUMNS, "note"], start="\ufeff", end="\r\n")
    client.download_manifest(manifest, "aws", download_dir=tmp_path / "out")
    written = (tmp_path / "out/m.tsv").read_bytes()
    assert written.startswith(b"bundle_uuid\t")
    assert b"\r" not in written
    assert read(tmp_path / "out/m.tsv")[0]["note"] == "Zellen äöü"


def test_columns_in_any_order_and_cells_of_any_length_are_kept(client: DSSClient, tmp_path: Path) -> None:
    row = rows()[0] | {"note": "x" * 200_000, "file_path": "old"}
    manifest = write(tmp_path / "m.tsv", [row], ["note", "file_path", *reversed(COLUMNS)])
    client.download_manifest(manifest, "aws", download_dir=tmp_path / "out")
    path = str(tmp_path / "out" / stored_as(row["file_sha256"]))
    assert read(tmp_path / "out/m.tsv") == [row | {"file_path": path}]


def test_d12_one_content_in_many_rows_is_fetched_once(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[3], rows()[3] | {"bundle_uuid": OTHER}])
    done = client.download_manifest(manifest, "aws", download_dir=tmp_path)
    assert dss.blobs["reads/r1.fastq"].sent == 16
    assert done["saved"] == 2


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"file_name": "../../x"}, "'../../x'"),
        ({"file_name": ""}, "empty"),
        ({"file_uuid": "x/../y"}, "not a UUID"),
        ({"bundle_uuid": "../up"}, "not a UUID"),
        ({"bundle_version": "latest"}, "not a DSS version"),
        ({"file_version": "1&replica=gcp"}, "not a DSS version"),
        ({"file_sha256": "../../../x"}, "SHA-256"),
        ({"file_size": "-1"}, "not a size"),
        ({"file_size": "٣"}, "not a size"),
        ({"file_size": "1e3"}, "not a size"),
        ({"file_size": "16\tone cell too many"}, "8 cells for 7 columns"),
    ],
)
@pytest.mark.parametrize("layout", ["none", "bundle"])
def test_a_bad_row_is_a_named_failure_and_the_others_go_on(
    client: DSSClient, tmp_path: Path, changed: dict[str, str], reason: str, layout: Any
) -> None:
    bad = rows()[3] | changed
    manifest = write(tmp_path / "m.tsv", [rows()[0], bad, rows()[4]])
    with pytest.raises(TransferError) as caught:
        client.download_manifest(manifest, "aws", layout, download_dir=tmp_path / "out")
    (failure,) = caught.value.report.failures
    assert failure.name == "line 3 of m.tsv"
    assert reason in failure.error.message
    assert "m.failed.tsv" in str(caught.value.hint)
    good, _, empty = (line.split("\t") for line in (tmp_path / "out/m.tsv").read_text().splitlines()[1:])
    assert Path(good[-1]).read_bytes() == CONTENTS["project_0.json"]
    assert Path(empty[-1]).read_bytes() == b""
    assert (tmp_path / "out/m.failed.tsv").read_bytes() == write(tmp_path / "expected", [bad]).read_bytes()


def test_a_row_without_its_last_cells_is_a_named_failure(client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", [])
    manifest.write_text(manifest.read_text() + BUNDLE_UUID + "\n")
    with pytest.raises(TransferError, match=r"line 2 of m\.tsv: .*empty"):
        client.download_manifest(manifest, "aws", download_dir=tmp_path)


def test_rows_that_failed_are_a_manifest_to_try_again(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    path = "/v1/files/0a000000-0000-4000-8000-000000000004"
    dss.on("GET", path, Answer.problem(404, "not_found", "gone"))
    manifest = write(tmp_path / "m.tsv", rows())
    with pytest.raises(TransferError, match=r"1 of 5 files failed: reads/r1\.fastq \(line 5\): .*404"):
        client.download_manifest(manifest, "aws", download_dir=tmp_path, report=tmp_path / "report")
    assert [name for name, path in paths(manifest).items() if not path] == ["reads/r1.fastq"]
    assert len(read(manifest)) == 5
    states = [json.loads(line)["status"] for line in (tmp_path / "report").open()]
    assert sorted(states) == ["failed", "fetched", "fetched", "fetched", "fetched"]

    dss.on("GET", path, Answer(200, CONTENTS["reads/r1.fastq"]))
    assert read(tmp_path / "m.failed.tsv") == [rows()[3]]
    client.download_manifest(tmp_path / "m.failed.tsv", "aws", download_dir=tmp_path)
    client.download_manifest(manifest, "aws", download_dir=tmp_path)
    assert all(paths(manifest).values())
    assert not (tmp_path / "m.failed.failed.tsv").exists()
    assert not (tmp_path / "m.failed.tsv").exists()


def test_a_manifest_in_the_download_directory_gets_the_column_and_that_is_said_once(
    client: DSSClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[3]])
    client.download_manifest(manifest, "aws", download_dir=tmp_path / "elsewhere")
    assert caplog.messages == []
    for _ in range(2):
        client.download_manifest(manifest, "aws", download_dir=tmp_path)
        assert caplog.messages == [f"{manifest}, which is in the download directory, gets the column file_path."]


def test_a_size_that_contradicts_another_row_is_a_failure(client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[3], rows()[3] | {"file_size": "17"}])
    with pytest.raises(TransferError, match=r"\(line 3\): .* has 16 bytes, not 17"):
        client.download_manifest(manifest, "aws", download_dir=tmp_path)
    assert [bool(row["file_path"]) for row in read(manifest)] == [True, False]


def test_fail_fast_stops_at_the_first_bad_row(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[0] | {"file_size": "x"}, *rows()[1:]])
    with pytest.raises(TransferError):
        client.download_manifest(manifest, "aws", download_dir=tmp_path, fail_fast=True)
    assert sum(blob.sent for blob in dss.blobs.values()) == 0
    assert len(read(tmp_path / "m.failed.tsv")) == 5


def test_existing_damage_is_repaired_on_request(client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", rows())
    client.download_manifest(manifest, "aws", download_dir=tmp_path)
    stored = tmp_path / stored_as(entries()[3]["sha256"])
    assert stored.stat().st_mode & 0o222 == 0
    stored.chmod(0o644)
    stored.write_bytes(b"x" * 16)
    client.download_manifest(manifest, "aws", download_dir=tmp_path, existing="verify")
    assert stored.read_bytes() == CONTENTS["reads/r1.fastq"]


def test_a_dry_run_counts_and_writes_nothing(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", [*rows(), rows()[3], rows()[3] | {"file_size": "x"}])
    planned = client.download_manifest(manifest, "aws", download_dir=tmp_path / "out", dry_run=True)
    assert (planned["files"], planned["total_bytes"], planned["bytes_to_fetch"]) == (6, 449, 433)
    assert [failure["name"] for failure in planned["failed"]] == ["line 8 of m.tsv"]
    assert saved(tmp_path) == {"m.tsv"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_too_little_room_for_what_is_listed(client: DSSClient, tmp_path: Path, layout: Layout) -> None:
    manifest = write(tmp_path / "m.tsv", [*rows(), *rows()])
    out = tmp_path / "out"
    with pytest.raises(TransferError, match="433 bytes are needed, but only 432 are free"):
        download_manifest(client, manifest, "aws", layout, download_dir=out, free_bytes=lambda _: 432)
    assert not out.exists()
    download_manifest(client, manifest, "aws", layout, download_dir=out, free_bytes=lambda _: 433)
    # What is there needs no room.
    download_manifest(client, manifest, "aws", layout, download_dir=out, free_bytes=lambda _: 0)


def test_the_first_file_is_asked_for_before_the_last_row_is_read(
    dss: FakeDSS, client: DSSClient, tmp_path: Path
) -> None:
    manifest = write(tmp_path / "m.tsv", rows())

    def lengthen(_: object) -> Answer:
        with manifest.open("a") as file:
            file.write("a late row\n")
        return Answer(200, CONTENTS["project_0.json"])

    padding = "\n" * 1_000_000  # more than is read at once
    manifest.write_text(manifest.read_text() + padding)
    dss.on("GET", "/v1/files/0a000000-0000-4000-8000-000000000001", lengthen)
    with pytest.raises(TransferError, match="line 1000007"):
        client.download_manifest(manifest, "aws", download_dir=tmp_path / "out", jobs=1)


def test_memory_does_not_grow_with_the_rows(client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", rows())
    client.download_manifest(manifest, "aws", download_dir=tmp_path / "out")  # imports, caches
    write(manifest, rows() * 2000)
    tracemalloc.start()
    try:
        done = client.download_manifest(manifest, "aws", download_dir=tmp_path / "out")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert done["saved"] == 10_000
    # A list of the rows would take 7 million; threads that other tests left behind may take a little meanwhile.
    assert peak < 5_500_000


# Layout bundle


def test_layout_bundle_has_all_metadata_and_the_listed_data(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[3]])
    client.download_manifest(manifest, "aws", "bundle", download_dir=tmp_path / "out")
    assert saved(tmp_path / "out" / FOLDER) == CONTENTS.keys() - {"empty.marker"} | {"bundle.json"}
    home = tmp_path / "out" / stored_as(rows()[3]["file_sha256"])
    assert paths(tmp_path / "out/m.tsv") == {"reads/r1.fastq": str(home)}
    assert home.samefile(tmp_path / "out" / FOLDER / "reads/r1.fastq")


def test_layout_bundle_makes_what_download_makes(client: DSSClient, tmp_path: Path) -> None:
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path / "one")
    client.download_manifest(write(tmp_path / "m.tsv", rows()), "aws", "bundle", download_dir=tmp_path / "two")
    assert saved(tmp_path / "two") == saved(tmp_path / "one") | {"m.tsv"}


def test_d3_the_version_of_the_bundle_is_respected(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    later = "2024-06-01T120100.000000Z"

    def answer(request: Any) -> Answer:
        body = page(entries()[:4])
        body["bundle"]["version"] = request.params.get("version", [later])[0]
        return Answer.json(body)

    dss.on("GET", f"/v1/bundles/{BUNDLE_UUID}", answer)
    client.download_manifest(write(tmp_path / "m.tsv", rows()[:4]), "aws", "bundle", download_dir=tmp_path)
    assert (tmp_path / FOLDER / "reads/r1.fastq").exists()
    assert not list(tmp_path.glob(f"*{later}"))


def test_rows_of_a_bundle_need_not_be_neighbours(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    body = page(entries()[3:])
    body["bundle"]["uuid"] = OTHER
    dss.on("GET", f"/v1/bundles/{OTHER}", Answer.json(body))
    other = rows()[3] | {"bundle_uuid": OTHER}
    manifest = write(tmp_path / "m.tsv", [rows()[3], other, rows()[4] | {"bundle_uuid": BUNDLE_UUID.upper()}])
    done = client.download_manifest(manifest, "aws", "bundle", download_dir=tmp_path)
    assert saved(tmp_path / FOLDER) == CONTENTS.keys() | {"bundle.json"}
    assert saved(tmp_path / f"{OTHER}.{BUNDLE_VERSION}") == {"reads/r1.fastq", "bundle.json"}
    assert dss.count("GET", f"/v1/bundles/{BUNDLE_UUID}") == 1
    assert dss.blobs["reads/r1.fastq"].sent == 16
    assert done["saved"] == 3


@pytest.mark.parametrize(
    ("choice", "files", "with_path"),
    [
        ({"no_data": True}, {"project_0.json", "donor_organism_0.json", "donor_organism_1.json"}, {"project_0.json"}),
        ({"no_metadata": True}, {"reads/r1.fastq"}, {"reads/r1.fastq"}),
    ],
)
def test_kinds_that_are_excluded_are_no_failures(
    client: DSSClient, tmp_path: Path, choice: dict[str, Any], files: set[str], with_path: set[str]
) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[0], rows()[3]])
    client.download_manifest(manifest, "aws", "bundle", download_dir=tmp_path, **choice)
    assert saved(tmp_path / FOLDER) == files | {"bundle.json"}
    assert {name for name, path in paths(manifest).items() if path} == with_path


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"file_name": "reads/r?.fastq"}, "no file of this name"),
        ({"file_size": "17"}, "size 16, not 17"),
        ({"file_sha256": "ab" * 32}, "SHA-256 8add"),
        ({"file_version": "2020-05-01T120000.000000Z"}, "version 2024"),
    ],
)
def test_a_row_that_the_bundle_contradicts_is_a_failure(
    client: DSSClient, tmp_path: Path, changed: dict[str, str], reason: str
) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[3] | changed, rows()[4]])
    with pytest.raises(TransferError, match=rf"\(line 2\): .*{reason}"):
        client.download_manifest(manifest, "aws", "bundle", download_dir=tmp_path)
    assert not (tmp_path / FOLDER / "reads").exists()
    assert [bool(row["file_path"]) for row in read(manifest)] == [False, True]


def test_a_metadata_file_comes_even_if_its_row_is_wrong(client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[0] | {"file_version": "2020-05-01T120000.000000Z"}])
    with pytest.raises(TransferError, match=r"project_0\.json \(line 2\)"):
        client.download_manifest(manifest, "aws", "bundle", download_dir=tmp_path)
    assert (tmp_path / FOLDER / "project_0.json").exists()
    assert paths(manifest) == {"project_0.json": ""}


def test_a_bundle_that_is_gone_does_not_stop_the_others(client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[3] | {"bundle_uuid": OTHER}, rows()[3]])
    with pytest.raises(TransferError, match=f"failed: bundle {OTHER}"):
        client.download_manifest(manifest, "aws", "bundle", download_dir=tmp_path)
    assert (tmp_path / FOLDER / "reads/r1.fastq").exists()
    assert [bool(row["file_path"]) for row in read(manifest)] == [False, True]
    assert read(tmp_path / "m.failed.tsv") == [rows()[3] | {"bundle_uuid": OTHER}]


def test_d1_a_hostile_bundle_does_not_stop_the_others(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    body = page([entry("../../x.json", b"evil")])
    body["bundle"]["uuid"] = OTHER
    dss.on("GET", f"/v1/bundles/{OTHER}", Answer.json(body))
    manifest = write(tmp_path / "m.tsv", [rows()[3] | {"bundle_uuid": OTHER}, rows()[3]])
    with pytest.raises(TransferError, match=r"'\.\./\.\./x\.json'"):
        client.download_manifest(manifest, "aws", "bundle", download_dir=tmp_path / "a/b/out")
    assert (tmp_path / "a/b/out" / FOLDER / "reads/r1.fastq").exists()
    assert not list(tmp_path.rglob("x.json"))


def test_a_bundle_dry_run_tells_what_each_bundle_needs(client: DSSClient, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", rows())
    planned = client.download_manifest(manifest, "aws", "bundle", download_dir=tmp_path / "out", dry_run=True)
    assert [bundle["bundle_uuid"] for bundle in planned["bundles"]] == [BUNDLE_UUID]
    assert (planned["files"], planned["bytes_to_fetch"]) == (5, 433)
    assert saved(tmp_path) == {"m.tsv"}


# The command


@pytest.fixture
def settings(dss: FakeDSS, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config.json").write_text(json.dumps({"DSSClient": {"swagger_url": dss.swagger_url}}))
    monkeypatch.setenv("HCA_CONFIG_FILE", str(home / "config.json"))


def command(*words: object) -> Any:
    return run("dss", "download-manifest", "--replica", "aws", *map(str, words))


@pytest.mark.usefixtures("settings")
def test_the_command_says_where_the_paths_are(tmp_path: Path) -> None:
    result = command("--manifest", write(tmp_path / "m.tsv", rows()), "--download-dir", tmp_path / "out")
    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == f"Saved 5 files; their paths are in {tmp_path / 'out' / 'm.tsv'}.\n"


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("option", ["--no-data", "--no-metadata"])
def test_layout_none_cannot_tell_data_from_metadata(tmp_path: Path, option: str) -> None:
    result = command("--manifest", write(tmp_path / "m.tsv", rows()), option)
    assert result.code == 2
    assert "cannot be used with layout none" in result.stderr


@pytest.mark.usefixtures("settings")
def test_failed_rows_end_in_exit_code_9(tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.tsv", [rows()[0] | {"file_size": "x"}])
    result = command("--manifest", manifest, "--download-dir", tmp_path)
    assert result.code == 9
    assert "line 2 of m.tsv" in result.stderr
    assert str(tmp_path / "m.failed.tsv") in result.stderr


@pytest.mark.usefixtures("settings")
def test_a_dry_run_prints_json(tmp_path: Path) -> None:
    result = command("--manifest", write(tmp_path / "m.tsv", rows()), "--layout", "bundle", "--dry-run")
    assert json.loads(result.stdout)["bytes_to_fetch"] == 433
