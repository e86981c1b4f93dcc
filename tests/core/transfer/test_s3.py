from __future__ import annotations

import hashlib
import os
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from origin import job_for

from hca_core.builtin import hca_settings
from hca_core.errors import ApiError, AuthError, ConfigError, HcaError, NetworkError, NotFoundError, TransferError
from hca_core.testing import Answer, FakeServer
from hca_core.transfer.content import read_content
from hca_core.transfer.digest import MIB, checksums
from hca_core.transfer.fetch import fetch
from hca_core.transfer.s3 import S3Store
from hca_core.transfer.s3client import Access, TemporaryKeys, authorities

BUCKET = "staging"
ZEROS = f'"{hashlib.md5(bytes(5)).hexdigest()}"'
PART = 5 * MIB
TAGS = {"hca-dss-sha1": "a" * 40, "hca-dss-crc32c": "00000000", "odd key": "a b=c+d/e@f"}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret of somebody")


@pytest.fixture
def amazon(credentials: None) -> Iterator[Any]:
    with mock_aws():
        import boto3

        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def write(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1])
def test_a_file_is_sent_with_its_tags(size: int, amazon: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "f", size)
    told: list[int] = []
    stored = S3Store().put(path, BUCKET, "a/key ü", content_type="text/x", tags=lambda _: TAGS, on_bytes=told.append)
    etag = stored.etag
    assert etag == hashlib.md5(bytes(size)).hexdigest()
    assert stored.checksums == checksums(path)
    assert sum(told) == size
    head = S3Store().head(BUCKET, "a/key ü")
    assert head is not None
    assert (head.size, head.etag, head.content_type, head.tags) == (size, etag, "text/x", TAGS)
    assert amazon.get_object(Bucket=BUCKET, Key="a/key ü")["Body"].read() == bytes(size)


def test_labels_are_made_of_the_checksums(amazon: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "f", 5)
    S3Store().put(path, BUCKET, "f", metadata=lambda sums: {"crc32c": sums.crc32c}, tags=lambda sums: vars(sums))
    head = S3Store().head(BUCKET, "f")
    assert head is not None
    assert head.metadata == {"crc32c": checksums(path).crc32c}
    assert head.tags == vars(checksums(path))
    untagged = S3Store().head(BUCKET, "f", tags=False)
    assert untagged is not None
    assert (untagged.tags, untagged.metadata) == ({}, head.metadata)


def test_a_file_that_was_read_already_is_not_read_again_for_its_labels(amazon: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "f", MIB + 1)
    content = replace(read_content(path, MIB + 1), checksums=replace(checksums(path), sha1="known"))
    stored = S3Store().put(path, BUCKET, "f", tags=lambda sums: {"sha1": sums.sha1}, content=content)
    assert stored.checksums.sha1 == "known"


@pytest.mark.parametrize("size", [5, MIB + 1])
def test_a_file_that_changed_since_it_was_read_is_refused(size: int, amazon: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "f", size)
    content = read_content(path, size)
    path.write_bytes(b"x" * size)
    with pytest.raises(TransferError, match="changed while it was sent"):
        S3Store().put(path, BUCKET, "f", content=content)


def test_an_access_list_is_asked_for(credentials: None, server: FakeServer, tmp_path: Path) -> None:
    server.on("PUT", f"/{BUCKET}/f", Answer(200, headers={"ETag": ZEROS}))
    store = S3Store(access(server), acl="bucket-owner-full-control")
    store.put(write(tmp_path / "f", 5), BUCKET, "f")
    assert server.requests[0].headers["x-amz-acl"] == "bucket-owner-full-control"


def test_an_etag_that_is_no_md5_is_not_compared(credentials: None, server: FakeServer, tmp_path: Path) -> None:
    headers = {"ETag": '"other"', "x-amz-server-side-encryption": "aws:kms"}
    server.on("PUT", f"/{BUCKET}/f", Answer(200, headers=headers))
    assert S3Store(access(server)).put(write(tmp_path / "f", 5), BUCKET, "f").etag == "other"


@pytest.mark.parametrize(("encryption", "is_md5"), [({}, True), ({"x-amz-server-side-encryption": "aws:kms"}, False)])
def test_it_is_known_whether_an_etag_is_an_md5(
    encryption: dict[str, str], is_md5: bool, credentials: None, server: FakeServer
) -> None:
    server.on("HEAD", f"/{BUCKET}/f", Answer(200, headers={"ETag": ZEROS, **encryption}))
    info = S3Store(access(server)).head(BUCKET, "f", tags=False)
    assert info is not None
    assert info.is_md5 == is_md5


