"""Amazon S3, and everything that speaks its language."""

from __future__ import annotations

import io
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from hca_core.errors import ApiError, AuthError, HcaError, NotFoundError, TransferError
from hca_core.transfer.content import Content, Reading, read_content
from hca_core.transfer.digest import MIB, Checksums, checksums, part_size
from hca_core.transfer.job import ByteStream
from hca_core.transfer.multipart import LargeFile, Multipart
from hca_core.transfer.objects import NO_BUCKET, Labels, ListedObject, ObjectInfo, Stored, split_url
from hca_core.transfer.s3client import Access, make_client
from hca_core.transfer.s3copy import Copy
from hca_core.transfer.s3errors import has_expired, translated
from hca_core.transfer.s3uploads import Ask, Uploads, is_md5, repeated
from hca_core.transfer.slices import Part, Slice

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

    from hca_core.settings import Settings

__all__ = ["S3Store"]

T = TypeVar("T")

_IN_MEMORY = MIB  # bytes; a file up to this size is read once, and held
_PARTS_AT_ONCE = 16  # of all files together


@dataclass(frozen=True)
class _Delivery:
    """A file that becomes an object; see `ObjectStore.put`."""

    path: Path
    size: int
    bucket: str
    key: str
    content_type: str
    metadata: Labels | None
    tags: Labels | None
    content: Content | None
    on_bytes: Callable[[int], object]


