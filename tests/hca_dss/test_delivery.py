"""Performing plans that share contents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS, entries, page

from hca_core.errors import TransferError
from hca_core.transfer.job import Silent
from hca_core.transfer.ledger import Ledger
from hca_core.transfer.report import FileResult
from hca_dss.bundle import Bundle
from hca_dss.delivery import Linker
from hca_dss.filestore import Filestore
from hca_dss.plan import BundlePlan, plan

OTHER = "22222222-2222-4333-8444-555555555555"
READS = CONTENTS["reads/r1.fastq"]


class Told(Silent):
    """Notes what the progress is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def add(self, name: str, size: int | None) -> None:
        self.calls.append(("add", name, size))

    def advance(self, name: str, count: int) -> None:
        self.calls.append(("advance", name, count))

    def done(self, name: str) -> None:
        self.calls.append(("done", name))


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


def test_what_the_plan_has_found_is_linked_and_not_asked_for_again(tmp_path: Path) -> None:
    store, ledger, told = Filestore(tmp_path), Ledger(), Told()
    store.put(READS)
    found = planned(tmp_path, BUNDLE_UUID)
    assert [*Linker(store, "skip", ledger, told).jobs([found])] == []
    name = f"{BUNDLE_UUID}.{BUNDLE_VERSION}/reads/r1.fastq"
    assert told.calls == [("add", name, 16), ("advance", name, 16), ("done", name)]
    assert dict(ledger.report.counts) == {"present": 2}
    assert (found.folder / "reads/r1.fastq").read_bytes() == READS


def test_what_the_plan_has_found_and_somebody_has_deleted_is_a_failure(tmp_path: Path) -> None:
    store, ledger = Filestore(tmp_path), Ledger()
    stored = store.put(READS)
    found = planned(tmp_path, BUNDLE_UUID)
    stored.unlink()
    assert [*Linker(store, "skip", ledger).jobs([found])] == []
    (failure,) = ledger.report.failures
    assert failure.name == f"{BUNDLE_UUID}.{BUNDLE_VERSION}/reads/r1.fastq"
    assert [*Linker(store, "skip", Ledger()).jobs([planned(tmp_path, BUNDLE_UUID)])] != []