def test_a_file_of_exactly_64_mib_is_sent_whole(amazon: Any, tmp_path: Path) -> None:
    assert "-" not in S3Store().put(write(tmp_path / "f", 64 * MIB), BUCKET, "f").etag


def test_a_big_file_is_sent_in_the_parts_its_etag_is_made_of(amazon: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "f", 128 * MIB + 1)
    with path.open("r+b") as file:
        file.seek(64 * MIB - 3)
        file.write(b"border")
    told: list[int] = []
    stored = S3Store().put(path, BUCKET, "big", content_type="a/b", tags=lambda _: TAGS, on_bytes=told.append)
    assert stored.checksums == checksums(path)
    assert stored.etag == stored.checksums.s3_etag
    assert stored.etag.endswith("-3")
    assert stored.attempts == 3
    assert sum(told) == 128 * MIB + 1
    head = S3Store().head(BUCKET, "big")
    assert head is not None
    assert (head.size, head.content_type, head.tags) == (128 * MIB + 1, "a/b", TAGS)


# Parts


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A file of three parts of the smallest size that Amazon takes."""
    path = tmp_path / "parts"
    path.write_bytes(os.urandom(2 * PART + 7))
    return path


def test_a_file_that_stopped_half_way_is_continued(amazon: Any, parts: Path) -> None:
    other = amazon.create_multipart_upload(Bucket=BUCKET, Key="f2")["UploadId"]
    place = {"Bucket": BUCKET, "Key": "f"}
    upload = amazon.create_multipart_upload(**place, ContentType="application/octet-stream")["UploadId"]
    with parts.open("rb") as file:
        amazon.upload_part(**place, UploadId=upload, PartNumber=1, Body=file.read(PART))
        amazon.upload_part(**place, UploadId=upload, PartNumber=2, Body=bytes(PART))
    told: list[int] = []
    sent = []
    store = S3Store(part=PART)
    events = store._client().meta.events
    events.register("before-call.s3.UploadPart", lambda params, **_: sent.append(params["query_string"]["partNumber"]))
    stored = store.put(parts, BUCKET, "f", on_bytes=told.append)
    assert stored.etag == checksums(parts, part=PART).s3_etag
    assert amazon.get_object(**place)["Body"].read() == parts.read_bytes()
    assert sorted(sent) == [2, 3]
    assert (told[0], sum(told)) == (2 * PART, 2 * PART + 7)
    assert [found["UploadId"] for found in amazon.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == [other]


def test_the_store_tags_what_it_has_sent_in_parts(amazon: Any, parts: Path) -> None:
    store = S3Store(part=PART)
    stored = store.put(
        parts, BUCKET, "f", metadata=lambda sums: {"crc32c": sums.crc32c}, tags=lambda sums: {"sha1": sums.sha1}
    )
    sums = checksums(parts, part=PART)
    assert (stored.etag, stored.checksums) == (sums.s3_etag, sums)
    head = store.head(BUCKET, "f")
    assert head is not None
    assert (head.tags, head.metadata) == ({"sha1": sums.sha1}, {"crc32c": sums.crc32c})


def test_a_file_that_was_read_before_is_only_sent(amazon: Any, parts: Path) -> None:
    known = read_content(parts, parts.stat().st_size, part=PART)
    assert S3Store(part=PART).put(parts, BUCKET, "f", content=known).checksums is known.checksums
    changed = replace(known, md5s=("0" * 32, *known.md5s[1:]))
    with pytest.raises(TransferError, match="changed while it was sent"):
        S3Store(part=PART).put(parts, BUCKET, "f", content=changed)


class Issuer:
    """Gives out keys that hold for some seconds, and says so."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.given = 0

    def __call__(self) -> TemporaryKeys:
        self.given += 1
        expires = datetime.now(timezone.utc) + timedelta(seconds=self.seconds)
        return TemporaryKeys(f"KEY{self.given}", "hidden", "token", expires)


@pytest.mark.parametrize(("seconds", "given"), [(3600, 1), (20, 5)])
def test_credentials_are_renewed_before_they_expire(amazon: Any, parts: Path, seconds: float, given: int) -> None:
    issuer = Issuer(seconds)
    S3Store(Access(credentials=issuer), part=PART).put(parts, BUCKET, "f")
    assert issuer.given >= given if given > 1 else issuer.given == 1
    assert amazon.get_object(Bucket=BUCKET, Key="f")["Body"].read() == parts.read_bytes()


