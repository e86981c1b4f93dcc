"""What the access keys of an area may do, and above all what they may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import AREA, BUCKET, CSV, OTHER, Upload

MIB = 1024 * 1024

Use = Callable[[Any, str], Any]  # of a client, for the area with this prefix

OBJECT: dict[str, Use] = {
    "put": lambda s3, area: s3.put_object(Bucket=BUCKET, Key=f"{area}/new", Body=b"x"),
    "copy to": lambda s3, area: s3.copy_object(Bucket=BUCKET, Key=f"{area}/new", CopySource="staging/free"),
    "head": lambda s3, area: s3.head_object(Bucket=BUCKET, Key=f"{area}/file"),
    "get": lambda s3, area: s3.get_object(Bucket=BUCKET, Key=f"{area}/file"),
    "put tags": lambda s3, area: s3.put_object_tagging(
        Bucket=BUCKET, Key=f"{area}/file", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}
    ),
    "get tags": lambda s3, area: s3.get_object_tagging(Bucket=BUCKET, Key=f"{area}/file"),
    "list v1": lambda s3, area: s3.list_objects(Bucket=BUCKET, Prefix=f"{area}/", MaxKeys=100),
    "list v2": lambda s3, area: s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{area}/"),
    "begin": lambda s3, area: s3.create_multipart_upload(Bucket=BUCKET, Key=f"{area}/big"),
    "list uploads": lambda s3, area: s3.list_multipart_uploads(Bucket=BUCKET, Prefix=f"{area}/"),
}
UPLOADS: dict[str, Callable[[Any, str, str], Any]] = {
    "part": lambda s3, key, id: s3.upload_part(Bucket=BUCKET, Key=key, UploadId=id, PartNumber=1, Body=b"x"),
    "copy a part": lambda s3, key, id: s3.upload_part_copy(
        Bucket=BUCKET, Key=key, UploadId=id, PartNumber=1, CopySource="staging/free"
    ),
    "parts": lambda s3, key, id: s3.list_parts(Bucket=BUCKET, Key=key, UploadId=id),
    "complete": lambda s3, key, id: s3.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=id, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x" * 32}]}
    ),
    "abort": lambda s3, key, id: s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=id),
}
NEVER: dict[str, Use] = {
    "delete": lambda s3, area: s3.delete_object(Bucket=BUCKET, Key=f"{area}/file"),
    "list all": lambda s3, area: s3.list_objects_v2(Bucket=BUCKET),
    "list what begins alike": lambda s3, area: s3.list_objects_v2(Bucket=BUCKET, Prefix=area),
    "list all uploads": lambda s3, area: s3.list_multipart_uploads(Bucket=BUCKET),
    "list buckets": lambda s3, area: s3.list_buckets(),
    "make a bucket": lambda s3, area: s3.create_bucket(Bucket="new-bucket"),
    "delete the bucket": lambda s3, area: s3.delete_bucket(Bucket=BUCKET),
    "write elsewhere": lambda s3, area: s3.put_object(Bucket="staging", Key=f"{area}/new", Body=b"x"),
    "tag elsewhere": lambda s3, area: s3.put_object_tagging(
        Bucket="staging", Key="free", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}
    ),
    "read the DSS": lambda s3, area: s3.get_object(Bucket="dss-aws", Key="blob"),
    "copy from the DSS": lambda s3, area: s3.copy_object(Bucket=BUCKET, Key=f"{area}/new", CopySource="dss-aws/blob"),
    "list the DSS": lambda s3, area: s3.list_objects_v2(Bucket="dss-aws", Prefix=f"{area}/"),
}


@pytest.fixture
def areas(upload: Upload) -> Upload:
    """Two areas with a file each."""
    upload.make_area(OTHER)
    upload.upload("file", CSV)
    upload.upload("file", CSV, area=OTHER)
    upload.store.create_bucket("dss-aws")
    for bucket, key in (("staging", "free"), ("dss-aws", "blob")):
        upload.s3_root().put_object(Bucket=bucket, Key=key, Body=b"content")
    return upload


def code(use: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        use()
    return str(caught.value.response["Error"]["Code"])


def snapshot(upload: Upload) -> Any:
    buckets = upload.store.buckets()
    return (
        [info for bucket in buckets for info in upload.store.list(bucket)],
        [one for bucket in buckets for one in upload.store.list_uploads(bucket)],
        list(buckets),
    )


@pytest.mark.parametrize("name", OBJECT)
def test_allowed_in_the_area(areas: Upload, name: str) -> None:
    assert OBJECT[name](areas.s3(), AREA)["ResponseMetadata"]["HTTPStatusCode"] in (200, 204)


@pytest.mark.parametrize("name", OBJECT)
def test_refused_in_another_area(areas: Upload, name: str) -> None:
    before = snapshot(areas)
    assert code(lambda: OBJECT[name](areas.s3(), OTHER)) in ("AccessDenied", "403")
    assert snapshot(areas) == before


@pytest.mark.parametrize("name", UPLOADS)
def test_uploads_of_another_area_are_refused(areas: Upload, name: str) -> None:
    key = f"{OTHER}/big"
    id = areas.store.create_upload(BUCKET, key)
    assert code(lambda: UPLOADS[name](areas.s3(), key, id)) == "AccessDenied"
    assert [one.id for one in areas.store.list_uploads(BUCKET)] == [id]


@pytest.mark.parametrize("name", NEVER)
def test_refused_everywhere(areas: Upload, name: str) -> None:
    before = snapshot(areas)
    assert code(lambda: NEVER[name](areas.s3(), AREA)) in ("AccessDenied", "403")
    assert snapshot(areas) == before


def test_several_deletions_at_once_are_refused_one_by_one(areas: Upload) -> None:
    keys = [{"Key": f"{area}/file"} for area in (AREA, OTHER)]
    answer = areas.s3().delete_objects(Bucket=BUCKET, Delete={"Objects": keys})
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied", "AccessDenied"]
    assert areas.store.head(BUCKET, f"{AREA}/file")


def test_copying_from_another_area_is_refused(areas: Upload) -> None:
    source = f"{BUCKET}/{OTHER}/file"
    copy = {"Bucket": BUCKET, "Key": f"{AREA}/stolen", "CopySource": source}
    assert code(lambda: areas.s3().copy_object(**copy)) == "AccessDenied"


@pytest.mark.parametrize("name", [*OBJECT, *NEVER])
def test_after_an_hour_nothing_is_allowed(areas: Upload, name: str) -> None:
    s3 = areas.s3()
    areas.late += 3600
    assert code(lambda: {**OBJECT, **NEVER}[name](s3, AREA)) in ("ExpiredToken", "400")


@pytest.mark.parametrize("name", UPLOADS)
def test_after_an_hour_uploads_end(areas: Upload, name: str) -> None:
    key = f"{AREA}/big"
    id = areas.store.create_upload(BUCKET, key)
    s3 = areas.s3()
    areas.late += 3600
    assert code(lambda: UPLOADS[name](s3, key, id)) == "ExpiredToken"


def test_just_before_the_hour_is_over_all_is_well(areas: Upload) -> None:
    key = areas.credentials()
    areas.late += 3590
    expires = areas.app.keys.find(key.id)
    assert expires is not None
    assert expires.expires_at is not None
    assert expires.expires_at > areas.now()


@pytest.mark.parametrize("name", [*OBJECT, *NEVER])
def test_the_keys_of_a_deleted_area_end(areas: Upload, name: str) -> None:
    s3 = areas.s3()
    assert areas.area("DELETE").status_code == 202
    assert code(lambda: {**OBJECT, **NEVER}[name](s3, AREA)) in ("InvalidAccessKeyId", "403")


def test_the_token_is_needed(areas: Upload) -> None:
    key = areas.credentials()
    without = type(key)(key.id, key.secret)
    assert code(lambda: areas.s3(without).list_objects(Bucket=BUCKET, Prefix=f"{AREA}/")) == "InvalidToken"
    wrong = type(key)(key.id, key.secret, "x")
    assert code(lambda: areas.s3(wrong).list_objects(Bucket=BUCKET, Prefix=f"{AREA}/")) == "InvalidToken"


def test_keys_survive_a_restart(areas: Upload) -> None:
    s3 = areas.s3()
    areas.reopen()
    assert [one["Key"] for one in s3.list_objects(Bucket=BUCKET, Prefix=f"{AREA}/")["Contents"]] == [f"{AREA}/file"]


def test_keys_end_with_the_api_key_from_which_they_follow(areas: Upload) -> None:
    s3 = areas.s3()
    areas.reopen(api_key="another")
    assert code(lambda: s3.list_objects(Bucket=BUCKET, Prefix=f"{AREA}/")) == "SignatureDoesNotMatch"


def test_no_secret_is_on_the_disk(areas: Upload) -> None:
    key = areas.credentials()
    kept = b"".join(file.read_bytes() for file in (areas.folder / "upload").rglob("*") if file.is_file())
    assert key.id.encode() in kept
    assert key.secret.encode() not in kept
    assert str(key.session_token).encode() not in kept


def test_keys_that_ended_long_ago_are_forgotten(areas: Upload) -> None:
    key = areas.credentials()
    areas.late += 3600 + 86400 + 1
    assert areas.app.keys.find(key.id)
    areas.credentials()
    assert areas.app.keys.find(key.id) is None


@pytest.mark.parametrize("id", ["", "x", "ASIALOCAL' OR 1=1 --", "é"])
def test_unknown_keys(areas: Upload, id: str) -> None:
    assert areas.app.keys.find(id) is None


def test_a_whole_multipart_upload(areas: Upload) -> None:
    s3, key = areas.s3(), f"{AREA}/big"
    id = s3.create_multipart_upload(Bucket=BUCKET, Key=key, ACL="bucket-owner-full-control", Metadata={"crc32c": "x"})[
        "UploadId"
    ]
    sizes = [5 * MIB, 1]
    parts = [
        s3.upload_part(Bucket=BUCKET, Key=key, UploadId=id, PartNumber=number, Body=b"\0" * size)["ETag"]
        for number, size in enumerate(sizes, 1)
    ]
    done = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, 1)]
    s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=id, MultipartUpload={"Parts": done})
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == sum(sizes)
    assert s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] == {"crc32c": "x"}


def test_an_upload_can_be_aborted(areas: Upload) -> None:
    s3, key = areas.s3(), f"{AREA}/big"
    id = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=id)
    assert areas.store.list_uploads(BUCKET) == []


def test_a_long_listing_comes_in_pages(areas: Upload) -> None:
    for number in range(250):
        areas.upload(f"{number:03}.txt", b"")
    pages = (
        areas.s3()
        .get_paginator("list_objects")
        .paginate(Bucket=BUCKET, Prefix=f"{AREA}/", PaginationConfig={"PageSize": 100})
    )
    assert [len(page["Contents"]) for page in pages] == [100, 100, 51]
