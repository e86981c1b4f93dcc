"""Downloading collections from a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, FILE_VERSION, entries
from fake_dss import FakeDSS

from hca_core.errors import NotFoundError, TransferError
from hca_core.testing import Answer, run
from hca_dss.client import DSSClient
from hca_dss.collection import Item, walk

COLLECTION = "c0113c70-0000-4000-8000-000000000001"
NESTED = "c0113c70-0000-4000-8000-000000000002"
VERSION = "2024-05-02T080000.000000Z"
FOLDER = f"{BUNDLE_UUID}.{BUNDLE_VERSION}"
FILE = "0a000000-0000-4000-8000-000000000004"
PLACE = f"files/{FILE}.{FILE_VERSION}"


def item(kind: str, uuid: str, version: str = VERSION, **more: str) -> dict[str, str]:
    return {"type": kind, "uuid": uuid, "version": version, **more}


BUNDLE = item("bundle", BUNDLE_UUID, BUNDLE_VERSION)
READS = item("file", FILE, FILE_VERSION)
FRAGMENT = item("donor_id", "0a000000-0000-4000-8000-000000000002", FILE_VERSION, fragment="/biomaterial_core")


@pytest.fixture
def dss() -> Iterator[FakeDSS]:
    with FakeDSS() as server:
        headers = {"X-DSS-SHA256": entries()[3]["sha256"], "X-DSS-SIZE": "16", "X-DSS-VERSION": FILE_VERSION}
        server.files[FILE] = {FILE_VERSION: headers}
        yield server


@pytest.fixture
def client(dss: FakeDSS) -> Iterator[DSSClient]:
    with dss.client() as client:
        yield client


def publish(dss: FakeDSS, contents: list[Any], uuid: str = COLLECTION) -> None:
    dss.on("GET", f"/v1/collections/{uuid}", Answer.json({"name": "lungs", "contents": contents, "owner": "ada"}))


def saved(folder: Path) -> set[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".hca/")}


def test_bundles_and_files_are_saved(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    publish(dss, [BUNDLE, READS])
    done = client.download_collection(COLLECTION, "aws", download_dir=tmp_path)
    assert saved(tmp_path) == {f"{FOLDER}/{name}" for name in [*CONTENTS, "bundle.json"]} | {PLACE}
    assert (tmp_path / PLACE).samefile(tmp_path / FOLDER / "reads/r1.fastq")
    assert dss.blobs["reads/r1.fastq"].sent == 16
    assert done["items"] == [
        {**BUNDLE, "path": str(tmp_path / FOLDER)},
        {**READS, "path": str(tmp_path / PLACE)},
    ]


def test_bundles_are_saved_as_by_download(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    publish(dss, [BUNDLE])
    client.download(BUNDLE_UUID, "aws", download_dir=tmp_path / "one")
    client.download_collection(COLLECTION, "aws", download_dir=tmp_path / "two")
    assert saved(tmp_path / "one") == saved(tmp_path / "two")


def test_d3_the_versions_are_asked_for(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    publish(dss, [BUNDLE, READS])
    client.download_collection(COLLECTION, "gcp", VERSION, tmp_path)
    asked = {(request.method, request.path): request.params for request in dss.requests}
    assert asked["GET", f"/v1/collections/{COLLECTION}"] == {"replica": ["gcp"], "version": [VERSION]}
    assert asked["GET", f"/v1/bundles/{BUNDLE_UUID}"] == {"replica": ["gcp"], "version": [BUNDLE_VERSION]}
    assert asked["HEAD", f"/v1/files/{FILE}"] == {"replica": ["gcp"], "version": [FILE_VERSION]}


def test_d6_nothing_else_is_left(dss: FakeDSS, client: DSSClient, home: Path) -> None:
    publish(dss, [READS])
    client.download_collection(COLLECTION, "aws")
    assert {name for name in saved(home) if not name.startswith(".cache/")} == {PLACE}


def test_the_answer_may_also_be_as_the_description_has_it(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    dss.on("GET", f"/v1/collections/{COLLECTION}", Answer.json({"collection": {"contents": [READS]}}))
    client.download_collection(COLLECTION, "aws", download_dir=tmp_path)
    assert saved(tmp_path) == {PLACE}


def test_d45_each_collection_is_read_once_whatever_is_in_what(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    publish(dss, [item("collection", NESTED), item("collection", COLLECTION), item("collection", NESTED)])
    publish(dss, [item("collection", COLLECTION), item("collection", NESTED), BUNDLE, BUNDLE], NESTED)
    done = client.download_collection(COLLECTION, "aws", VERSION, tmp_path)
    assert [found["uuid"] for found in done["items"]] == [BUNDLE_UUID]
    assert dss.count("GET", f"/v1/collections/{COLLECTION}") == 1
    assert dss.count("GET", f"/v1/collections/{NESTED}") == 1


def test_deep_nesting_is_no_problem() -> None:
    def read(uuid: str, version: str) -> list[Any]:
        number = int(uuid[-12:])
        return [item("collection", f"{uuid[:-12]}{number + 1:012d}")] if number < 3000 else [BUNDLE]

    assert list(walk(read, "c0113c70-0000-4000-8000-000000000000")) == [Item("bundle", BUNDLE_UUID, BUNDLE_VERSION)]


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (FRAGMENT, "donor_id .*fragment"),
        (item("bundle", "22222222-2222-4333-8444-555555555555"), "bundle 2222"),
        (item("file", "22222222-2222-4333-8444-555555555555"), "file 2222"),
        (item("collection", NESTED), f"collection {NESTED}"),
        (item("bundle", "../../up"), "badly: '../../up'"),
        (item("file", FILE, "../../x"), "badly: '../../x'"),
        ("no item", "None None"),
    ],
)
def test_d45_one_bad_item_does_not_stop_the_others(
    dss: FakeDSS, client: DSSClient, tmp_path: Path, bad: Any, named: str
) -> None:
    publish(dss, [bad, BUNDLE, READS])
    report = tmp_path / "report"
    with pytest.raises(TransferError, match=rf"1 of 8 files failed: .*{named}"):
        client.download_collection(COLLECTION, "aws", download_dir=tmp_path / "out", report=report)
    assert saved(tmp_path / "out") == {f"{FOLDER}/{name}" for name in [*CONTENTS, "bundle.json"]} | {PLACE}
    lines = [json.loads(line) for line in report.open()]
    assert len(lines) == 8
    assert [line["status"] for line in lines].count("failed") == 1
    assert {f"{FOLDER}/bundle.json", PLACE} <= {line["name"] for line in lines}


@pytest.mark.parametrize(
    "headers", [{"X-DSS-SIZE": "-1"}, {"X-DSS-SIZE": ""}, {"X-DSS-SHA256": "../../x"}, {"X-DSS-SHA256": "ab" * 32}]
)
def test_headers_of_a_file_are_not_trusted(
    dss: FakeDSS, client: DSSClient, tmp_path: Path, headers: dict[str, str]
) -> None:
    dss.files[FILE][FILE_VERSION] |= headers
    publish(dss, [READS])
    with pytest.raises(TransferError, match=FILE):
        client.download_collection(COLLECTION, "aws", download_dir=tmp_path)
    assert saved(tmp_path) == set()


def test_a_planted_symlink_is_not_followed(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/files").symlink_to(tmp_path / "elsewhere")
    publish(dss, [READS])
    with pytest.raises(TransferError, match="symbolic link"):
        client.download_collection(COLLECTION, "aws", download_dir=tmp_path / "out")
    assert saved(tmp_path / "elsewhere") == set()


def test_fail_fast_stops_at_the_first_bad_item(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    publish(dss, [BUNDLE, FRAGMENT])
    with pytest.raises(TransferError, match="fragment"):
        client.download_collection(COLLECTION, "aws", download_dir=tmp_path, fail_fast=True)
    assert saved(tmp_path) == set()


def test_existing_error_keeps_what_is_there(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    publish(dss, [READS])
    (tmp_path / "files").mkdir()
    (tmp_path / PLACE).write_bytes(b"mine")
    with pytest.raises(TransferError, match="exist"):
        client.download_collection(COLLECTION, "aws", download_dir=tmp_path, existing="error")
    assert (tmp_path / PLACE).read_bytes() == b"mine"


@pytest.mark.parametrize("answer", [[], {"contents": None}, {"contents": [None]}, {"collection": 1}])
def test_an_answer_that_is_no_collection_is_a_sentence(
    dss: FakeDSS, client: DSSClient, tmp_path: Path, answer: Any
) -> None:
    dss.on("GET", f"/v1/collections/{COLLECTION}", Answer.json(answer))
    with pytest.raises(TransferError, match=COLLECTION):
        client.download_collection(COLLECTION, "aws", download_dir=tmp_path)


def test_a_collection_that_does_not_exist(client: DSSClient, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        client.download_collection(COLLECTION, "aws", download_dir=tmp_path)


def test_a_dry_run_writes_nothing(dss: FakeDSS, client: DSSClient, tmp_path: Path) -> None:
    publish(dss, [BUNDLE, READS, FRAGMENT])
    planned = client.download_collection(COLLECTION, "aws", download_dir=tmp_path, dry_run=True)
    assert [bundle["bundle_uuid"] for bundle in planned["bundles"]] == [BUNDLE_UUID]
    assert planned["files"] == [{"uuid": FILE, "path": str(tmp_path / PLACE), "size": 16, "action": "fetch"}]
    assert (planned["total_bytes"], planned["bytes_to_fetch"], len(planned["failed"])) == (449, 433, 1)
    assert list(tmp_path.iterdir()) == []


# The command


def test_the_command(dss: FakeDSS, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config.json").write_text(json.dumps({"DSSClient": {"swagger_url": dss.swagger_url}}))
    monkeypatch.setenv("HCA_CONFIG_FILE", str(home / "config.json"))
    monkeypatch.setenv("HCA_DSS_TOKEN", "token-of-ada")
    publish(dss, [BUNDLE, READS])
    words = ("dss", "download-collection", "--uuid", COLLECTION, "--replica", "aws", "--download-dir", str(tmp_path))
    result = run(*words)
    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == f"Saved 2 bundles and files in {tmp_path}.\n"
    publish(dss, [FRAGMENT, READS])
    assert run(*words).code == 9
