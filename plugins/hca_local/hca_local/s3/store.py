"""Objects in buckets on a local disk: records in SQLite, bytes in files, nothing half-written ever visible."""

from __future__ import annotations

import hashlib
import io
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from filelock import FileLock, Timeout

from hca_core.errors import HcaError
from hca_core.paths import private_dir
from hca_local.database import Database
from hca_local.s3 import records
from hca_local.s3.blobs import BLOCK, Blob, Blobs, PieceReader, Readable
from hca_local.s3.errors import S3Error
from hca_local.s3.model import (
    Attributes,
    ObjectInfo,
    PartInfo,
    Piece,
    UploadInfo,
    check_bucket,
    check_key,
    check_part_number,
    check_tags,
)

__all__ = ["MIN_PART_SIZE", "ObjectInfo", "ObjectReader", "ObjectStore", "PartInfo", "S3Error", "UploadInfo"]

MIN_PART_SIZE = 5 * 1024 * 1024


class ObjectReader(io.BufferedReader):
    """An object's bytes, seekable, unaffected by later changes of the object; `info` is the object they belong to."""

    def __init__(self, raw: PieceReader, info: ObjectInfo) -> None:
        super().__init__(raw)
        self.info = info


class ObjectStore:
    """All buckets under `root`, for any number of threads of one process.

    An object is a sequence of pieces of immutable byte files, so copying it and completing a multipart upload move
    no bytes. Every method that names a bucket, object or upload raises S3Error (NoSuchBucket, NoSuchKey, NoSuchUpload)
    if it does not exist.

    Raises:
        HcaError: another process uses `root`, or a newer version of hca wrote it.
    """

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = _lock(private_dir(root))
        try:
            self._database = Database(root / "objects.sqlite", records.MIGRATIONS)
            self._blobs = Blobs(root, self._is_used)
            self._blobs.sweep(self._used_blobs)
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Stop; open readers stay readable."""
        self._blobs.close()
        self._database.close()
        self._lock.release()

    # ── buckets ──

    def create_bucket(self, name: str) -> None:
        """Make sure that there is a bucket of this name."""
        check_bucket(name)
        with self._database.write() as db:
            records.add_bucket(db, name, self._clock())

    def buckets(self) -> dict[str, float]:
        """All bucket names in order, with the unix seconds of their creation."""
        with self._database.read() as db:
            return records.buckets(db)

    def need_bucket(self, name: str) -> None:
        """Raise NoSuchBucket unless there is one of that name."""
        with self._database.read() as db:
            records.need_bucket(db, name)

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket; raises BucketNotEmpty if it is not."""
        with self._database.write() as db:
            records.remove_bucket(db, name)

    # ── objects ──

    def put(
        self,
        bucket: str,
        key: str,
        stream: Readable,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expected_md5: str | None = None,
        expected_size: int | None = None,
        only_if_absent: bool = False,
    ) -> ObjectInfo:
        """Store everything that `stream` gives; on the disk when this returns, untouched if it raises.

        `expected_md5` is hexadecimal, `headers` are those that `Attributes` allows.

        Raises:
            S3Error: BadDigest, IncompleteBody, PreconditionFailed (`only_if_absent`), or a name or attribute is bad.
        """
        check_key(key)
        attributes = _attributes(content_type, metadata, tags, headers)
        self.need_bucket(bucket)
        with self._received(stream, expected_md5, expected_size) as blob:
            info = self._info(bucket, key, blob.size, blob.md5, attributes)
            with self._database.write() as db:
                records.need_bucket(db, bucket)
                _check_absent(db, bucket, key, only_if_absent)
                replaced = records.put_object(db, info, [Piece(blob.name, 0, blob.size)])
        self._blobs.discard(replaced)
        return info

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """What is known about an object, or None."""
        with self._database.read() as db:
            records.need_bucket(db, bucket)
            return records.find_object(db, bucket, key)

    def open(self, bucket: str, key: str) -> ObjectReader:
        """The object's bytes as a seekable file, to be closed by the caller."""
        found: list[ObjectInfo] = []

        def find() -> list[Piece]:
            with self._database.read() as db:
                info, content = records.need_object(db, bucket, key)
                found.append(info)
                return records.pieces(db, content)

        return ObjectReader(self._blobs.open(find), found[0])

    def copy(
        self,
        source_bucket: str,
        source_key: str,
        bucket: str,
        key: str,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ObjectInfo:
        """Make a second object of the same bytes and etag; what is None is taken over from the source."""
        check_key(key)
        with self._database.write() as db:
            source, content = records.need_object(db, source_bucket, source_key)
            records.need_bucket(db, bucket)
            attributes = Attributes(
                source.content_type if content_type is None else content_type,
                source.metadata if metadata is None else metadata,
                source.tags if tags is None else tags,
                source.headers if headers is None else headers,
            )
            info = self._info(bucket, key, source.size, source.etag, attributes)
            replaced = records.put_object(db, info, records.pieces(db, content))
        self._blobs.discard(replaced)
        return info

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; a missing one is fine."""
        with self._database.write() as db:
            records.need_bucket(db, bucket)
            removed = records.remove_object(db, bucket, key)
        self._blobs.discard(removed)

    def list(self, bucket: str, *, prefix: str = "", start_after: str = "", limit: int = 1000) -> list[ObjectInfo]:
        """The first `limit` objects behind `start_after`, in the order of their keys' UTF-8 bytes."""
        with self._database.read() as db:
            records.need_bucket(db, bucket)
            return records.list_objects(db, bucket, prefix, start_after, limit)

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str], *, only_if_etag: str | None = None) -> None:
        """Replace all tags of an object; raises PreconditionFailed if it has another etag than `only_if_etag`."""
        check_tags(tags)
        with self._database.write() as db:
            if only_if_etag not in (None, records.need_object(db, bucket, key)[0].etag):
                raise S3Error("PreconditionFailed", f"The object {key!r} is not the one that was expected.")
            records.set_tags(db, bucket, key, dict(tags))

    def get_tags(self, bucket: str, key: str) -> dict[str, str]:
        """The tags of an object."""
        with self._database.read() as db:
            return dict(records.need_object(db, bucket, key)[0].tags)

    def delete_tags(self, bucket: str, key: str) -> None:
        """Take all tags off an object."""
        self.set_tags(bucket, key, {})

    # ── multipart uploads ──

    def create_upload(
        self,
        bucket: str,
        key: str,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Begin a multipart upload and return its id."""
        check_key(key)
        attributes = _attributes(content_type, metadata, tags, headers)
        upload = UploadInfo(secrets.token_hex(16), bucket, key, self._clock())
        with self._database.write() as db:
            records.need_bucket(db, bucket)
            records.add_upload(db, upload, attributes)
        return upload.id

    def put_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        stream: Readable,
        *,
        expected_md5: str | None = None,
        expected_size: int | None = None,
    ) -> PartInfo:
        """Store (or replace) one part; durable when this returns."""
        check_part_number(number)
        self._need_upload(bucket, key, upload_id)
        with self._received(stream, expected_md5, expected_size) as blob:
            part = PartInfo(number, blob.size, blob.md5, self._clock())
            replaced = self._put_part(bucket, key, upload_id, part, [Piece(blob.name, 0, blob.size)])
        self._blobs.discard(replaced)
        return part

    def copy_part(
        self, bucket: str, key: str, upload_id: str, number: int, source: ObjectReader, start: int, size: int
    ) -> PartInfo:
        """Make `size` bytes from `start` of an open object a part; they are read (for the etag) but not written."""
        check_part_number(number)
        self._need_upload(bucket, key, upload_id)
        part = PartInfo(number, size, _md5(source, start, size), self._clock())
        raw: PieceReader = source.raw  # type: ignore[assignment]  # ObjectReader is only ever made of one
        replaced = self._put_part(bucket, key, upload_id, part, raw.pieces(start, size))
        self._blobs.discard(replaced)
        return part

    def list_parts(
        self, bucket: str, key: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> Sequence[PartInfo]:
        """The first `limit` parts with a number above `after`, in order."""
        with self._database.read() as db:
            records.need_upload(db, bucket, key, upload_id)
            return records.list_parts(db, upload_id, after, limit)

    def complete_upload(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[tuple[int, str]],
        *,
        only_if_absent: bool = False,
    ) -> ObjectInfo:
        """Make the object of these (number, etag) parts; asking again after success gives the same answer.

        Raises:
            S3Error: InvalidPart, InvalidPartOrder, EntityTooSmall (a part but the last is below 5 MiB) or
                PreconditionFailed.
        """
        with self._database.write() as db:
            if records.is_result_of(db, bucket, key, upload_id):
                return records.need_object(db, bucket, key)[0]
            attributes = records.need_upload(db, bucket, key, upload_id)
            _check_absent(db, bucket, key, only_if_absent)
            chosen = _choose(records.list_parts(db, upload_id, 0, -1), parts)
            info = self._info(bucket, key, sum(part.size for part in chosen), _joint_etag(chosen), attributes)
            pieces = records.part_pieces(db, upload_id, [part.number for part in chosen])
            replaced = records.put_object(db, info, pieces, upload=upload_id)
            unused = records.remove_upload(db, upload_id)
        self._blobs.discard([*replaced, *unused])
        return info

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Forget a multipart upload and its parts."""
        with self._database.write() as db:
            records.need_upload(db, bucket, key, upload_id)
            removed = records.remove_upload(db, upload_id)
        self._blobs.discard(removed)

    def list_uploads(
        self, bucket: str, *, prefix: str = "", start_after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> Sequence[UploadInfo]:
        """The first `limit` unfinished uploads behind a (key, id), ordered by key and id."""
        with self._database.read() as db:
            records.need_bucket(db, bucket)
            return records.list_uploads(db, bucket, prefix, start_after, limit)

    # ── inside ──

    @contextmanager
    def _received(self, stream: Readable, md5: str | None, size: int | None) -> Iterator[Blob]:
        blob = self._blobs.write(stream, expected_md5=md5, expected_size=size)
        try:
            yield blob
        except BaseException:
            self._blobs.discard([blob.name])
            raise

    def _info(self, bucket: str, key: str, size: int, etag: str, attributes: Attributes) -> ObjectInfo:
        return ObjectInfo(
            bucket, key, size, etag, attributes.content_type, attributes.metadata, attributes.tags,
            self._clock(), attributes.headers,
        )  # fmt: skip

    def _need_upload(self, bucket: str, key: str, upload_id: str) -> None:
        with self._database.read() as db:
            records.need_upload(db, bucket, key, upload_id)

    def _put_part(
        self, bucket: str, key: str, upload_id: str, part: PartInfo, pieces: Sequence[Piece]
    ) -> Sequence[str]:
        with self._database.write() as db:
            records.need_upload(db, bucket, key, upload_id)
            return records.put_part(db, upload_id, part, pieces)

    def _is_used(self, blob: str) -> bool:
        with self._database.read() as db:
            return records.is_used(db, blob)

    def _used_blobs(self, start: str) -> set[str]:
        with self._database.read() as db:
            return records.used_blobs(db, start)


def _lock(root: Path) -> FileLock:
    lock = FileLock(root / "lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HcaError(f"Another process uses the object store in {root}.", hint="Stop it first.") from None
    return lock


def _attributes(
    content_type: str | None,
    metadata: Mapping[str, str] | None,
    tags: Mapping[str, str] | None,
    headers: Mapping[str, str] | None,
) -> Attributes:
    attributes = Attributes(metadata=metadata or {}, tags=tags or {}, headers=headers or {})
    return replace(attributes, content_type=content_type) if content_type else attributes


def _check_absent(db: sqlite3.Connection, bucket: str, key: str, only_if_absent: bool) -> None:
    if only_if_absent and records.find_object(db, bucket, key):
        raise S3Error("PreconditionFailed", f"There is already an object {key!r}.")


def _md5(source: ObjectReader, start: int, size: int) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    source.seek(start)
    while size and (block := source.read(min(BLOCK, size))):
        digest.update(block)
        size -= len(block)
    if size:
        raise S3Error("InvalidRange", "The range to copy is not inside the source object.")
    return digest.hexdigest()


def _choose(present: Sequence[PartInfo], wanted: Sequence[tuple[int, str]]) -> list[PartInfo]:
    numbers = [number for number, _ in wanted]
    if not wanted or any(a >= b for a, b in pairwise(numbers)):
        raise S3Error("InvalidPartOrder", "Parts must be given once each, in ascending order.")
    by_number = {part.number: part for part in present}
    for number, etag in wanted:
        if number not in by_number or by_number[number].etag != etag:
            raise S3Error("InvalidPart", f"Part {number} was not uploaded, or its etag is another one.")
    chosen = [by_number[number] for number in numbers]
    if any(part.size < MIN_PART_SIZE for part in chosen[:-1]):
        raise S3Error("EntityTooSmall", "All parts but the last must have at least 5 MiB.")
    return chosen


def _joint_etag(parts: Sequence[PartInfo]) -> str:
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
