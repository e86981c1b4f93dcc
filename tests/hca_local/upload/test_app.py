from __future__ import annotations

import http.client
from importlib.metadata import version
from pathlib import Path

import pytest

from hca_core.errors import HcaError
from hca_core.openapi.parse import parse
from hca_local.database import Database
from hca_local.upload.names import BUCKET

from .conftest import API, AREA, NOBODY, Upload


def test_version_and_health(bare: Upload) -> None:
    assert bare.send("GET", "/version", key=None).json() == {"upload_service_version": version("hca-local")}
    for path in ("/health", "/v1/health"):
        assert bare.send("GET", path, key=None).status_code == 200
        assert bare.send("HEAD", path, key=None).status_code == 200


@pytest.mark.parametrize("path", ["/swagger.json", "/v1/swagger.json"])
def test_the_description_names_this_service(bare: Upload, path: str) -> None:
    api = parse(bare.send("GET", path, key=None).json())
    assert api.base_url == bare.ports.upload_url
    assert api.operations == API.operations


def test_every_operation_is_there(bare: Upload) -> None:
    values = {"upload_area_uuid": NOBODY, "filename": "a", "checksum_id": "x", "validation_id": "x"}
    for operation in API.operations:
        answer = bare.send(operation.method, operation.path.format(**values), json={})
        assert answer.status_code != 501, operation.path


@pytest.mark.parametrize("key", ["", "x", "ingest-ke", "ingest-keyx", "INGEST-KEY", "é".encode(), b"\xff\xfe"])
def test_wrong_keys(bare: Upload, key: str) -> None:
    answer = bare.area("POST", key=key)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["title"], answer.json()["status"]) == ("Access Denied.", 401)
    assert answer.json()["detail"]
    assert "ingest-key" not in answer.text


def test_a_missing_key(bare: Upload) -> None:
    answer = bare.area("POST", key=None)
    assert (answer.status_code, answer.json()["title"]) == (400, "The parameter 'Api-Key' is missing.")
    assert bare.area("HEAD").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("GET", f"/v1/area/{AREA}", 405),
        ("PATCH", f"/v1/area/{AREA}", 405),
        ("GET", f"/v1/area/{AREA}/a/b/c", 404),
        ("GET", f"/v2/area/{AREA}/a", 404),
        ("DELETE", f"/v1/area/{AREA}/a", 405),
    ],
)
def test_what_there_is_not(upload: Upload, method: str, path: str, status: int) -> None:
    answer = upload.send(method, path)
    assert answer.status_code == status
    assert answer.json()["status"] == status


def test_a_json_body_has_a_limit(upload: Upload) -> None:
    connection = http.client.HTTPConnection(upload.ports.upload_url.removeprefix("http://"), timeout=10)
    headers = {"Content-Type": "application/json"}
    connection.request("PUT", f"/v1/area/{AREA}/files_info", b" " * (33 * 1024 * 1024), headers)
    assert connection.getresponse().status == 413
    connection.close()


def test_broken_json(upload: Upload) -> None:
    headers = {"Content-Type": "application/json"}
    for data in (b"{", b"", b"[1e999]", b'["\\ud800"]'):
        assert upload.area("PUT", "/files_info", data=data, headers=headers).status_code == 400


def test_its_bucket_is_made(bare: Upload) -> None:
    assert BUCKET in bare.store.buckets()


def test_what_it_keeps_is_private(upload: Upload) -> None:
    assert (upload.folder / "upload").stat().st_mode & 0o077 == 0


def test_records_of_a_later_version_are_left_alone(bare: Upload, tmp_path: Path) -> None:
    bare.app.close()
    file = tmp_path / "upload" / "upload.sqlite"
    file.unlink()
    Database(file, ["CREATE TABLE a (b)"] * 1 + ["SELECT 1"] * 50).close()
    with pytest.raises(HcaError, match="newer version"):
        bare.open()
    file.unlink()
    bare.open()
