"""Where an area is."""

from __future__ import annotations

import pytest

from hca_upload import UploadAreaURI, UploadException

from .conftest import AREA, BUCKET


@pytest.mark.parametrize("uri", [f"s3://{BUCKET}/{AREA}/", f"s3://{BUCKET}/{AREA}", f"s3://{BUCKET}/{AREA}//"])
def test_ud11_with_and_without_a_slash(uri: str) -> None:
    found = UploadAreaURI(uri)
    assert (found.bucket_name, found.area_uuid, found.deployment_stage) == (BUCKET, AREA, "local")
    assert str(found) == found.uri == f"s3://{BUCKET}/{AREA}/"
    assert found == UploadAreaURI(f"s3://{BUCKET}/{AREA}")
    assert len({found, UploadAreaURI(uri)}) == 1
    assert found != uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "s3://b",
        "s3://b/",
        f"s3://{BUCKET}/u",
        f"s3://{BUCKET}/{AREA}/x/",
        f"s3://{BUCKET}/x/{AREA}/",
        f"https://{BUCKET}/{AREA}/",
        f"s3:///{AREA}/",
        f"s3://{BUCKET}/{AREA}/?x",
        f"s3://{BUCKET}/{AREA}/#x",
        f"s3://user@{BUCKET}/{AREA}/",
        f"s3://[{BUCKET}/{AREA}/",
        AREA,
    ],
)
def test_ud11_anything_else_is_a_sentence(uri: str) -> None:
    with pytest.raises(UploadException) as caught:
        UploadAreaURI(uri)
    assert repr(uri) in caught.value.message
    assert caught.value.hint
