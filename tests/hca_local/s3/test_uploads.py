"""Multipart uploads over HTTP, with the real boto3 client."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from .conftest import S3

PART = 5 * 1024 * 1024
DATA = bytes(range(256)) * (11 * 1024 * 4)
PARTS = [DATA[start : start + PART] for start in range(0, len(DATA), PART)]
SMALL_PARTS = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=3)


def code_of(action: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(ClientError) as caught:
        action(*args, **options)
    return caught.value.response["Error"]["Code"]


def begin(client: Any, key: str = "k", **options: Any) -> dict[str, str]:
    upload = client.create_multipart_upload(Bucket="box", Key=key, **options)
    return {"Bucket": "box", "Key": key, "UploadId": upload["UploadId"]}


def test_a_large_file_up_down_and_across(client: Any) -> None:
    extra = {"Metadata": {"foo_bar": "1"}, "ContentType": "x/y", "Tagging": "a=b"}
    client.upload_fileobj(io.BytesIO(DATA), "box", "k", Config=SMALL_PARTS, ExtraArgs=extra)
    digests = b"".join(hashlib.md5(part).digest() for part in PARTS)
    head = client.head_object(Bucket="box", Key="k")
    assert head["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert (head["Metadata"], head["ContentType"]) == ({"foo_bar": "1"}, "x/y")
    assert client.get_object_tagging(Bucket="box", Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    client.copy({"Bucket": "box", "Key": "k"}, "box", "copy", Config=SMALL_PARTS)
    client.delete_object(Bucket="box", Key="k")
    got = io.BytesIO()
    client.download_fileobj("box", "copy", got, Config=SMALL_PARTS)
    assert got.getvalue() == DATA
    assert client.head_object(Bucket="box", Key="copy")["ETag"] == head["ETag"]
    across = client.get_object(Bucket="box", Key="copy", Range=f"bytes={PART - 2}-{PART + 1}")["Body"].read()
    assert across == DATA[PART - 2 : PART + 2]


def test_parts_are_listed_in_pages(client: Any) -> None:
    upload = begin(client)
    etags = [client.upload_part(**upload, PartNumber=number, Body=b"%d" % number)["ETag"] for number in (3, 1, 2)]
    pages = list(client.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 2}))
    parts = [part for page in pages for part in page["Parts"]]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, 1), (2, 1), (3, 1)]
    assert [part["ETag"] for part in parts] == [etags[1], etags[2], etags[0]]
    assert len(pages) == 2


def test_uploads_are_listed_in_pages(client: Any) -> None:
    ids = [begin(client, key)["UploadId"] for key in ("a", "b c", "b c", "d")]
    pages = list(
        client.get_paginator("list_multipart_uploads").paginate(Bucket="box", PaginationConfig={"PageSize": 1})
    )
    uploads = [upload for page in pages for upload in page["Uploads"]]
    assert [upload["Key"] for upload in uploads] == ["a", "b c", "b c", "d"]
    assert sorted(upload["UploadId"] for upload in uploads) == sorted(ids)
    assert len(client.list_multipart_uploads(Bucket="box", Prefix="b")["Uploads"]) == 2
    assert [upload["Key"] for upload in client.list_multipart_uploads(Bucket="box", KeyMarker="b c")["Uploads"]] == [
        "d"
    ]
    assert code_of(client.list_multipart_uploads, Bucket="box", Delimiter="/") == "NotImplemented"


def test_completing_is_strict_and_can_be_repeated(client: Any) -> None:
    upload = begin(client)
    etag = client.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    other = client.upload_part(**upload, PartNumber=2, Body=b"y")["ETag"]
    one, two = {"PartNumber": 1, "ETag": etag}, {"PartNumber": 2, "ETag": other}

    def complete(*parts: dict[str, Any], **options: Any) -> Any:
        return client.complete_multipart_upload(**upload, MultipartUpload={"Parts": list(parts)}, **options)

    assert code_of(complete) == "MalformedXML"
    assert code_of(complete, two, one) == "InvalidPartOrder"
    assert code_of(complete, one, two) == "EntityTooSmall"
    assert code_of(complete, {**one, "ETag": other}) == "InvalidPart"
    assert code_of(complete, {**one, "PartNumber": 10**9}) == "InvalidPart"
    client.put_object(Bucket="box", Key="k", Body=b"there")
    assert code_of(complete, one, IfNoneMatch="*") == "PreconditionFailed"
    client.delete_object(Bucket="box", Key="k")
    assert complete(one)["ETag"] == complete(one)["ETag"]
    assert client.get_object(Bucket="box", Key="k")["Body"].read() == b"x"
    assert code_of(client.upload_part, **upload, PartNumber=3, Body=b"z") == "NoSuchUpload"


def test_part_numbers_and_digests_are_checked(client: Any) -> None:
    upload = begin(client)
    assert code_of(client.upload_part, **upload, PartNumber=0, Body=b"x") == "InvalidArgument"
    assert code_of(client.upload_part, **upload, PartNumber=10001, Body=b"x") == "InvalidArgument"
    wrong = "AAAAAAAAAAAAAAAAAAAAAA=="
    assert code_of(client.upload_part, **upload, PartNumber=1, Body=b"x", ContentMD5=wrong) == "BadDigest"
    assert code_of(client.upload_part, **{**upload, "UploadId": "none"}, PartNumber=1, Body=b"x") == "NoSuchUpload"


def test_part_copy(client: Any) -> None:
    client.put_object(Bucket="box", Key="source", Body=b"0123456789")
    upload, source = begin(client), {"Bucket": "box", "Key": "source"}
    copy = client.upload_part_copy(**upload, PartNumber=1, CopySource=source, CopySourceRange="bytes=2-4")
    assert copy["CopyPartResult"]["ETag"] == f'"{hashlib.md5(b"234").hexdigest()}"'
    wrong = {"CopySourceRange": "bytes=10-11"}
    assert code_of(client.upload_part_copy, **upload, PartNumber=2, CopySource=source, **wrong) == "InvalidRange"
    assert code_of(client.upload_part_copy, **upload, PartNumber=2, CopySource="box/none") == "NoSuchKey"
    parts = [{"PartNumber": 1, "ETag": copy["CopyPartResult"]["ETag"]}]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert client.get_object(Bucket="box", Key="k")["Body"].read() == b"234"


def test_aborting(s3: S3, client: Any) -> None:
    upload = begin(client)
    client.upload_part(**upload, PartNumber=1, Body=b"x")
    client.abort_multipart_upload(**upload)
    assert "Uploads" not in client.list_multipart_uploads(Bucket="box")
    assert code_of(client.list_parts, **upload) == "NoSuchUpload"
    client.delete_bucket(Bucket="box")
