"""Objects over HTTP, with the real boto3 client."""

from __future__ import annotations

import base64
import hashlib
import io
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from .conftest import ROOT, S3

KEYS = [
    "../x",
    "a//b",
    "/a",
    "a/./b",
    "…/é",
    "%2e%2e",
    "a b",
    "a#b",
    "a+b",
    "a?b=c&d",
    "a\x01b\r\nc",
    "~",
    "a\\b",
    "*'()",
]


def code_of(action: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(ClientError) as caught:
        action(*args, **options)
    return caught.value.response["Error"]["Code"]


def get(client: Any, key: str = "k", **options: Any) -> bytes:
    return bytes(client.get_object(Bucket="box", Key=key, **options)["Body"].read())


@pytest.mark.parametrize(
    "config",
    [
        Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        Config(s3={"payload_signing_enabled": False}),
        Config(request_checksum_calculation="when_required"),
        None,
    ],
)
def test_put_and_get(s3: S3, config: Config | None) -> None:
    client = s3.client(config=config)
    put = client.put_object(Bucket="box", Key="k", Body=b"hello", ContentType="text/plain", Metadata={"foo_Bar": " x "})
    got = client.get_object(Bucket="box", Key="k")
    assert got["Body"].read() == b"hello"
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"foo_bar": "x"})
    head = client.head_object(Bucket="box", Key="k")
    assert (head["ContentLength"], head["LastModified"]) == (5, got["LastModified"])


def test_the_default_client_needs_only_the_environment(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    client = boto3.session.Session().client("s3")
    client.put_object(Bucket="box", Key="k", Body=io.BytesIO(b"hello"))
    assert get(client) == b"hello"


def test_an_empty_object(client: Any) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"")
    assert get(client) == b""
    assert code_of(get, client, Range="bytes=0-") == "InvalidRange"


@pytest.mark.parametrize("key", KEYS)
def test_hostile_keys(client: Any, key: str) -> None:
    client.put_object(Bucket="box", Key=key, Body=key.encode())
    assert get(client, key) == key.encode()
    assert [item["Key"] for item in client.list_objects_v2(Bucket="box")["Contents"]] == [key]
    client.copy_object(Bucket="box", Key="copy", CopySource={"Bucket": "box", "Key": key})
    assert get(client, "copy") == key.encode()
    url = client.generate_presigned_url("get_object", Params={"Bucket": "box", "Key": key})
    with urllib.request.urlopen(url) as response:
        assert response.read() == key.encode()
    client.delete_object(Bucket="box", Key=key)
    assert code_of(get, client, key) == "NoSuchKey"


@pytest.mark.parametrize("target", ["/box/a%00b", "/box/%ff", "/box/" + "x" * 1025, "/BOX/k", "/b_x/k", "//k"])
def test_impossible_names_are_refused(s3: S3, target: str) -> None:
    assert s3.send("PUT", target, body=b"x").status == 400


def test_attributes_are_kept(client: Any) -> None:
    expires = datetime(2030, 1, 2, tzinfo=timezone.utc)
    given = {
        "CacheControl": "no-store",
        "ContentDisposition": 'attachment; filename="a.txt"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": 'application/json; dcp-type="metadata/biomaterial"',
    }
    client.put_object(Bucket="box", Key="k", Body=b"x", Expires=expires, Tagging="a%20b=c%2Bd&empty=", **given)
    head = client.head_object(Bucket="box", Key="k")
    assert {name: head[name] for name in given} == given
    assert head["ResponseMetadata"]["HTTPHeaders"]["expires"] == "Wed, 02 Jan 2030 00:00:00 GMT"
    assert client.get_object(Bucket="box", Key="k")["TagCount"] == 2
    tags = client.get_object_tagging(Bucket="box", Key="k")["TagSet"]
    assert tags == [{"Key": "a b", "Value": "c+d"}, {"Key": "empty", "Value": ""}]


def test_metadata_beyond_ascii_is_understood(s3: S3) -> None:
    assert s3.send("PUT", "/box/k", headers={"x-amz-meta-who": "Zoë", "x-amz-meta-foo_bar": "x"}).status == 200
    head = s3.store.head("box", "k")
    assert head is not None
    assert head.metadata == {"who": "Zoë", "foo_bar": "x"}


