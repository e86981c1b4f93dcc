from __future__ import annotations

import pytest

from hca_core.errors import ArgumentError
from hca_core.transfer.objects import split_url


def test_a_url_has_a_bucket_and_a_key() -> None:
    assert split_url("s3://bucket/some/key.txt") == ("bucket", "some/key.txt")
    assert split_url("gs://bucket//a%20b") == ("bucket", "/a b")
    assert split_url("s3://bucket/tile #3?.txt") == ("bucket", "tile #3?.txt")


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/", "s3:///key", "key", ""])
def test_what_names_no_object_is_refused(url: str) -> None:
    with pytest.raises(ArgumentError, match="does not name an object"):
        split_url(url)
