"""How bytes get into the DSS while others change or bring them at the same time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hca_core.transfer.digest import checksums
from hca_local.dss.blobs import Blobs, parse_source
from hca_local.problem import Problem
from hca_local.s3.store import ObjectInfo, ObjectStore

CONTENT = b"@r1\nACGT\n+\nIIII\n"
SUMS = checksums(io.BytesIO(CONTENT), len(CONTENT))
KEY = f"blobs/{SUMS.sha256}.{SUMS.sha1}.{SUMS.s3_etag}.{SUMS.crc32c}"
SOURCE = parse_source("s3://stage/key")


class RestlessStore(ObjectStore):
    """A store in which something happens just before the next copy."""

    before_copy: Callable[[], object] | None = None

    def copy(self, *names: str, **attributes: Any) -> ObjectInfo:
        act, self.before_copy = self.before_copy, None
        if act:
            act()
        return super().copy(*names, **attributes)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RestlessStore]:
    found = RestlessStore(tmp_path / "s3")
    found.create_bucket("stage")
    tags = {f"hca-dss-{name}": value for name, value in vars(SUMS).items()}
    found.put("stage", "key", io.BytesIO(CONTENT), tags=tags)
    yield found
    found.close()


def kept(store: ObjectStore) -> dict[str, bytes]:
    found = {}
    for replica in ("aws", "gcp"):
        for info in store.list(f"dss-{replica}"):
            assert info.key == KEY
            with store.open(info.bucket, info.key) as stream:
                found[replica] = stream.read()
    return found


def test_bytes_are_kept_in_both_replicas_without_the_sources_tags(store: RestlessStore) -> None:
    info, sums = Blobs(store).ingest(SOURCE)
    assert (info.size, sums) == (16, SUMS)
    assert kept(store) == {"aws": CONTENT, "gcp": CONTENT}
    blob = store.head("dss-aws", KEY)
    assert blob is not None
    assert (blob.tags, blob.metadata) == ({}, {})


def test_a_source_that_is_replaced_between_check_and_copy_is_refused(store: RestlessStore) -> None:
    blobs = Blobs(store)
    store.before_copy = lambda: store.put("stage", "key", io.BytesIO(b"something else"))
    with pytest.raises(Problem) as caught:
        blobs.ingest(SOURCE)
    assert (caught.value.status, caught.value.code) == (409, "source_changed")
    assert kept(store) == {}


def test_a_source_that_goes_away_is_not_found(store: RestlessStore) -> None:
    blobs = Blobs(store)
    store.before_copy = lambda: store.delete("stage", "key")
    with pytest.raises(Problem, match="s3://stage/key") as caught:
        blobs.ingest(SOURCE)
    assert caught.value.status == 404


def test_an_ingest_that_broke_off_is_completed_by_the_next(store: RestlessStore) -> None:
    blobs = Blobs(store)
    blobs.ingest(SOURCE)
    store.delete("dss-gcp", KEY)
    blobs.ingest(SOURCE)
    assert kept(store) == {"aws": CONTENT, "gcp": CONTENT}


def test_one_of_many_simultaneous_requests_creates_the_file(dss: Any) -> None:
    url = dss.stage("r1.fastq", CONTENT, "text/plain")
    uuid = "0a000000-0000-4000-8000-000000000004"
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda _: dss.put_file(url, uuid), range(16))]
    assert sorted(statuses) == [200] * 15 + [201]