def test_metadata_beyond_ascii_comes_back_as_encoded_words(s3: S3, client: Any) -> None:
    url = client.generate_presigned_url("put_object", Params={"Bucket": "box", "Key": "k", "Metadata": {"plain": "x"}})
    assert s3.send_raw("PUT", url.removeprefix(s3.endpoint), headers={"x-amz-meta-plain": "x"}).status == 200
    s3.store.copy("box", "k", "box", "k", metadata={"who": "Zoë", "lines": "a\r\nb: c", "plain": "x"})
    metadata = client.head_object(Bucket="box", Key="k")["Metadata"]
    assert metadata["plain"] == "x"
    for name, text in {"who": "Zoë", "lines": "a\r\nb: c"}.items():
        assert base64.b64decode(metadata[name].removeprefix("=?UTF-8?B?").removesuffix("?=")).decode() == text


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"Metadata": {"k": "x" * 2100}}, "MetadataTooLarge"),
        ({"Tagging": "&".join(f"k{number}=" for number in range(11))}, "InvalidTag"),
        ({"Tagging": "a=1&a=2"}, "InvalidTag"),
        ({"Tagging": "a=%FF"}, "InvalidArgument"),
        ({"ContentMD5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"ContentMD5": "nonsense"}, "InvalidDigest"),
        ({"ContentMD5": "AAAA"}, "InvalidDigest"),
        ({"ChecksumCRC32": "AAAAAA=="}, "BadDigest"),
        ({"ChecksumCRC32C": "AAAAAA=="}, "BadDigest"),
        ({"ChecksumSHA1": base64.b64encode(bytes(20)).decode()}, "BadDigest"),
        ({"ChecksumSHA256": base64.b64encode(bytes(32)).decode()}, "BadDigest"),
        ({"ServerSideEncryption": "AES256"}, "NotImplemented"),
        ({"IfMatch": '"x"'}, "NotImplemented"),
    ],
)
def test_a_put_that_cannot_be_right_is_refused(client: Any, options: dict[str, Any], code: str) -> None:
    assert code_of(client.put_object, Bucket="box", Key="k", Body=b"data", **options) == code
    assert "Contents" not in client.list_objects_v2(Bucket="box")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_right_checksums_are_accepted(client: Any, algorithm: str) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"data", ChecksumAlgorithm=algorithm)
    assert get(client) == b"data"


def test_the_signed_hash_of_the_body_is_checked(s3: S3) -> None:
    answer = s3.send("PUT", "/box/k", body=b"data", payload=hashlib.sha256(b"other").hexdigest())
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    assert s3.send("PUT", "/box/k", body=b"data", payload="nonsense").code == "InvalidRequest"
    assert s3.send("HEAD", "/box/k").status == 404


def test_a_body_that_ends_early_is_refused(s3: S3) -> None:
    answer = s3.send("PUT", "/box/k", headers={"x-amz-decoded-content-length": "9"}, body=b"data")
    assert answer.code == "IncompleteBody"
    assert s3.store.head("box", "k") is None


def test_put_only_if_absent(client: Any) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"first", IfNoneMatch="*")
    assert code_of(client.put_object, Bucket="box", Key="k", Body=b"second", IfNoneMatch="*") == "PreconditionFailed"
    assert get(client) == b"first"


@pytest.mark.parametrize(
    ("asked", "got", "content_range"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-30", b"0123456789", "bytes 0-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
        ("bytes=0-0", b"0", "bytes 0-0/10"),
    ],
)
def test_ranges(client: Any, asked: str, got: bytes, content_range: str) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"0123456789")
    response = client.get_object(Bucket="box", Key="k", Range=asked)
    assert (response["Body"].read(), response["ContentRange"]) == (got, content_range)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert client.head_object(Bucket="box", Key="k", Range=asked)["ContentLength"] == len(got)


@pytest.mark.parametrize("asked", ["bytes=1-2,4-5", "lines=1-2", "bytes=5-2", "bytes=-", "bytes=a-b"])
def test_what_is_not_a_single_range_gives_everything(client: Any, asked: str) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"0123456789")
    response = client.get_object(Bucket="box", Key="k", Range=asked)
    assert (response["Body"].read(), response["ResponseMetadata"]["HTTPStatusCode"]) == (b"0123456789", 200)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0", "bytes=99999999999999-"])
def test_a_range_behind_the_end(s3: S3, client: Any, asked: str) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"0123456789")
    answer = s3.send("GET", "/box/k", unsigned={"Range": asked})
    assert (answer.status, answer.code, answer.headers["Content-Range"]) == (416, "InvalidRange", "bytes */10")


def test_conditions(client: Any) -> None:
    etag = client.put_object(Bucket="box", Key="k", Body=b"data")["ETag"]
    later, earlier = (datetime.now(timezone.utc) + timedelta(hours=hours) for hours in (1, -1))
    assert get(client, IfMatch=etag) == b"data"
    assert get(client, IfNoneMatch='"other"') == b"data"
    assert get(client, IfModifiedSince=earlier) == b"data"
    assert get(client, IfUnmodifiedSince=later) == b"data"
    assert get(client, IfMatch=etag, IfUnmodifiedSince=earlier) == b"data"
    assert code_of(get, client, IfMatch='"other"') == "PreconditionFailed"
    assert code_of(get, client, IfUnmodifiedSince=earlier) == "PreconditionFailed"
    assert code_of(get, client, IfNoneMatch=etag) == "304"
    assert code_of(get, client, IfModifiedSince=later) == "304"


