"""Performing plans that share contents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, entries, page

from hca_core.errors import TransferError
from hca_core.transfer.ledger import Ledger
from hca_core.transfer.report import FileResult
from hca_dss.bundle import Bundle
from hca_dss.delivery import Linker
from hca_dss.filestore import Filestore
from hca_dss.plan import BundlePlan, plan

OTHER = "22222222-2222-4333-8444-555555555555"
READS = CONTENTS["reads/r1.fastq"]


def planned(root: Path, uuid: str) -> BundlePlan:
    body = page(entries()[3:4])
    body["bundle"]["uuid"] = uuid
    bundle = Bundle.from_pages([body], "aws")
    return plan(bundle, bundle.files, Filestore(root), "https://dss.example.org/v1", prefix=f"{bundle.folder_name}/")


@pytest.mark.parametrize("order", ["both planned, then stored", "stored between them"])
@pytest.mark.parametrize("good", [True, False])
def test_a_content_of_two_bundles_is_asked_for_once_and_linked_twice(tmp_path: Path, order: str, good: bool) -> None:
    store, ledger = Filestore(tmp_path), Ledger()
    linker = Linker(store, "skip", ledger)
    jobs = linker.jobs([planned(tmp_path, BUNDLE_UUID), planned(tmp_path, OTHER)])
    job = next(jobs)
    result = FileResult(job.name, store.put(READS), "fetched", 16, transferred=16)
    if not good:
        result = replace(result, status="failed", error=TransferError("gone"))
    if order.startswith("both"):
        assert list(jobs) == []
        linker.stored(result)
    else:
        linker.stored(result)
        assert list(jobs) == []
    counts = {"fetched": 1, "present": 3} if good else {"failed": 2, "present": 2}
    assert (dict(ledger.report.counts), ledger.report.transferred) == (counts, 16)
    for uuid in (BUNDLE_UUID, OTHER):
        folder = tmp_path / f"{uuid}.{BUNDLE_VERSION}"
        assert (folder / "reads/r1.fastq").exists() == good
        assert (folder / "bundle.json").exists()
