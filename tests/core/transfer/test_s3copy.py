"""Copies inside a store, and listings of what is there to copy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from hca_core.errors import ApiError, NetworkError, NotFoundError, TransferError
from hca_core.testing import Answer, FakeServer
from hca_core.transfer.digest import MIB, checksums
from hca_core.transfer.objects import ListedObject
from hca_core.transfer.s3 import S3Store
from hca_core.transfer.s3client import Access

PART = 5 * MIB


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret of somebody")


@pytest.fixture
def amazon(credentials: None) -> Iterator[Any]:
    with mock_aws():
        import boto3

        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="source")
        client.create_bucket(Bucket="target")
        yield client


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


def listed(key: str) -> ListedObject:
    (found,) = [one for one in S3Store().list("source", key) if one.key == key]
    return found


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")


@pytest.mark.usefixtures("short_pages")
def test_a_listing_has_all_pages_in_order(amazon: Any) -> None:
    keys = sorted([*(f"run/{number:04}" for number in range(33)), "run/a#b c", "run/ü\n"])
    for key in [*keys, "other"]:
        amazon.put_object(Bucket="source", Key=key, Body=key.encode())
    found = list(S3Store().list("source", "run/"))
    assert [one.key for one in found] == sorted(keys, key=str.encode)
    assert {(one.bucket, one.size) for one in found[:3]} == {("source", 8)}
    assert len(found[0].etag) == 32


@pytest.mark.usefixtures("short_pages")
def test_a_listing_is_fetched_page_by_page(amazon: Any) -> None:
    for number in range(11):
        amazon.put_object(Bucket="source", Key=f"{number:04}", Body=b"")
    store = S3Store()
    pages = []
    store._client().meta.events.register("before-call.s3.ListObjectsV2", lambda **_: pages.append(1))
    assert next(store.list("source")).key == "0000"
    assert len(pages) == 1


def test_a_bucket_that_is_not_there_has_no_listing(amazon: Any) -> None:
    with pytest.raises(NotFoundError, match="no bucket 'nowhere'"):
        list(S3Store().list("nowhere"))


@pytest.mark.parametrize("key", ["a/b c#1?.txt", "ü%20&+=.txt"])
def test_a_copy_has_nothing_of_its_source_but_the_content(key: str, amazon: Any) -> None:
    amazon.put_object(
        Bucket="source", Key=key, Body=b"content", Metadata={"m": "1"}, Tagging="t=1", ContentType="text/csv"
    )
    told: list[int] = []
    etag = S3Store().copy(listed(key), "target", "copy", content_type="a/b; x=y", on_bytes=told.append)
    head = S3Store().head("target", "copy")
    assert head is not None
    assert (head.size, head.etag, head.content_type, head.tags, head.metadata) == (7, etag, "a/b; x=y", {}, {})
    assert told == [7]


def test_a_large_object_is_copied_in_the_parts_it_would_have_been_sent_in(amazon: Any, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(os.urandom(2 * PART + 7))
    store = S3Store(part=PART)
    sent = store.put(path, "source", "f")
    told: list[int] = []
    etag = store.copy(listed("f"), "target", "f", content_type="a/b", on_bytes=told.append)
    assert etag == sent.etag == checksums(path, part=PART).s3_etag
    assert sum(told) == 2 * PART + 7
    assert amazon.get_object(Bucket="target", Key="f")["Body"].read() == path.read_bytes()
    assert amazon.head_object(Bucket="target", Key="f")["ContentType"] == "a/b"


@pytest.mark.parametrize("size", [5, 6 * MIB])
def test_a_source_that_changed_is_not_copied(size: int, credentials: None, server: FakeServer) -> None:
    server.on("POST", "/target/f", Answer(200, body=b"<R><UploadId>u</UploadId></R>"))
    server.on("PUT", "/target/f", Answer(412, body=b"<Error><Code>PreconditionFailed</Code></Error>"))
    server.on("DELETE", "/target/f", Answer(204))
    store = S3Store(Access(server.url), part=PART)
    with pytest.raises(TransferError, match=r"s3://source/f changed while it was copied"):
        store.copy(ListedObject("source", "f", size, "e"), "target", "f")
    puts = [request for request in server.requests if request.method == "PUT"]
    assert {request.headers["x-amz-copy-source-if-match"] for request in puts} == {"e"}
    assert server.count("DELETE", "/target/f") == (size > PART)


def test_what_was_begun_is_taken_back_if_a_part_fails(credentials: None, server: FakeServer) -> None:
    server.on("POST", "/target/f", Answer(200, body=b"<R><UploadId>u</UploadId></R>"))
    server.on("PUT", "/target/f", Answer(400, body=b"<Error><Code>Odd</Code></Error>"))
    server.on("DELETE", "/target/f", Answer(503))
    store = S3Store(Access(server.url, attempts=1), part=PART)
    with pytest.raises(ApiError, match="Odd"):
        store.copy(ListedObject("source", "f", 6 * MIB, "e"), "target", "f")
    assert server.count("DELETE", "/target/f") == 1


def test_a_copy_gets_the_access_list_of_the_store(credentials: None, server: FakeServer) -> None:
    server.on("PUT", "/target/f", Answer(503))
    with pytest.raises(NetworkError):
        S3Store(Access(server.url, attempts=1), acl="bucket-owner-full-control").copy(
            ListedObject("source", "f", 1, "e"), "target", "f"
        )
    assert server.requests[0].headers["x-amz-acl"] == "bucket-owner-full-control"