class S3Store:
    """An S3-compatible object store; safe to use from several threads.

    `acl` is the canned access list that new objects get. Files of more than `part` bytes are sent in parts of that
    size, by default those of which the data store makes its s3_etag.
    """

    def __init__(self, access: Access | None = None, *, acl: str | None = None, part: int | None = None) -> None:
        self._access = access or Access()
        self._acl = {"ACL": acl} if acl else {}
        self._part = part
        self._turn = threading.BoundedSemaphore(_PARTS_AT_ONCE)
        self._lock = threading.Lock()
        self._made: S3Client | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> S3Store:
        """Return the store that the settings describe.

        Raises:
            ConfigError: what is sent to it could be read on the way, and that is not allowed.
        """
        return cls(Access.from_settings(settings))

    def put(
        self,
        path: Path,
        bucket: str,
        key: str,
        *,
        content_type: str = "application/octet-stream",
        metadata: Labels | None = None,
        tags: Labels | None = None,
        content: Content | None = None,
        on_bytes: Callable[[int], object] | None = None,
    ) -> Stored:
        """Send a file; see `ObjectStore.put`.

        One of several parts is read once, while it is sent, and tagged afterwards; `metadata` must be known before.
        """
        size = path.stat().st_size
        file = _Delivery(path, size, bucket, key, content_type, metadata, tags, content, on_bytes or _ignore)
        return self._put_whole(file) if size <= (self._part or part_size(size)) else self._put_parts(file)

    def head(self, bucket: str, key: str, *, tags: bool = True) -> ObjectInfo | None:
        """Return what the store knows about an object, or None if there is none."""
        try:
            head = self._ask(bucket, key, lambda s3: s3.head_object(Bucket=bucket, Key=key))
            found = self._ask(bucket, key, lambda s3: s3.get_object_tagging(Bucket=bucket, Key=key)) if tags else {}
        except NotFoundError as error:
            if error.code == NO_BUCKET:
                raise
            return None
        return ObjectInfo(
            size=head["ContentLength"],
            etag=head["ETag"].strip('"'),
            content_type=head.get("ContentType", ""),
            tags={tag["Key"]: tag["Value"] for tag in found.get("TagSet", ())},
            metadata=head.get("Metadata", {}),
            is_md5=is_md5(head),
        )

    def list(self, bucket: str, prefix: str = "") -> Iterator[ListedObject]:
        """Yield the objects whose keys begin with `prefix`, in the order of their keys; raises as `ObjectStore.put`."""
        more: dict[str, str] | None = {}
        while more is not None:
            page = self._page(bucket, prefix, more)
            for found in page.get("Contents", ()):
                yield ListedObject(bucket, found["Key"], found["Size"], found["ETag"].strip('"'))
            more = {"ContinuationToken": page["NextContinuationToken"]} if page.get("IsTruncated") else None

    def copy(
        self,
        source: ListedObject,
        bucket: str,
        key: str,
        *,
        content_type: str = "application/octet-stream",
        on_bytes: Callable[[int], object] | None = None,
    ) -> str:
        """Copy an object of this store into `bucket` and return the ETag of the copy, which has no metadata or tags.

        A large one is copied in the parts in which `put` would have sent it. Raises as `ObjectStore.put`; a
        TransferError if the object is not any more what it was when it was listed.
        """
        about = {"ContentType": content_type, **self._acl}
        part = self._part or part_size(source.size)
        copy = Copy(source, bucket, key, part, about, on_bytes or _ignore, self._turn)
        return copy.run(self._asking(bucket, key))

    def unfinished(self, bucket: str, key: str) -> int:
        """Return how many bytes of an object an interrupted call of `put` has sent; 0 if we may not know."""
        uploads = self._uploads(bucket, key)
        try:
            found = [uploads.parts(upload) for upload in uploads.unfinished()]
        except (AuthError, ApiError):
            return 0
        return max((sum(part.size for part in parts.values()) for parts in found), default=0)

    def open(self, url: str, *, offset: int = 0, validator: str | None = None) -> ByteStream:
        """Open an object for reading from byte `offset` on, or from the start if it is not `validator` any more."""
        bucket, key = split_url(url)
        part: dict[str, Any] = {"Range": f"bytes={offset}-"} if offset else {}
        if offset and validator:
            part["IfMatch"] = validator
        try:
            answer = self._ask(bucket, key, lambda s3: s3.get_object(Bucket=bucket, Key=key, **part))
        except ApiError as error:
            if error.status == 412:
                return self.open(url)
            raise
        about = answer["ResponseMetadata"]
        return _ObjectStream(about["HTTPStatusCode"], about["HTTPHeaders"], url, answer["Body"])

    def _put_whole(self, file: _Delivery) -> Stored:
        held = file.path.read_bytes() if file.size <= _IN_MEMORY else None
        sums = _checksums(file, held)
        about = self._about(file, sums)
        if file.tags:
            about["Tagging"] = urlencode(file.tags(sums))  # in the request itself they save a second one
        if "-" not in sums.s3_etag:
            about["ContentMD5"] = b64encode(bytes.fromhex(sums.s3_etag)).decode()  # what arrives otherwise is not kept
        if held is None:
            with Slice(file.path, Part(1, 0, file.size), file.on_bytes) as body:
                answer, attempts = self._put_object(file, body, about)
        else:
            answer, attempts = self._put_object(file, held, about)
            file.on_bytes(len(held))
        etag = answer["ETag"].strip('"')
        if is_md5(answer) and etag != sums.s3_etag:
            raise _changed(file)
        return Stored(etag, sums, attempts=attempts)

    def _put_object(self, file: _Delivery, body: bytes | Slice, about: Mapping[str, Any]) -> tuple[Any, int]:
        """Send a whole object, once more if it arrived damaged; return the answer and how many requests it took."""
        attempts = 0

        def put(s3: Any) -> Any:
            nonlocal attempts
            attempts += 1
            if isinstance(body, Slice):
                body.seek(0)
            return s3.put_object(Bucket=file.bucket, Key=file.key, Body=body, **about)

        for _ in range(2):
            try:
                answer = self._ask(file.bucket, file.key, put)
            except ApiError as error:
                if error.code != "BadDigest":
                    raise
            else:
                return answer, attempts + repeated(answer)
        raise _changed(file)

    def _put_parts(self, file: _Delivery) -> Stored:
        part = self._part or part_size(file.size)
        content = file.content
        if file.metadata and content is None:
            content = read_content(file.path, file.size, part=part)

        uploads = self._uploads(file.bucket, file.key)
        large = LargeFile(
            path=file.path,
            size=file.size,
            part=part,
            about=self._about(file, content.checksums if content else None),
            head=lambda: self.head(file.bucket, file.key, tags=False),
            on_bytes=file.on_bytes,
            turn=self._turn,
        )
        with Reading(file.path, file.size, part, content) as reading:
            upload = Multipart(large, uploads, reading)
            etag, sums = upload.run(), reading.checksums()
        if file.tags:
            uploads.tag(file.tags(sums))
        return Stored(etag, sums, upload.reused, uploads.attempts)

    def _uploads(self, bucket: str, key: str) -> Uploads:
        return Uploads(self._asking(bucket, key), bucket, key)

    def _page(self, bucket: str, prefix: str, more: Mapping[str, str]) -> Any:
        return self._ask(bucket, prefix, lambda s3: s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **more))

    def _asking(self, bucket: str, key: str) -> Ask:
        def ask(request: Callable[[Any], T]) -> T:
            return self._ask(bucket, key, request)

        return ask

    def _about(self, file: _Delivery, sums: Checksums | None) -> dict[str, Any]:
        metadata = {"Metadata": dict(file.metadata(sums))} if file.metadata and sums else {}
        return {"ContentType": file.content_type, **self._acl, **metadata}

    def _ask(self, bucket: str, key: str, request: Callable[[Any], T]) -> T:
        """Send a request about an object, once more with new credentials if the old ones have expired."""
        client = self._client()
        try:
            with translated(bucket, key):
                return request(client)
        except HcaError as error:
            if not has_expired(error):
                raise
        with translated(bucket, key):
            return request(self._client(instead_of=client))

    def _client(self, instead_of: S3Client | None = None) -> S3Client:
        with self._lock:
            if self._made is None or self._made is instead_of:
                self._made = make_client(self._access)
            return self._made


def _checksums(file: _Delivery, held: bytes | None) -> Checksums:
    if file.content:
        return file.content.checksums
    return checksums(file.path, file.size) if held is None else checksums(io.BytesIO(held), len(held))


def _changed(file: _Delivery) -> TransferError:
    return TransferError(
        f"{file.path} did not arrive as it was read: it changed while it was sent, or it was damaged on the way.",
        hint="Upload it again when it is complete.",
    )


def _ignore(count: int) -> None:
    pass


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
