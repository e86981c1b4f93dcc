"""Signatures, against the examples that AWS publishes and against botocore's own signer."""

from __future__ import annotations

import calendar
import time
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hca_local.s3.errors import S3Error
from hca_local.s3.signing import AccessKey, Proof, SignedRequest, object_url, presign, verify

EXAMPLE = AccessKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXAMPLE_TIME = calendar.timegm((2013, 5, 24, 0, 0, 0))
TEMPORARY = AccessKey("TEMP", "temporary-secret", session_token="token/+=", expires_at=2e10)
CHUNKED_HEADERS = {
    "host": "s3.amazonaws.com",
    "x-amz-date": "20130524T000000Z",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "content-encoding": "aws-chunked",
    "x-amz-decoded-content-length": "66560",
    "content-length": "66824",
    "authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
    "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
    "x-amz-decoded-content-length;x-amz-storage-class,"
    "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
}


def get(url: str, headers: dict[str, str] | None = None) -> SignedRequest:
    parts = urlsplit(url)
    return SignedRequest("GET", parts.path, parts.query, {"host": parts.netloc, **(headers or {})})


def check(request: SignedRequest, *keys: AccessKey, now: float) -> Proof:
    return verify(request, {key.id: key for key in keys}.get, now=now)


def code_of(request: SignedRequest, *keys: AccessKey, now: float) -> str:
    with pytest.raises(S3Error) as caught:
        check(request, *keys, now=now)
    return caught.value.code


def test_the_published_presigned_url() -> None:
    url = presign("GET", "https://examplebucket.s3.amazonaws.com/test.txt", EXAMPLE, expires=86400, now=EXAMPLE_TIME)
    assert url.endswith("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    assert check(get(url), EXAMPLE, now=EXAMPLE_TIME).access_key == EXAMPLE


def test_the_published_chunk_signatures() -> None:
    request = SignedRequest("PUT", "/examplebucket/chunkObject.txt", "", CHUNKED_HEADERS)
    chunks = check(request, EXAMPLE, now=EXAMPLE_TIME).chunks
    digests = [
        "bf718b6f653bebc184e1479f1935b8da974d701b893afcf49e701f3e2f9f9c5a",  # 65536 times "a"
        "2edc986847e209b4016e141a6dc8716d3207350f416969382d431539bf292e4a",  # 1024 times "a"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # nothing
    ]
    assert [chunks.chunk(digest) for digest in digests] == [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]


@pytest.mark.parametrize("key", [EXAMPLE, TEMPORARY])
@pytest.mark.parametrize("name", ["plain", "a b/ü+#?&=~", "../%2e", "a//b"])
def test_links_are_those_of_botocore(key: AccessKey, name: str) -> None:
    url = object_url("http://127.0.0.1:9000", "box", name)
    query = {"response-content-disposition": 'attachment; filename="a b.txt"', "response-content-type": "x/y+z"}
    request = AWSRequest(method="GET", url=url, params=dict(query))
    S3SigV4QueryAuth(Credentials(key.id, key.secret, key.session_token), "s3", "us-east-1", expires=60).add_auth(
        request
    )
    signed = str(request.url)
    theirs = dict(parse_qsl(urlsplit(signed).query))
    now = calendar.timegm(time.strptime(theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
    ours = presign("GET", url, key, expires=60, now=now, query=query)
    assert dict(parse_qsl(urlsplit(ours).query)) == theirs
    assert check(get(signed), key, now=now).access_key == key
    assert check(get(ours), key, now=now).access_key == key


def test_a_link_lasts_as_long_as_it_says() -> None:
    link = get(presign("GET", "http://h/box/k", EXAMPLE, expires=100, now=1e9))
    check(link, EXAMPLE, now=1e9 + 100)
    check(link, EXAMPLE, now=1e9 - 900)
    assert code_of(link, EXAMPLE, now=1e9 + 101) == "AccessDenied"
    assert code_of(link, EXAMPLE, now=1e9 - 901) == "AccessDenied"


@pytest.mark.parametrize("expires", [0, -1, 604801])
def test_a_link_lasts_a_week_at_most(expires: int) -> None:
    with pytest.raises(S3Error, match="A link lasts"):
        presign("GET", "http://h/box/k", EXAMPLE, expires=expires, now=1e9)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("/box/k", "/box/other", "SignatureDoesNotMatch"),
        ("Expires=100", "Expires=101", "SignatureDoesNotMatch"),
        ("Expires=100", "Expires=0", "AuthorizationQueryParametersError"),
        ("Expires=100", "Expires=9999999999", "AuthorizationQueryParametersError"),
        ("Expires=100", "Expires=1e2", "AuthorizationQueryParametersError"),
        ("&X-Amz-Expires=100", "", "AuthorizationQueryParametersError"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "AuthorizationQueryParametersError"),
        ("%2Fs3%2F", "%2Fiam%2F", "AuthorizationQueryParametersError"),
        ("AKIA", "BKIA", "InvalidAccessKeyId"),
        ("SignedHeaders=host", "SignedHeaders=date", "AccessDenied"),
        ("Z&", "Z&extra=1&", "SignatureDoesNotMatch"),
        ("Z&", "Z&X-Amz-Expires=100&", "InvalidArgument"),
        ("Signature=", "Signature=%C3%A9", "SignatureDoesNotMatch"),
        ("Date=2001", "Date=2002", "AccessDenied"),
        ("Date=2001", "Date=9999", "AccessDenied"),
    ],
)
def test_a_link_that_was_changed_is_refused(old: str, new: str, code: str) -> None:
    url = presign("GET", "http://h/box/k", EXAMPLE, expires=100, now=1e9)
    changed = url.replace(old, new)
    assert changed != url
    assert code_of(get(changed), EXAMPLE, now=1e9) == code


def test_a_link_is_for_one_method_and_one_host() -> None:
    link = get(presign("GET", "http://h/box/k", EXAMPLE, expires=100, now=1e9))
    assert (
        code_of(SignedRequest("PUT", link.path, link.query, link.headers), EXAMPLE, now=1e9) == "SignatureDoesNotMatch"
    )
    other = SignedRequest("GET", link.path, link.query, {"host": "i"})
    assert code_of(other, EXAMPLE, now=1e9) == "SignatureDoesNotMatch"


def test_nobody_can_add_an_s3_header_to_a_link() -> None:
    url = presign("PUT", "http://h/box/k", EXAMPLE, expires=100, now=1e9)
    request = get(url, {"x-amz-copy-source": "/other/secret"})
    assert code_of(request, EXAMPLE, now=1e9) == "AccessDenied"


def test_the_default_port_is_not_part_of_the_host() -> None:
    link = presign("GET", "http://h:80/box/k", EXAMPLE, expires=100, now=1e9)
    check(SignedRequest("GET", "/box/k", urlsplit(link).query, {"host": "h"}), EXAMPLE, now=1e9)


def test_temporary_keys_need_their_token_and_end() -> None:
    link = get(presign("GET", "http://h/box/k", TEMPORARY, expires=100, now=1e9))
    check(link, TEMPORARY, now=1e9)
    other = AccessKey("TEMP", "temporary-secret", session_token="another")
    assert code_of(link, other, now=1e9) == "InvalidToken"
    permanent = AccessKey("TEMP", "temporary-secret")
    assert code_of(link, permanent, now=1e9) == "InvalidToken"
    without = get(presign("GET", "http://h/box/k", permanent, expires=100, now=1e9))
    assert code_of(without, TEMPORARY, now=1e9) == "InvalidToken"
    ended = AccessKey("TEMP", "temporary-secret", session_token="token/+=", expires_at=1e9)
    assert code_of(link, ended, now=1e9) == "ExpiredToken"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "AccessDenied"),
        ({"authorization": "AWS AKID:signature"}, "InvalidRequest"),
        ({"authorization": "AWS4-HMAC-SHA256 nonsense"}, "AuthorizationHeaderMalformed"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=a,Credential=b,Signature=c"}, "AuthorizationHeaderMalformed"),
        ({**CHUNKED_HEADERS, "authorization": CHUNKED_HEADERS["authorization"] + "0"}, "SignatureDoesNotMatch"),
        ({**CHUNKED_HEADERS, "x-amz-decoded-content-length": "1"}, "SignatureDoesNotMatch"),
        ({name: text for name, text in CHUNKED_HEADERS.items() if name != "content-length"}, "SignatureDoesNotMatch"),
        ({name: text for name, text in CHUNKED_HEADERS.items() if name != "x-amz-content-sha256"}, "InvalidRequest"),
        ({**CHUNKED_HEADERS, "x-amz-date": "yesterday"}, "AccessDenied"),
        ({**CHUNKED_HEADERS, "x-amz-acl": "public-read"}, "AccessDenied"),
    ],
)
def test_headers_that_prove_nothing(headers: dict[str, str], code: str) -> None:
    request = SignedRequest("PUT", "/examplebucket/chunkObject.txt", "", headers)
    assert code_of(request, EXAMPLE, now=EXAMPLE_TIME) == code


