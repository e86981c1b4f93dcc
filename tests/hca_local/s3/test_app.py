"""Who may do what, what is not there, and requests that no client would send."""

from __future__ import annotations

import http.client
import io
import socket
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from hca_local.s3.signing import AccessKey

from .conftest import ROOT, S3

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<Delete><Object><Key>&b;</Key></Object></Delete>"
)


def code_of(action: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(ClientError) as caught:
        action(*args, **options)
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def temporary(s3: S3) -> AccessKey:
    key = AccessKey("TEMP", "temp-secret", "token", expires_at=s3.clock() + 600, bucket="box", prefix="mine/")
    s3.keys[key.id] = key
    return key


def test_only_known_keys_with_their_secret(s3: S3) -> None:
    assert code_of(s3.client(AccessKey("NOBODY", "x")).list_buckets) == "InvalidAccessKeyId"
    assert code_of(s3.client(AccessKey(ROOT.id, "wrong")).list_buckets) == "SignatureDoesNotMatch"
    anonymous = s3.client(config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}))
    assert code_of(anonymous.get_object, Bucket="box", Key="k") == "AccessDenied"
    assert code_of(anonymous.put_object, Bucket="box", Key="k", Body=b"x") == "AccessDenied"
    old = s3.client(config=Config(signature_version="s3", s3={"addressing_style": "path"}))
    assert code_of(old.list_buckets) == "InvalidRequest"


def test_the_clocks_must_agree(s3: S3, client: Any) -> None:
    s3.clock.offset = 1000
    assert code_of(client.list_buckets) == "RequestTimeTooSkewed"
    s3.clock.offset = -1000
    assert code_of(client.list_buckets) == "RequestTimeTooSkewed"


def test_temporary_keys_work_with_their_token_until_they_end(s3: S3, temporary: AccessKey) -> None:
    s3.client(temporary).put_object(Bucket="box", Key="mine/k", Body=b"x")
    without = AccessKey(temporary.id, temporary.secret)
    assert code_of(s3.client(without).get_object, Bucket="box", Key="mine/k") == "InvalidToken"
    wrong = AccessKey(temporary.id, temporary.secret, "other")
    assert code_of(s3.client(wrong).get_object, Bucket="box", Key="mine/k") == "InvalidToken"
    s3.clock.offset = 601
    assert code_of(s3.client(temporary).get_object, Bucket="box", Key="mine/k") == "ExpiredToken"


def test_a_limited_key_reaches_only_its_prefix(s3: S3, client: Any, temporary: AccessKey) -> None:
    client.create_bucket(Bucket="other")
    for bucket, key in (("box", "mine/k"), ("box", "theirs/k"), ("other", "mine/k")):
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    limited = s3.client(temporary)
    limited.head_bucket(Bucket="box")
    assert limited.get_object(Bucket="box", Key="mine/k")["Body"].read() == b"x"
    assert [item["Key"] for item in limited.list_objects_v2(Bucket="box", Prefix="mine/")["Contents"]] == ["mine/k"]
    theirs, elsewhere = {"Bucket": "box", "Key": "theirs/k"}, {"Bucket": "other", "Key": "mine/k"}
    mine = {"Bucket": "box", "Key": "mine/new"}
    denied: list[tuple[Any, dict[str, Any]]] = [
        (limited.list_buckets, {}),
        (limited.create_bucket, {"Bucket": "new-bucket"}),
        (limited.delete_bucket, {"Bucket": "box"}),
        (limited.get_bucket_location, {"Bucket": "other"}),
        (limited.list_objects_v2, {"Bucket": "box"}),
        (limited.list_objects, {"Bucket": "box", "Prefix": "min"}),
        (limited.list_objects_v2, {"Bucket": "other", "Prefix": "mine/"}),
        (limited.list_multipart_uploads, {"Bucket": "box"}),
        (limited.copy_object, {**mine, "CopySource": theirs}),
        (limited.copy_object, {**mine, "CopySource": elsewhere}),
        *((action, target) for target in (theirs, elsewhere) for action in (
            limited.get_object, limited.put_object, limited.delete_object, limited.get_object_tagging,
            limited.create_multipart_upload,
        )),
    ]  # fmt: skip
    for action, options in denied:
        assert code_of(action, **options) == "AccessDenied"
    upload = limited.create_multipart_upload(**mine)["UploadId"]
    part = {**mine, "UploadId": upload, "PartNumber": 1}
    assert code_of(limited.upload_part_copy, **part, CopySource=theirs) == "AccessDenied"
    result = limited.delete_objects(Bucket="box", Delete={"Objects": [{"Key": "mine/k"}, {"Key": "theirs/k"}]})
    assert [item["Key"] for item in result["Deleted"]] == ["mine/k"]
    assert [(item["Key"], item["Code"]) for item in result["Errors"]] == [("theirs/k", "AccessDenied")]
    client.head_object(Bucket="box", Key="theirs/k")


def test_a_tampered_link_is_refused(client: Any) -> None:
    client.put_object(Bucket="box", Key="secret", Body=b"x")
    client.put_object(Bucket="box", Key="public", Body=b"x")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "box", "Key": "public"})
    assert urllib.request.urlopen(url).status == 200
    tampered = [url.replace("/public", "/secret"), url.replace("Expires=3600", "Expires=3601"), url + "&acl"]
    for changed in tampered:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(changed)
        assert (caught.value.code, b"SignatureDoesNotMatch" in caught.value.read()) == (403, True)


