"""Where contents are in an object store."""

from __future__ import annotations

import pytest

from hca_dss.shelf import Place


@pytest.mark.parametrize(
    ("text", "told", "key"),
    [
        ("s3://b", "s3://b", ".hca/v2/files_2_4/aa/aaaa/"),
        ("s3://b/", "s3://b", ".hca/v2/files_2_4/aa/aaaa/"),
        ("S3://b/a b/c%20#?/", "s3://b/a b/c%20#?", "a b/c%20#?/.hca/v2/files_2_4/aa/aaaa/"),
    ],
)
def test_a_place_has_keys(text: str, told: str, key: str) -> None:
    place, sha256 = Place.parse(text), "a" * 64
    assert (str(place), place.key(sha256)) == (told, key + sha256)
    assert place.url(sha256) == f"s3://b/{key}{sha256}"
