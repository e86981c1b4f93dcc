"""Buckets and listings over HTTP, with the real boto3 client."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hca_local.s3.store import ObjectStore

from .conftest import S3


def code_of(action: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(ClientError) as caught:
        action(*args, **options)
    return caught.value.response["Error"]["Code"]


def fill(store: ObjectStore, *keys: str) -> None:
    store.put("box", "0", io.BytesIO(b"data"))
    for key in keys:
        store.copy("box", "0", "box", key)
    store.delete("box", "0")


def walk(client: Any, operation: str, **options: Any) -> tuple[list[str], list[str], int]:
    pages = list(client.get_paginator(operation).paginate(Bucket="box", **options))
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return keys, [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])], len(pages)


def test_buckets(client: Any) -> None:
    client.create_bucket(Bucket="another")
    client.create_bucket(Bucket="another", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["another", "box"]
    client.head_bucket(Bucket="another")
    assert client.get_bucket_location(Bucket="another")["LocationConstraint"] is None
    client.put_object(Bucket="another", Key="k", Body=b"x")
    assert code_of(client.delete_bucket, Bucket="another") == "BucketNotEmpty"
    client.delete_object(Bucket="another", Key="k")
    client.delete_bucket(Bucket="another")
    assert code_of(client.head_bucket, Bucket="another") == "404"
    assert code_of(client.list_objects_v2, Bucket="another") == "NoSuchBucket"


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
def test_more_keys_than_fit_on_a_page(store: ObjectStore, client: Any, operation: str) -> None:
    keys = [*sorted(f"{number % 3}/{number:04d}" for number in range(1207)), "top"]
    fill(store, *keys)
    assert walk(client, operation) == (keys, [], 2)
    assert walk(client, operation, Delimiter="/") == (["top"], ["0/", "1/", "2/"], 1)
    assert walk(client, operation, Delimiter="/", PaginationConfig={"PageSize": 1}) == (["top"], ["0/", "1/", "2/"], 4)
    assert walk(client, operation, Prefix="1/", PaginationConfig={"PageSize": 100}) == (
        [key for key in keys if key.startswith("1/")], [], 5,
    )  # fmt: skip


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_rolling_up(store: ObjectStore, client: Any, operation: str, size: int) -> None:
    fill(store, "a", "a/", "a/1", "a/2/3", "a0", "b//c", "b//d", "é/x", "é/\U0010ffff", "é0")
    options: dict[str, Any] = {"PaginationConfig": {"PageSize": size}}
    assert walk(client, operation, Delimiter="/", **options)[:2] == (["a", "a0", "é0"], ["a/", "b/", "é/"])
    assert walk(client, operation, Delimiter="/", Prefix="a/", **options)[:2] == (["a/", "a/1"], ["a/2/"])
    assert walk(client, operation, Delimiter="//", Prefix="b", **options)[:2] == ([], ["b//"])
    assert walk(client, operation, Delimiter="1", Prefix="a", **options)[:2] == (["a", "a/", "a/2/3", "a0"], ["a/1"])


def test_listing_options(store: ObjectStore, client: Any) -> None:
    fill(store, "a", "b", "c d")
    page = client.list_objects_v2(Bucket="box", StartAfter="a", MaxKeys=1)
    assert (page["KeyCount"], page["IsTruncated"], page["StartAfter"]) == (1, True, "a")
    assert page["Contents"][0]["ETag"] == '"8d777f385d3dfec8815d20f7496026dc"'
    assert client.list_objects(Bucket="box", Marker="b")["Contents"][0]["Key"] == "c d"
    empty = client.list_objects_v2(Bucket="box", MaxKeys=0)
    assert (empty["KeyCount"], empty["IsTruncated"]) == (0, False)
    assert code_of(client.list_objects_v2, Bucket="box", ContinuationToken="§") == "InvalidArgument"
    assert code_of(client.list_objects_v2, Bucket="box", MaxKeys=-1) == "InvalidArgument"
    assert code_of(client.list_objects_v2, Bucket="box", EncodingType="rot13") == "InvalidArgument"


def test_listing_without_encoding_is_still_xml(s3: S3) -> None:
    fill(s3.store, "a\x01<&>\r\n\ufffe")
    answer = s3.send("GET", "/box?list-type=2")
    assert "<Key>a\ufffd&lt;&amp;&gt;&#13;\n\ufffd</Key>".encode() in answer.body


def test_delete_many(store: ObjectStore, client: Any) -> None:
    fill(store, "a", "b c", "ü&<")
    gone = client.delete_objects(Bucket="box", Delete={"Objects": [{"Key": "a"}, {"Key": "ü&<"}, {"Key": "none"}]})
    assert [item["Key"] for item in gone["Deleted"]] == ["a", "ü&<", "none"]
    quiet = client.delete_objects(Bucket="box", Delete={"Objects": [{"Key": "b c"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert store.list("box") == []
    too_many = {"Objects": [{"Key": str(number)} for number in range(1001)]}
    assert code_of(client.delete_objects, Bucket="box", Delete=too_many) == "MalformedXML"
