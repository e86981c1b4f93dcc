"""What was uploaded to an area can be taken into the DSS, for its tags say what the DSS wants to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from hca_core.openapi.document import bundled
from hca_core.openapi.parse import parse
from hca_local.dss.app import DssApp
from hca_local.listener import Listener
from hca_local.users import User, Users, to_record

from .conftest import AREA, BUCKET, CSV, CSV_SUMS, DONOR, DONOR_TYPE, ROOT, Upload, until

DOCUMENT = bundled("hca_dss:data/dss-api.json")
UUID = "1b8b6c2e-6f0c-4a55-9a53-0e5d8f8a2f11"
VERSION = "2024-05-01T120000.000000Z"


@pytest.fixture
def dss(upload: Upload) -> Iterator[str]:
    """A DSS on the same object store."""
    with Listener() as listener:
        app = DssApp(
            parse(DOCUMENT),
            DOCUMENT,
            root=upload.folder / "dss",
            store=upload.store,
            public_url=f"http://127.0.0.1:{listener.port}",
            s3_url=upload.ports.s3_url,
            access_key=ROOT,
            users=Users.from_records([to_record(User("ada@example.org", "hca"), "token")]),
        )
        listener.serve(app, max_body=2**20)
        yield f"http://127.0.0.1:{listener.port}/v1"
    app.close()


def put_file(dss: str, name: str) -> Any:
    return requests.put(
        f"{dss}/files/{UUID}",
        params={"version": VERSION},
        json={"source_url": f"s3://{BUCKET}/{AREA}/{name}", "creator_uid": 1},
        headers={"Authorization": "Bearer token"},
        timeout=10,
    )


def test_from_a_client_through_an_area_into_the_dss(upload: Upload, dss: str) -> None:
    upload.s3().put_object(
        Bucket=BUCKET,
        Key=f"{AREA}/cells.csv",
        Body=CSV,
        ContentType="text/csv; dcp-type=data",
        Metadata={"crc32c": "8df3121c"},
    )
    assert put_file(dss, "cells.csv").json()["code"] == "missing_checksum"
    upload.announce("cells.csv")
    until(lambda: upload.checksum("cells.csv")["checksum_status"] == "CHECKSUMMED")
    assert put_file(dss, "cells.csv").status_code == 201
    head = requests.head(f"{dss}/files/{UUID}", params={"replica": "aws"}, timeout=10).headers
    assert {name: head[f"X-DSS-{name.upper().replace('_', '-')}"] for name in CSV_SUMS} == CSV_SUMS
    assert head["X-DSS-CONTENT-TYPE"] == "text/csv; dcp-type=data"
    got = requests.get(f"{dss}/files/{UUID}", params={"replica": "aws"}, timeout=10)
    assert got.content == CSV


def test_from_the_service_into_the_dss(upload: Upload, dss: str) -> None:
    upload.put("donor_1.json", DONOR, DONOR_TYPE)
    assert put_file(dss, "donor_1.json").status_code == 201


def test_the_dss_keeps_what_an_area_loses(upload: Upload, dss: str) -> None:
    upload.put("donor_1.json", DONOR, DONOR_TYPE)
    put_file(dss, "donor_1.json")
    upload.area("DELETE")
    until(lambda: upload.area("HEAD").status_code == 404)
    assert requests.get(f"{dss}/files/{UUID}", params={"replica": "aws"}, timeout=10).content == DONOR
