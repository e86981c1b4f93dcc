"""Bodies in aws-chunked coding: signed, unsigned, with trailers, in HTTP chunks, and all of these wrong."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import io
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import urlsplit

import google_crc32c
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum, Sha256Checksum

from .conftest import ROOT, S3, Answer, Signer

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHUNKS = [b"a" * 70_000, b"b" * 5, b""]
DATA = b"".join(CHUNKS)
CRC32C = b64encode(google_crc32c.value(DATA).to_bytes(4, "big")).decode()


def put(s3: S3, payload: str, body: bytes, *, size: int = len(DATA), trailer: str = "") -> Answer:
    headers = {"x-amz-decoded-content-length": str(size), "Content-Encoding": "aws-chunked"}
    return s3.send(
        "PUT", "/box/k", headers=headers | ({"x-amz-trailer": trailer} if trailer else {}), body=body, payload=payload
    )


def put_signed(s3: S3, payload: str, change: Callable[[bytes], bytes] = bytes, trailer: str = "") -> Answer:
    """Send CHUNKS with the signatures that belong to them, after `change`."""
    headers = {"x-amz-decoded-content-length": str(len(DATA))} | (
        {"x-amz-trailer": "x-amz-checksum-crc32c"} if trailer else {}
    )
    request = AWSRequest(method="PUT", url=f"{s3.endpoint}/box/k", headers=headers)
    signer = Signer(ROOT, payload)
    signer.add_auth(request)
    sent = dict(request.headers)
    body = change(signed_body(signer, sent["X-Amz-Date"], sent["Authorization"].rpartition("=")[2], trailer))
    return s3.send_raw("PUT", "/box/k", headers=sent, body=body)


def signed_body(signer: S3SigV4Auth, timestamp: str, signature: str, trailer: str) -> bytes:
    # Written from AWS's description, with none of our code, so that it can disagree with ours.
    def sign(*lines: str) -> str:
        key = b"AWS4" + ROOT.secret.encode()
        for text in (timestamp[:8], "us-east-1", "s3", "aws4_request"):
            key = hmac.new(key, text.encode(), "sha256").digest()
        return hmac.new(key, "\n".join(lines).encode(), "sha256").hexdigest()

    scope, empty, body = f"{timestamp[:8]}/us-east-1/s3/aws4_request", hashlib.sha256().hexdigest(), b""
    for chunk in CHUNKS:
        digest = hashlib.sha256(chunk).hexdigest()
        signature = sign("AWS4-HMAC-SHA256-PAYLOAD", timestamp, scope, signature, empty, digest)
        end = b"" if trailer and not chunk else b"\r\n"
        body += b"%x;chunk-signature=%s\r\n%s%s" % (len(chunk), signature.encode(), chunk, end)
    if trailer:
        digest = hashlib.sha256(f"{trailer}\n".encode()).hexdigest()
        signature = sign("AWS4-HMAC-SHA256-TRAILER", timestamp, scope, signature, digest)
        body += f"{trailer}\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()
    return body


def stored(s3: S3) -> bytes | None:
    if s3.store.head("box", "k") is None:
        return None
    with s3.store.open("box", "k") as file:
        assert file.info.headers == {}
        return bytes(file.read())


def test_signed_chunks(s3: S3) -> None:
    assert put_signed(s3, SIGNED).status == 200
    assert stored(s3) == DATA


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"aaaa\r\n", b"aaab\r\n", "SignatureDoesNotMatch"),
        (b"bbbbb", b"bbbbc", "SignatureDoesNotMatch"),
        (b"\r\n0;chunk-signature=", b"\r\n0;chunk-signature=0", "IncompleteBody"),
        (b";chunk-signature=", b";chunk-signature-was=", "IncompleteBody"),
        (b"\r\nbbbbb\r\n", b"\r\nbbbbb__", "IncompleteBody"),
    ],
)
def test_signed_chunks_that_were_changed(s3: S3, old: bytes, new: bytes, code: str) -> None:
    answer = put_signed(s3, SIGNED, lambda body: body.replace(old, new))
    assert (answer.code, stored(s3)) == (code, None)


def test_signed_chunks_that_were_left_out(s3: S3) -> None:
    cut = put_signed(s3, SIGNED, lambda body: body[:70_050])
    assert (cut.code, stored(s3)) == ("IncompleteBody", None)
    unsigned = put(s3, SIGNED, b"5\r\nbbbbb\r\n0\r\n\r\n", size=5)
    assert (unsigned.code, stored(s3)) == ("SignatureDoesNotMatch", None)


def test_signed_trailers(s3: S3) -> None:
    assert put_signed(s3, SIGNED_TRAILER, trailer=f"x-amz-checksum-crc32c:{CRC32C}").status == 200
    assert stored(s3) == DATA


def test_signed_trailers_that_were_changed(s3: S3) -> None:
    trailer = f"x-amz-checksum-crc32c:{CRC32C}"
    wrong = trailer.replace(CRC32C, "AAAAAA==")
    changed = put_signed(s3, SIGNED_TRAILER, lambda body: body.replace(trailer.encode(), wrong.encode()), trailer)
    assert (changed.code, stored(s3)) == ("SignatureDoesNotMatch", None)
    assert (put_signed(s3, SIGNED_TRAILER, trailer=wrong).code, stored(s3)) == ("BadDigest", None)


@pytest.mark.parametrize("checksum", [Crc32Checksum, Sha256Checksum])
def test_what_botocore_sends_over_tls(s3: S3, checksum: type) -> None:
    name = "x-amz-checksum-" + checksum.__name__.removesuffix("Checksum").lower()
    wrapped = AwsChunkedWrapper(io.BytesIO(DATA), checksum_cls=checksum, checksum_name=name, chunk_size=1000)
    headers = {
        "X-Amz-Decoded-Content-Length": str(len(DATA)),
        "X-Amz-Trailer": name,
        "Content-Encoding": "gzip,aws-chunked",
    }
    answer = s3.send(
        "PUT", "/box/k", headers=headers, unsigned={"Transfer-Encoding": "chunked"}, payload=UNSIGNED_TRAILER,
        body=iter(lambda: wrapped.read(1000), b""),
    )  # fmt: skip
    assert answer.status == 200
    head = s3.store.head("box", "k")
    assert head is not None
    assert (head.size, head.headers) == (len(DATA), {"content-encoding": "gzip"})


@pytest.mark.parametrize(
    ("body", "size", "trailer", "code"),
    [
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 5, "x-amz-checksum-crc32", ""),
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n", 5, "x-amz-checksum-crc32", ""),
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc64nvme:whatever\r\n\r\n", 5, "x-amz-checksum-crc64nvme", ""),
        (b"5\r\nhello\r\n0\r\n\r\n", 5, "", ""),
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", 5, "x-amz-checksum-crc32", "BadDigest"),
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:???\r\n\r\n", 5, "x-amz-checksum-crc32", "InvalidDigest"),
        (b"5\r\nhello\r\n0\r\n\r\n", 5, "x-amz-checksum-crc32", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\nnonsense\r\n\r\n", 5, "x-amz-checksum-crc32", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\n" + b"a:b\r\n" * 9999 + b"\r\n", 5, "", "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\n\r\n", 6, "", "IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\n", 4, "", "IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\nmore", 5, "", "IncompleteBody"),
        (b"5\r\nhello\r\n", 5, "", "IncompleteBody"),
        (b"5\r\nhel", 5, "", "IncompleteBody"),
        (b"fffffffffffffff\r\nhello", 5, "", "IncompleteBody"),
        (b"-5\r\nhello\r\n0\r\n\r\n", 5, "", "IncompleteBody"),
        (b"5" + b" " * 100_000, 5, "", "IncompleteBody"),
        (b"", 5, "", "IncompleteBody"),
    ],
)
def test_unsigned_chunks(s3: S3, body: bytes, size: int, trailer: str, code: str) -> None:
    answer = put(s3, UNSIGNED_TRAILER, body, size=size, trailer=trailer)
    assert (answer.code, answer.status == 200) == (code, not code)
    assert stored(s3) == (None if code else b"hello")


def test_the_connection_goes_on_after_http_chunks(s3: S3) -> None:
    # The body ends where a buffer ends: its end must be read all the same.
    size = 2 * 64 * 1024 - 14
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    assert len(body) == 2 * 64 * 1024
    request = AWSRequest("PUT", f"{s3.endpoint}/box/k", headers={"x-amz-decoded-content-length": str(size)})
    Signer(ROOT, UNSIGNED_TRAILER).add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(s3.endpoint).netloc, timeout=5)
    for _ in range(2):
        headers = {**dict(request.headers), "Transfer-Encoding": "chunked"}
        connection.request("PUT", "/box/k", iter([body]), headers, encode_chunked=True)
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"")
    connection.close()


def test_a_size_is_needed(s3: S3) -> None:
    answer = s3.send(
        "PUT", "/box/k", body=[b"hello"], unsigned={"Transfer-Encoding": "chunked"}, payload="UNSIGNED-PAYLOAD"
    )
    assert (answer.status, answer.code) == (411, "MissingContentLength")
    assert answer.headers["Connection"] == "close"


def test_a_coding_from_elsewhere(s3: S3) -> None:
    assert put(s3, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", b"x").code == "NotImplemented"
