"""The service as a whole: what it serves beside its operations, its modes, and what it keeps."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, file_uuid, page

from hca_core.errors import HcaError
from hca_core.openapi.parse import parse

PATH = f"/bundles/{BUNDLE_UUID}"


def test_serves_its_description_with_its_own_address(dss: Any) -> None:
    answer = dss.send("GET", "/swagger.json", user=None)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    api = parse(answer.json())
    assert api.base_url == f"{dss.ports.dss_url}/v1"
    assert len(api.operations) == 22


def test_tells_its_version_and_health(dss: Any) -> None:
    url = dss.ports.dss_url
    assert dss.send("GET", f"{url}/version").json()["version_info"]["version"]
    assert dss.send("GET", f"{url}/internal/health").json() == {"Healthy": True, "instance": None}
    dss.reopen(instance="run-7")
    assert dss.send("GET", f"{url}/internal/health").json() == {"Healthy": True, "instance": "run-7"}


def test_every_operation_of_the_description_is_served(dss: Any) -> None:
    """An operation without a handler answers 501, whatever is sent to it."""
    document = dss.send("GET", "/swagger.json", user=None).json()
    asked = [(method, path) for path, methods in document["paths"].items() for method in methods]
    assert len(asked) == 22
    for method, path in asked:
        assert dss.send(method.upper(), re.sub(r"{\w+}", "x", path), user=None).status_code != 501, (method, path)


def test_keeps_everything_when_it_is_opened_again(dss: Any) -> None:
    dss.put_example()
    dss.put_many(2)
    dss.send(
        "DELETE", f"/bundles/b{'0' * 7}-0000-4000-8000-{'0' * 12}", user="root", body={"reason": "x"}, replica="aws"
    )
    search: dict[str, Any] = {"es_query": {}}
    before = [
        dss.send("GET", PATH, replica="aws").json(),
        dict(dss.send("HEAD", f"/files/{file_uuid(1)}", replica="gcp").headers.lower_items()),
        dss.send("GET", "/bundles/all", replica="aws").json()["bundles"],
        dss.send("POST", "/search", body=search, replica="aws", output_format="raw").json(),
    ]
    dss.reopen()
    after = [
        dss.send("GET", PATH, replica="aws").json(),
        dict(dss.send("HEAD", f"/files/{file_uuid(1)}", replica="gcp").headers.lower_items()),
        dss.send("GET", "/bundles/all", replica="aws").json()["bundles"],
        dss.send("POST", "/search", body=search, replica="aws", output_format="raw").json(),
    ]
    for changing in ("date", "x-aws-request-id"):
        del before[1][changing], after[1][changing]
    assert after == before
    assert after[0] == page()
    location = dss.send("GET", f"/files/{file_uuid(4)}", replica="aws").headers["Location"]
    assert requests.get(location, timeout=10).content == CONTENTS["reads/r1.fastq"]
    assert dss.put_bundle([], "b0000000-0000-4000-8000-000000000001").status_code == 200


def test_read_only_mode_refuses_changes(dss: Any) -> None:
    files = dss.put_example()
    dss.reopen(read_only=True, retry_after=3)
    refused = dss.put_bundle(files)
    assert (refused.status_code, refused.json()["code"]) == (503, "read_only")
    assert refused.headers["Retry-After"] == "3"
    patched = dss.send("PATCH", PATH, body={}, replica="aws", version=BUNDLE_VERSION)
    assert patched.status_code == 503
    assert "Retry-After" not in patched.headers
    assert dss.put_bundle(files, user=None).status_code == 401
    assert dss.put_bundle("x").status_code == 400
    assert dss.send("GET", PATH, replica="aws").json() == page()
    assert dss.send("HEAD", f"/files/{file_uuid(1)}", replica="aws").status_code == 200
    assert dss.send("POST", "/search", body={"es_query": {}}, replica="aws").status_code == 200


def test_refuses_records_of_a_newer_version(dss: Any) -> None:
    import sqlite3

    dss.app.close()
    with sqlite3.connect(dss.folder / "dss" / "dss.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(HcaError, match="newer version"):
        dss.open()


def test_says_nothing_about_its_insides(dss: Any, caplog: pytest.LogCaptureFixture) -> None:
    dss.put_example()
    dss.app.close()
    answer = dss.send("GET", PATH, replica="aws")
    assert (answer.status_code, answer.json()["code"]) == (500, "unhandled_exception")
    assert answer.headers["Retry-After"] == "10"
    assert "sqlite" not in answer.text
    assert answer.headers["X-AWS-REQUEST-ID"] in answer.json()["title"]
    assert answer.headers["X-AWS-REQUEST-ID"] in caplog.text
