from __future__ import annotations

import pytest

from hca_core.transfer.digest import Checksums
from hca_dss.staging import Staging, file_uuid, tags

BUNDLE = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stage", Staging("s3", "stage", "")),
        ("stage/", Staging("s3", "stage", "")),
        ("stage/a/b", Staging("s3", "stage", "a/b/")),
        ("s3://stage", Staging("s3", "stage", "")),
        ("s3://stage/a/", Staging("s3", "stage", "a/")),
        ("gs://stage", Staging("gs", "stage", "")),
    ],
)
def test_staging_buckets(text: str, expected: Staging) -> None:
    assert Staging.parse(text) == expected


def test_staging_keys_have_the_base_name() -> None:
    staging = Staging("s3", "stage", "p/")
    assert staging.key("u", "reads/r1.fastq.gz") == "p/u/r1.fastq.gz"
    assert staging.url("p/u/x") == "s3://stage/p/u/x"


def test_file_uuids_depend_on_bundle_and_name_alone() -> None:
    first = file_uuid(BUNDLE, "a")
    assert first == file_uuid(BUNDLE, "a")
    assert len({first, file_uuid(BUNDLE.replace("1", "2"), "a"), file_uuid(BUNDLE, "b")}) == 3


def test_tags_have_the_names_the_dss_wants() -> None:
    assert tags(Checksums("c", "e", "1", "2")) == {
        "hca-dss-crc32c": "c",
        "hca-dss-s3_etag": "e",
        "hca-dss-sha1": "1",
        "hca-dss-sha256": "2",
    }