def test_a_link_to_put_cannot_be_turned_into_a_copy(s3: S3, client: Any) -> None:
    client.put_object(Bucket="box", Key="secret", Body=b"x")
    url = client.generate_presigned_url("put_object", Params={"Bucket": "box", "Key": "k"})
    answer = s3.send_raw("PUT", url.removeprefix(s3.endpoint), headers={"x-amz-copy-source": "/box/secret"})
    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/box?versioning"),
        ("GET", "/box?policy="),
        ("PUT", "/box?acl"),
        ("GET", "/box/k?acl"),
        ("GET", "/box/k?versionId=1"),
        ("GET", "/box/k?partNumber=1"),
        ("DELETE", "/box/k?versionId=1"),
        ("PUT", "/box/k?uploadId=1"),
        ("POST", "/box"),
        ("POST", "/box/k"),
        ("POST", "/box/k?select&select-type=2"),
        ("PATCH", "/box/k"),
        ("OPTIONS", "/box/k"),
        ("DELETE", "/"),
    ],
)
def test_what_is_not_there_says_so(s3: S3, method: str, target: str) -> None:
    s3.store.put("box", "k", io.BytesIO(b"x"))
    answer = s3.send(method, target)
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert s3.store.head("box", "k") is not None


def test_errors_are_described_in_xml(s3: S3) -> None:
    answer = s3.send("GET", "/box/a%01%3Cb%3E")
    tree = ElementTree.fromstring(answer.body)
    assert (tree.tag, tree.findtext("Code"), tree.findtext("Resource")) == ("Error", "NoSuchKey", "/box/a\ufffd<b>")
    assert tree.findtext("RequestId") == answer.headers["x-amz-request-id"]


def test_errors_of_head_have_no_body_and_the_connection_goes_on(s3: S3) -> None:
    connection = http.client.HTTPConnection(urlsplit(s3.endpoint).netloc, timeout=5)
    for _ in range(2):
        connection.request("HEAD", "/box/none")
        response = connection.getresponse()
        assert (response.status, response.read()) == (403, b"")
    connection.close()


def test_the_connection_goes_on_after_a_refused_body(s3: S3) -> None:
    connection = http.client.HTTPConnection(urlsplit(s3.endpoint).netloc, timeout=5)
    for _ in range(2):
        connection.request("PUT", "/box/k", b"GET / HTTP/1.1\r\n\r\n" * 100_000)
        response = connection.getresponse()
        assert (response.status, b"AccessDenied" in response.read()) == (403, True)
    connection.close()


def test_an_empty_put_that_waits_for_permission(s3: S3) -> None:
    answer = s3.send("PUT", "/box/k", headers={"Content-Length": "0", "Expect": "100-continue"})
    assert answer.status == 200
    head = s3.store.head("box", "k")
    assert head is not None
    assert head.size == 0


@pytest.mark.parametrize(
    ("length", "status"),
    [("-1", b"400"), ("1_0", b"400"), ("+9", b"400"), ("9" * 20, b"403"), ("9" * 18, b"403"), ("9", b"403")],
)
def test_lengths_that_are_not_true(s3: S3, length: str, status: bytes) -> None:
    address = urlsplit(s3.endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        request = f"PUT /box/k HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.partition(b" ")[2][:3] == status


def test_a_put_without_its_last_bytes_never_happened(s3: S3, client: Any) -> None:
    url = client.generate_presigned_url("put_object", Params={"Bucket": "box", "Key": "k"})
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        request = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 9\r\n\r\n"
        connection.sendall(request.encode() + b"half")
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"<Code>IncompleteBody</Code>" in answer
    assert s3.store.head("box", "k") is None


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        BOMB.decode().encode("utf-16"),
        b"<Delete>",
        b"",
        b"<Other/>",
        b"<Delete><Object/></Delete>",
        b"<Delete/>",
        b"\xff",
        b"<a>" * 100_000,
    ],
)
def test_xml_that_is_refused(s3: S3, body: bytes) -> None:
    answer = s3.send("POST", "/box?delete", body=body)
    assert (answer.status, answer.code) == (400, "MalformedXML")


def test_xml_that_is_too_long(s3: S3) -> None:
    body = b"<Delete>" + b" " * 1024 * 1024 + b"<Object><Key>k</Key></Object></Delete>"
    assert s3.send("POST", "/box?delete", body=body).code == "EntityTooLarge"


def test_the_digest_of_xml_is_checked(s3: S3) -> None:
    s3.store.put("box", "k", io.BytesIO(b"x"))
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    answer = s3.send("POST", "/box?delete", headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, body=body)
    assert answer.code == "BadDigest"
    assert s3.store.head("box", "k") is not None


def test_a_broken_disk_is_an_internal_error(s3: S3, client: Any) -> None:
    s3.store.put("box", "k", io.BytesIO(b"x"))
    s3.store.close()
    answer = s3.send("GET", "/box/k")
    assert (answer.status, answer.code) == (500, "InternalError")