def test_a_range_is_only_for_the_version_it_was_meant_for(s3: S3, client: Any) -> None:
    etag = client.put_object(Bucket="box", Key="k", Body=b"data")["ETag"]
    assert s3.send("GET", "/box/k", unsigned={"Range": "bytes=1-", "If-Range": etag}).body == b"ata"
    assert s3.send("GET", "/box/k", unsigned={"Range": "bytes=1-", "If-Range": '"old"'}).body == b"data"


def test_a_link_can_set_the_headers_of_its_answer(client: Any) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"data")
    name = 'attachment; filename="ä.txt"'
    parameters = {"Bucket": "box", "Key": "k", "ResponseContentDisposition": name, "ResponseContentType": "x/y"}
    with urllib.request.urlopen(client.generate_presigned_url("get_object", Params=parameters)) as response:
        assert response.headers["Content-Disposition"].encode("latin-1").decode() == name
        assert response.headers["Content-Type"] == "x/y"


def test_a_link_cannot_break_the_headers_of_its_answer(s3: S3, client: Any) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"data")
    answer = s3.send("GET", "/box/k?response-content-type=a%0D%0ASet-Cookie%3A%20b")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert "Set-Cookie" not in answer.headers


def test_presigned_put(client: Any) -> None:
    url = client.generate_presigned_url("put_object", Params={"Bucket": "box", "Key": "k"})
    with urllib.request.urlopen(urllib.request.Request(url, data=b"data", method="PUT")) as response:
        assert response.status == 200
    assert get(client) == b"data"


def test_copy(client: Any) -> None:
    client.create_bucket(Bucket="other")
    etag = client.put_object(
        Bucket="box", Key="k", Body=b"data", Metadata={"a": "1"}, Tagging="t=1", ContentType="x/y"
    )["ETag"]
    source = {"Bucket": "box", "Key": "k"}
    assert client.copy_object(Bucket="other", Key="same", CopySource=source)["CopyObjectResult"]["ETag"] == etag
    head = client.head_object(Bucket="other", Key="same")
    assert (head["Metadata"], head["ContentType"], head["ETag"]) == ({"a": "1"}, "x/y", etag)
    client.copy_object(
        Bucket="other", Key="new", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"},
        TaggingDirective="REPLACE", Tagging="t=2",
    )  # fmt: skip
    head = client.head_object(Bucket="other", Key="new")
    assert (head["Metadata"], head["ContentType"]) == ({"b": "2"}, "binary/octet-stream")
    tags = [client.get_object_tagging(Bucket="other", Key=key)["TagSet"][0]["Value"] for key in ("same", "new")]
    assert tags == ["1", "2"]


def test_copies_that_are_refused(client: Any) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"data")
    source = {"Bucket": "box", "Key": "k"}
    assert code_of(client.copy_object, Bucket="box", Key="k", CopySource=source) == "InvalidRequest"
    assert code_of(client.copy_object, Bucket="box", Key="l", CopySource="box/none") == "NoSuchKey"
    assert code_of(client.copy_object, Bucket="box", Key="l", CopySource="none/k") == "NoSuchBucket"
    assert code_of(client.copy_object, Bucket="none", Key="l", CopySource=source) == "NoSuchBucket"
    version = {**source, "VersionId": "1"}
    assert code_of(client.copy_object, Bucket="box", Key="l", CopySource=version) == "NotImplemented"
    refused = code_of(client.copy_object, Bucket="box", Key="l", CopySource=source, CopySourceIfMatch="x")
    assert refused == "PreconditionFailed"


def test_tags(client: Any) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"data", Tagging="old=1")
    tags = [{"Key": "hca-dss-sha256", "Value": "f" * 64}, {"Key": "ü", "Value": ""}]
    client.put_object_tagging(Bucket="box", Key="k", Tagging={"TagSet": tags})
    assert client.get_object_tagging(Bucket="box", Key="k")["TagSet"] == tags
    twice = {"TagSet": [tags[0], tags[0]]}
    assert code_of(client.put_object_tagging, Bucket="box", Key="k", Tagging=twice) == "InvalidTag"
    client.delete_object_tagging(Bucket="box", Key="k")
    assert client.get_object_tagging(Bucket="box", Key="k")["TagSet"] == []
    assert code_of(client.get_object_tagging, Bucket="box", Key="none") == "NoSuchKey"


def test_deleting_what_is_not_there_is_fine(client: Any) -> None:
    client.delete_object(Bucket="box", Key="none")
    assert code_of(client.delete_object, Bucket="none", Key="none") == "NoSuchBucket"


def test_a_link_stops_working(s3: S3, client: Any) -> None:
    client.put_object(Bucket="box", Key="k", Body=b"data")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "box", "Key": "k"}, ExpiresIn=60)
    s3.clock.offset = 59
    assert urllib.request.urlopen(url).read() == b"data"
    s3.clock.offset = 62
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    assert (caught.value.code, b"<Code>AccessDenied</Code>" in caught.value.read()) == (403, True)
