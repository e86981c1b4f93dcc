"""Amazon S3, and everything that speaks its language."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from hca_core.errors import ApiError, ConfigError, NotFoundError, TransferError
from hca_core.hosts import keeps_secrets
from hca_core.transfer.digest import MIB, part_size
from hca_core.transfer.job import ByteStream
from hca_core.transfer.objects import ObjectInfo, split_url
from hca_core.transfer.pool import each
from hca_core.transfer.s3errors import translated

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

    from hca_core.settings import Settings

__all__ = ["S3Store"]

_ONE_REQUEST = 64 * MIB  # bytes; from one more on, S3 gets the parts from which our s3_etag is made
_UNANNOUNCED = MIB
_PARTS_AT_ONCE = 4
_ATTEMPTS = 5


class S3Store:
    """An S3-compatible object store; safe to use from several threads.

    `credentials_file` replaces `~/.aws/credentials`. `pool_size` is the number of connections that are kept.
    """

    def __init__(
        self,
        endpoint_url: str | None = None,
        *,
        credentials_file: str | Path | None = None,
        ca_bundle: str | Path | None = None,
        proxy: str | None = None,
        pool_size: int = 32,
    ) -> None:
        self._endpoint_url = endpoint_url
        self._credentials_file = Path(credentials_file).expanduser() if credentials_file else None
        self._ca_bundle = ca_bundle
        self._proxy = proxy
        self._pool_size = pool_size
        self._lock = threading.Lock()
        self._made: S3Client | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> S3Store:
        """Return the store that the settings describe.

        Raises:
            ConfigError: what is sent to it could be read on the way, and that is not allowed.
        """
        value = settings.value
        endpoint = value("s3.endpoint_url")
        if endpoint and not keeps_secrets(endpoint) and not value("network.allow_http"):
            raise ConfigError(
                f"The object store {endpoint} would be asked over plain http.",
                key="s3.endpoint_url",
                hint="Use its https:// address, or allow plain http with the setting network.allow_http.",
            )
        return cls(
            endpoint,
            credentials_file=value("s3.credentials_file"),
            ca_bundle=value("network.ca_bundle"),
            proxy=value("network.proxy"),
        )

    def put_file(
        self,
        path: Path,
        bucket: str,
        key: str,
        *,
        content_type: str = "application/octet-stream",
        tags: Mapping[str, str] | None = None,
        on_bytes: Callable[[int], object] | None = None,
    ) -> str:
        """Send a file and return the object's ETag; see `ObjectStore.put_file`.

        Its checksums are computed by whoever needs them in the tags, in a reading of its own: that leaves the file
        in the system's cache, so reading it again here costs little, and nothing is held in memory.
        """
        # Tags in the request itself save a second one.
        about: dict[str, Any] = {"ContentType": content_type, **({"Tagging": urlencode(tags)} if tags else {})}
        whole = _Part(path, 1, 0, path.stat().st_size, on_bytes or _ignore)
        with translated(bucket, key):
            if whole.length > _ONE_REQUEST:
                return self._put_parts(whole, bucket, key, about)
            with whole.open() as slice_:
                body: Any = slice_
                answer = self._client().put_object(Bucket=bucket, Key=key, Body=body, **about)
        return answer["ETag"].strip('"')

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Return what the store knows about an object, or None if there is none."""
        try:
            with translated(bucket, key):
                head = self._client().head_object(Bucket=bucket, Key=key)
                found = self._client().get_object_tagging(Bucket=bucket, Key=key)
        except NotFoundError as error:
            if error.code == "NoSuchBucket":
                raise
            return None
        tags = {tag["Key"]: tag["Value"] for tag in found["TagSet"]}
        return ObjectInfo(head["ContentLength"], head["ETag"].strip('"'), head.get("ContentType", ""), tags)

    def open(self, url: str, *, offset: int = 0, validator: str | None = None) -> ByteStream:
        """Open an object for reading from byte `offset` on, or from the start if it is not `validator` any more."""
        bucket, key = split_url(url)
        part: dict[str, Any] = {"Range": f"bytes={offset}-"} if offset else {}
        if offset and validator:
            part["IfMatch"] = validator
        try:
            with translated(bucket, key):
                answer: Any = self._client().get_object(Bucket=bucket, Key=key, **part)
        except ApiError as error:
            if error.status == 412:
                return self.open(url)
            raise
        about = answer["ResponseMetadata"]
        return _ObjectStream(about["HTTPStatusCode"], about["HTTPHeaders"], url, answer["Body"])

    def _put_parts(self, whole: _Part, bucket: str, key: str, about: dict[str, Any]) -> str:
        client = self._client()
        upload = client.create_multipart_upload(Bucket=bucket, Key=key, **about)["UploadId"]

        def send(part: _Part) -> dict[str, Any]:
            with part.open() as slice_:
                body: Any = slice_
                answer = client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=part.number, Body=body)
            return {"PartNumber": part.number, "ETag": answer["ETag"]}

        try:
            sent = sorted(each(whole.parts(), send, jobs=_PARTS_AT_ONCE), key=lambda part: int(part["PartNumber"]))
            parts: Any = {"Parts": sent}
            done = client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload=parts)
        except BaseException:
            # What was sent costs storage until somebody notices.
            with contextlib.suppress(Exception):
                client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
            raise
        return done["ETag"].strip('"')

    def _client(self) -> S3Client:
        with self._lock:
            if self._made is None:
                self._made = self._make_client()
            return self._made

    def _make_client(self) -> S3Client:
        import boto3
        import botocore.session
        from botocore.config import Config

        session = botocore.session.get_session()
        if self._credentials_file:
            if not self._credentials_file.is_file():
                raise ConfigError(
                    f"The AWS credentials file {self._credentials_file} does not exist.",
                    file=str(self._credentials_file),
                    key="s3.credentials_file",
                )
            session.set_config_variable("credentials_file", str(self._credentials_file))
        # Signing what is sent means hashing it once more. TLS protects it already, and on this machine nobody is on
        # the way.
        special: Any = {"payload_signing_enabled": not keeps_secrets(self._endpoint_url or "https://")}
        if self._endpoint_url:
            special["addressing_style"] = "path"  # few servers but Amazon's have a host name per bucket
        config = Config(
            s3=special,
            max_pool_connections=self._pool_size,
            proxies={"http": self._proxy, "https": self._proxy} if self._proxy else None,
            # We compute checksums of our own; one more of each part would only cost time.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        verify = str(self._ca_bundle) if self._ca_bundle else _authorities(os.environ)
        amazon = boto3.Session(botocore_session=session)
        client: Any = amazon.client("s3", endpoint_url=self._endpoint_url, verify=verify, config=config)
        client.meta.events.register_last("before-call.s3", _do_not_announce)
        return client  # type: ignore[no-any-return]


def _authorities(environ: Mapping[str, str]) -> str | None:
    """Return what `SSL_CERT_FILE` names, unless one of the variables that botocore itself obeys is set."""
    if environ.get("AWS_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE"):
        return None
    return environ.get("SSL_CERT_FILE") or None


def _do_not_announce(params: dict[str, Any], **_: object) -> None:
    # Asking the server whether it wants the body costs a round trip: too much for a small one.
    body = params.get("body")
    if isinstance(body, _Slice) and len(body) <= _UNANNOUNCED:
        params["headers"].pop("Expect", None)


def _ignore(count: int) -> None:
    pass


@dataclass(frozen=True)
class _Part:
    """A part of a file that is sent in a request of its own; `start` and `length` in bytes."""

    path: Path
    number: int
    start: int
    length: int
    on_bytes: Callable[[int], object]

    def parts(self) -> Iterator[_Part]:
        """Yield the parts in which S3 gets this one."""
        size = part_size(self.length)
        for number, start in enumerate(range(0, self.length, size), start=1):
            yield replace(self, number=number, start=start, length=min(size, self.length - start))

    def open(self) -> _Slice:
        """Return the bytes for botocore to read."""
        return _Slice(self)


class _Slice(io.RawIOBase):
    """A part of a file as a file, with its own position."""

    def __init__(self, part: _Part) -> None:
        self._part = part
        self._file = part.path.open("rb", buffering=0)
        self._position = 0

    def __len__(self) -> int:
        return self._part.length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._part.length}[whence]
        self._part.on_bytes(start + offset - self._position)
        self._position = start + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = self._part.length - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        self._file.seek(self._part.start + self._position)
        data = self._file.read(wanted)
        if len(data) < wanted:
            raise TransferError(f"{self._part.path} became shorter while it was sent.")
        self._position += len(data)
        self._part.on_bytes(len(data))
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


class _ObjectStream:
    def __init__(self, status: int, headers: Mapping[str, str], url: str, body: StreamingBody) -> None:
        self.status, self.headers, self.url = status, headers, url
        self._body = body

    def readinto(self, buffer: memoryview) -> int:
        with translated(*split_url(self.url)):
            body: Any = self._body
            count: int = body.readinto(buffer)
            return count

    def close(self) -> None:
        self._body.close()