def test_keys_do_not_show_their_secrets() -> None:
    assert "hidden" not in repr(Issuer(5)())
    assert "token" not in repr(Issuer(5)()).replace("session_token", "")


def test_a_refused_token_is_renewed_at_once(server: FakeServer, tmp_path: Path) -> None:
    """The store's clock may be ahead of ours, or somebody may have ended the session."""
    ok = Answer(200, headers={"ETag": ZEROS})
    server.on("PUT", f"/{BUCKET}/f", error(403, "ExpiredToken"), ok)
    issuer = Issuer(3600)
    S3Store(Access(server.url, credentials=issuer, attempts=1)).put(write(tmp_path / "f", 5), BUCKET, "f")
    keys = [request.headers["Authorization"].partition("Credential=")[2].split("/")[0] for request in server.requests]
    assert keys == ["KEY1", "KEY2"]


def test_a_token_that_stays_refused_is_an_auth_error(server: FakeServer, tmp_path: Path) -> None:
    server.on("PUT", f"/{BUCKET}/f", error(403, "ExpiredToken"))
    issuer = Issuer(3600)
    with pytest.raises(AuthError, match="ExpiredToken"):
        S3Store(Access(server.url, credentials=issuer, attempts=1)).put(write(tmp_path / "f", 5), BUCKET, "f")
    assert issuer.given == 2


def test_head_of_what_does_not_exist(amazon: Any) -> None:
    assert S3Store().head(BUCKET, "nothing") is None