@pytest.mark.parametrize("skew", [-901, 901])
def test_a_clock_may_be_wrong_by_a_quarter_of_an_hour(skew: int) -> None:
    request = SignedRequest("PUT", "/examplebucket/chunkObject.txt", "", CHUNKED_HEADERS)
    assert code_of(request, EXAMPLE, now=EXAMPLE_TIME + skew) == "RequestTimeTooSkewed"
    check(request, EXAMPLE, now=EXAMPLE_TIME + skew // 901 * 900)


def test_header_and_query_cannot_both_sign() -> None:
    url = presign("GET", "http://h/box/k", EXAMPLE, expires=100, now=1e9)
    assert code_of(get(url, {"authorization": "x"}), EXAMPLE, now=1e9) == "InvalidArgument"


def test_secrets_are_not_shown() -> None:
    request = SignedRequest("PUT", "/examplebucket/chunkObject.txt", "", CHUNKED_HEADERS)
    shown = repr((TEMPORARY, request, check(request, EXAMPLE, now=EXAMPLE_TIME)))
    assert EXAMPLE.secret not in shown
    assert "temporary-secret" not in shown
    assert "token/" not in shown


@pytest.mark.parametrize(
    ("bucket", "key", "allowed"),
    [("box", "mine/a", True), ("box", "mine/", True), ("box", "mine", False), ("other", "mine/a", False)],
)
def test_a_key_can_be_limited_to_a_bucket_and_prefix(bucket: str, key: str, allowed: bool) -> None:
    assert AccessKey("a", "b", bucket="box", prefix="mine/").allows(bucket, key) is allowed
