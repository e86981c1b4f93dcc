"""The upload service answers whatever is asked as its description says."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("schemathesis")  # which needs a newer Python than we do
from conformance import SETTINGS, Record, Served, check, described

from .conftest import API_KEY, AREA, CSV, CSV_SUMS, DONOR, DONOR_TYPE, OTHER, Upload

API = described("hca_upload:data/upload-api.json")


@pytest.fixture
def served(upload: Upload) -> Served:
    """A service with two areas and files in all states, for those who run it."""
    upload.make_area(OTHER)
    records = [*files(upload, AREA), *files(upload, OTHER)]
    return Served(upload.ports.upload_url, {"Api-Key": API_KEY}, {"v1": records})


def files(upload: Upload, area: str) -> list[Record]:
    """A file that was stored, one that was validated, and one of which nobody told the service."""
    found = {"upload_area_uuid": area, "checksums": CSV_SUMS}
    upload.put("cells.csv", CSV, area=area)
    upload.put("donor_1.json", DONOR, DONOR_TYPE, area=area)
    upload.upload("late.csv", CSV, area=area, content_type="text/csv; dcp-type=data")
    body = {"validator_image": "labs/fastq-check:3", "files": ["donor_1.json"]}
    validation = upload.area("PUT", "/validate", area=area, json=body).json()["validation_id"]
    return [
        {**found, "filename": "cells.csv", "checksum_id": upload.event("cells.csv", area)},
        {**found, "filename": "donor_1.json", "validation_id": validation, "files": ["donor_1.json", "cells.csv"]},
        {**found, "filename": "late.csv", "files": ["late.csv"]},
    ]


@API.parametrize()
@SETTINGS
def test_answers_are_as_described(case: Any, served: Served) -> None:
    check(case, served)