def test_a_missing_bucket_is_named(amazon: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no bucket 'elsewhere'"):
        S3Store().put(write(tmp_path / "f", 5), "elsewhere", "f")
    with pytest.raises(NotFoundError, match="no bucket 'elsewhere'"):
        S3Store().open("s3://elsewhere/f")


def test_a_store_is_an_opener(amazon: Any, tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    amazon.put_object(Bucket=BUCKET, Key="f", Body=data)
    job = job_for(data, tmp_path / "f")
    result = fetch(type(job)(**{**vars(job), "url": f"s3://{BUCKET}/f"}), S3Store().open)
    assert result.error is None
    assert (tmp_path / "f").read_bytes() == data


def read(stream: Any) -> bytes:
    buffer = memoryview(bytearray(100))
    count = stream.readinto(buffer)
    stream.close()
    return bytes(buffer[:count])


def test_an_object_is_read_from_an_offset_on(amazon: Any) -> None:
    amazon.put_object(Bucket=BUCKET, Key="a/b c", Body=b"0123456789")
    whole = S3Store().open(f"s3://{BUCKET}/a/b%20c")
    assert (whole.status, whole.headers["content-length"]) == (200, "10")
    assert read(whole) == b"0123456789"
    rest = S3Store().open(f"s3://{BUCKET}/a/b%20c", offset=7, validator=whole.headers["etag"])
    assert (rest.status, rest.headers["content-range"]) == (206, "bytes 7-9/10")
    assert read(rest) == b"789"


def test_an_object_that_was_replaced_is_read_from_its_start(amazon: Any) -> None:
    amazon.put_object(Bucket=BUCKET, Key="f", Body=b"0123456789")
    stream = S3Store().open(f"s3://{BUCKET}/f", offset=7, validator='"another"')
    assert stream.status == 200
    assert read(stream) == b"0123456789"


def test_a_range_behind_the_end_has_status_416(amazon: Any) -> None:
    amazon.put_object(Bucket=BUCKET, Key="f", Body=b"0123456789")
    with pytest.raises(HcaError) as caught:
        S3Store().open(f"s3://{BUCKET}/f", offset=10)
    assert getattr(caught.value, "status", None) == 416


def test_a_missing_object_is_named(amazon: Any) -> None:
    with pytest.raises(NotFoundError, match=f"s3://{BUCKET}/nothing"):
        S3Store().open(f"s3://{BUCKET}/nothing")


def test_without_credentials_the_hint_says_where_they_belong(tmp_path: Path) -> None:
    with pytest.raises(AuthError, match="No usable AWS credentials") as caught:
        S3Store().put(write(tmp_path / "f", 5), BUCKET, "f")
    assert "AWS_PROFILE" in str(caught.value.hint)


def test_a_missing_credentials_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        S3Store(Access(credentials_file=tmp_path / "nowhere")).head(BUCKET, "f")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


def access(server: FakeServer) -> Access:
    return Access(server.url, attempts=1)


def error(status: int, code: str) -> Answer:
    xml = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>because</Message></Error>"
    return Answer(status, xml.encode(), {"Content-Type": "application/xml"})


def test_a_credentials_file_is_used(server: FakeServer, tmp_path: Path) -> None:
    file = tmp_path / "aws"
    file.write_text("[default]\naws_access_key_id = LOCAL\naws_secret_access_key = hidden\n")
    server.on("PUT", f"/{BUCKET}/f", Answer(200, headers={"ETag": ZEROS}))
    S3Store(Access(server.url, credentials_file=file)).put(write(tmp_path / "f", 5), BUCKET, "f")
    assert "Credential=LOCAL/" in server.requests[0].headers["Authorization"]


def test_one_plain_request_sends_a_small_file(credentials: None, server: FakeServer, tmp_path: Path) -> None:
    server.on("PUT", f"/{BUCKET}/f", Answer(200, headers={"ETag": ZEROS}))
    S3Store(access(server)).put(write(tmp_path / "f", 5), BUCKET, "f", content_type="text/x", tags=lambda _: TAGS)
    assert len(server.requests) == 1
    request = server.requests[0]
    assert request.body == bytes(5)
    assert request.headers["Content-Type"] == "text/x"
    assert request.headers["x-amz-tagging"].startswith(f"hca-dss-sha1={'a' * 40}&hca-dss-crc32c=00000000&odd+key=")
    assert request.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "Expect" not in request.headers
    assert not [name for name in request.headers if name.lower().startswith("x-amz-checksum")]


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_a_refusal_is_an_auth_error(code: str, credentials: None, server: FakeServer, tmp_path: Path) -> None:
    server.on("PUT", f"/{BUCKET}/f", error(403, code))
    with pytest.raises(AuthError, match=f"refused access to s3://{BUCKET}/f \\({code}: because\\)") as caught:
        S3Store(access(server)).put(write(tmp_path / "f", 5), BUCKET, "f")
    assert "AWS credentials" in str(caught.value.hint)


def test_a_wrong_clock_is_named(credentials: None, server: FakeServer, tmp_path: Path) -> None:
    server.on("PUT", f"/{BUCKET}/f", error(403, "RequestTimeTooSkewed"))
    with pytest.raises(ApiError) as caught:
        S3Store(access(server)).put(write(tmp_path / "f", 5), BUCKET, "f")
    assert caught.value.hint == "Set the clock of this computer."


def test_a_refused_head_is_an_auth_error(credentials: None, server: FakeServer) -> None:
    server.on("HEAD", f"/{BUCKET}/f", Answer(403))
    with pytest.raises(AuthError):
        S3Store(access(server)).head(BUCKET, "f")


def test_a_broken_server_is_a_network_error(credentials: None, server: FakeServer) -> None:
    server.on("GET", f"/{BUCKET}/f", error(503, "SlowDown"))
    with pytest.raises(NetworkError, match="SlowDown"):
        S3Store(access(server)).open(f"s3://{BUCKET}/f")


def test_no_server_is_a_network_error(credentials: None, tmp_path: Path) -> None:
    with FakeServer() as fake:
        url = fake.url
    with pytest.raises(NetworkError, match="No answer from the object store"):
        S3Store(Access(url, attempts=1)).put(write(tmp_path / "f", 5), BUCKET, "f")


def test_a_connection_that_breaks_is_a_network_error(credentials: None, server: FakeServer, tmp_path: Path) -> None:
    server.on("PUT", f"/{BUCKET}/f", Answer(hang_up=True))
    with pytest.raises(NetworkError, match="No answer from the object store"):
        S3Store(access(server)).put(write(tmp_path / "f", 5), BUCKET, "f")


@pytest.mark.parametrize("size", [5, 2 * MIB])
def test_what_arrives_damaged_is_not_kept_but_sent_again(
    size: int, credentials: None, server: FakeServer, tmp_path: Path
) -> None:
    etag = hashlib.md5(bytes(size)).hexdigest()
    server.on("PUT", f"/{BUCKET}/f", error(400, "BadDigest"), Answer(200, headers={"ETag": f'"{etag}"'}))
    stored = S3Store(access(server)).put(write(tmp_path / "f", size), BUCKET, "f")
    assert (stored.etag, stored.attempts) == (etag, 2)
    assert [b64decode(request.headers["Content-MD5"]).hex() for request in server.requests] == [etag, etag]


def test_what_arrives_damaged_twice_is_a_failure(credentials: None, server: FakeServer, tmp_path: Path) -> None:
    server.on("PUT", f"/{BUCKET}/f", error(400, "BadDigest"))
    with pytest.raises(TransferError, match="damaged on the way"):
        S3Store(access(server)).put(write(tmp_path / "f", 5), BUCKET, "f")
    assert len(server.requests) == 2


def test_a_body_that_breaks_off_is_a_network_error(credentials: None, server: FakeServer) -> None:
    server.serve_bytes(f"/{BUCKET}/f", bytes(1000)).cut(500)
    stream = S3Store(access(server)).open(f"s3://{BUCKET}/f")
    buffer = memoryview(bytearray(1001))
    with pytest.raises(NetworkError):
        stream.readinto(buffer) and stream.readinto(buffer)
    stream.close()


def test_bytes_that_must_be_sent_again_are_taken_back(
    credentials: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore's pause before its second try
    told: list[int] = []
    with FakeServer() as fake:
        etag = f'"{hashlib.md5(bytes(2 * MIB)).hexdigest()}"'
        fake.on("PUT", f"/{BUCKET}/f", error(500, "InternalError"), Answer(200, headers={"ETag": etag}))
        path = write(tmp_path / "f", 2 * MIB)
        stored = S3Store(Access(fake.url, attempts=2)).put(path, BUCKET, "f", on_bytes=told.append)
        assert stored.attempts == 2
        assert [len(request.body) for request in fake.requests] == [2 * MIB, 2 * MIB]
    assert min(told) < 0
    assert sum(told) == 2 * MIB


def test_a_store_may_be_used_by_many_threads_at_once(amazon: Any, tmp_path: Path) -> None:
    store, path, etags = S3Store(), write(tmp_path / "f", 5), []
    threads = [
        threading.Thread(target=lambda key=f"{number}": etags.append(store.put(path, BUCKET, key).etag))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert etags == [hashlib.md5(bytes(5)).hexdigest()] * 8


class Values(dict[str, Any]):
    """Settings of which these are set."""

    def value(self, key: str) -> Any:
        return self[key] if key in self else next(spec.default for spec in hca_settings() if spec.key == key)


def test_a_store_is_not_asked_over_plain_http_unless_that_is_allowed() -> None:
    with pytest.raises(ConfigError, match="plain http"):
        S3Store.from_settings(Values({"s3.endpoint_url": "http://store.example.org"}))
    for values in (
        {"s3.endpoint_url": "http://store.example.org", "network.allow_http": True},
        {"s3.endpoint_url": "http://127.0.0.1:9000"},
        {"s3.endpoint_url": "https://store.example.org"},
        {},
    ):
        assert S3Store.from_settings(Values(values))


def test_a_store_is_asked_as_patiently_as_the_settings_say() -> None:
    patience = {"network.retries": 1, "network.connect_timeout": 2.0, "network.read_timeout": 3.0}
    found = Access.from_settings(Values(patience))
    assert (found.attempts, found.connect_timeout, found.read_timeout) == (2, 2.0, 3.0)


def test_a_store_that_stops_answering_is_given_up(credentials: None, server: FakeServer, tmp_path: Path) -> None:
    silent = Answer(body=b"x", stall_at=0, release=threading.Event())
    server.on("PUT", f"/{BUCKET}/f", silent)
    with pytest.raises(NetworkError):
        S3Store(Access(server.url, attempts=1, read_timeout=0.1)).put(write(tmp_path / "f", 5), BUCKET, "f")


def test_the_stores_certificate_is_checked_against_what_the_user_trusts(
    credentials: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a file of no authorities, no server is trusted; the message says so, and nothing is sent."""
    bundle = tmp_path / "authorities.pem"
    bundle.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with FakeServer() as server, pytest.raises(HcaError):
        S3Store(Access(server.url.replace("http://", "https://"), attempts=1)).put(
            write(tmp_path / "f", 1), BUCKET, "k"
        )
    assert authorities({"SSL_CERT_FILE": "a"}) == "a"
    assert authorities({"SSL_CERT_FILE": "a", "AWS_CA_BUNDLE": "b"}) is None
    assert authorities({}) is None
