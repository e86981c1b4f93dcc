"""The bytes of files in the object store: taken in once they are proven to be what they claim, and given out."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields

from hca_core.transfer.digest import Checksums, checksums
from hca_local.dss.errors import conflict, illegal, unprocessable
from hca_local.dss.model import REPLICAS, SCHEMES, Bundle, File, blob_key
from hca_local.problem import Problem
from hca_local.s3.store import ObjectInfo, ObjectReader, ObjectStore, S3Error

__all__ = ["CHECKOUT_BUCKET", "Blobs", "Source", "blob_bucket", "bundle_folder", "bundle_key", "parse_source"]

CHECKOUT_BUCKET = "checkout"  # holds the copies that users read, of both replicas, whose bytes are the same

_SHAPES = {
    "crc32c": r"[0-9a-f]{8}",
    "s3_etag": r"[0-9a-f]{32}(-([2-9]|[1-9][0-9]{1,3}|10000))?",
    "sha1": r"[0-9a-f]{40}",
    "sha256": r"[0-9a-f]{64}",
}


@dataclass(frozen=True)
class Source:
    """Where the bytes of a new file are."""

    url: str
    replica: str
    bucket: str
    key: str


def parse_source(url: str) -> Source:
    """Return the object that `url` names.

    Raises:
        Problem: it is in no cloud that the DSS can read, or names no object.
    """
    scheme, _, rest = url.partition("://")
    replica = {cloud: name for name, cloud in SCHEMES.items()}.get(scheme)
    if replica is None:
        raise illegal(f"Files can be read from s3:// and gs://, not from {scheme[:20]}://.", "unknown_source_schema")
    bucket, _, key = rest.partition("/")
    if not bucket or not key:
        raise illegal(f"{url[:200]!r} names no object: it must be {scheme}://bucket/key.")
    return Source(url, replica, bucket, key)


def blob_bucket(replica: str) -> str:
    """Return the bucket that holds the bytes of all files of a replica."""
    return f"dss-{replica}"


def bundle_folder(bundle: Bundle) -> str:
    """Return where the copies of a bundle's files are in a bucket."""
    return f"bundles/{bundle.uuid}.{bundle.version}"


def bundle_key(bundle: Bundle, name: str) -> str:
    """Return the key of the copy of one of its files."""
    return f"{bundle_folder(bundle)}/{name}"


class Blobs:
    """The DSS's own buckets in the object store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._keeping = threading.Lock()
        for replica in REPLICAS:
            store.create_bucket(blob_bucket(replica))
        store.create_bucket(CHECKOUT_BUCKET)

    def inspect(self, source: Source) -> tuple[ObjectInfo, Checksums, bool]:
        """Return what an object is, the checksums it claims, and whether its bytes are kept already.

        Raises:
            Problem: it does not exist, or has no checksums.
        """
        with _found(source):
            info = self._store.head(source.bucket, source.key)
        if info is None:
            raise _missing(source)
        claimed = _claimed(info)
        return info, claimed, self._is_known(blob_key(claimed), info)

    def ingest(self, source: Source, on_bytes: Callable[[int], object] | None = None) -> tuple[ObjectInfo, Checksums]:
        """Take the bytes of `source` into both replicas; return what it was, and its proven checksums.

        `on_bytes` is told of each piece of them that was read, and may raise to end this.

        Raises:
            Problem: it does not exist, or its checksums are missing or wrong.
        """
        with _found(source), self._store.open(source.bucket, source.key) as reader:
            claimed = _claimed(reader.info)
            key = blob_key(claimed)
            if not self._is_known(key, reader.info):
                _verify(reader, claimed, on_bytes)
            self._keep(reader.info, key)
            return reader.info, claimed

    def open(self, file: File) -> ObjectReader:
        """Open the bytes of a file."""
        return self._store.open(blob_bucket(REPLICAS[0]), file.blob_key)

    def is_open_to_copies(self, bucket: str) -> bool:
        """Return whether there is a bucket of this name to which files can be copied."""
        return bucket in self._store.buckets() and bucket not in map(blob_bucket, REPLICAS)

    def is_checked_out(self, file: File, replica: str, key: str) -> bool:
        """Return whether there is an intact copy of a file in the checkout bucket."""
        copy = self._store.head(CHECKOUT_BUCKET, key)
        if copy is None:
            return False
        blob = self._store.head(blob_bucket(replica), file.blob_key)
        return blob is not None and (copy.size, copy.etag) == (blob.size, blob.etag)

    def check_out(self, file: File, replica: str, bucket: str, key: str) -> None:
        """Copy the bytes of a file."""
        self._copy(blob_bucket(replica), file.blob_key, bucket, key, file.content_type)

    def _is_known(self, key: str, source: ObjectInfo) -> bool:
        """Whether the same bytes were proven before."""
        kept = self._store.head(blob_bucket(REPLICAS[0]), key)
        return kept is not None and (kept.size, kept.etag) == (source.size, source.etag)

    def _keep(self, source: ObjectInfo, key: str) -> None:
        # The source may be replaced while it is read; the lock keeps what is copied then from being taken for good.
        with self._keeping:
            for replica in REPLICAS:
                if self._store.head(blob_bucket(replica), key) is None:
                    self._keep_in(blob_bucket(replica), source, key)

    def _keep_in(self, bucket: str, source: ObjectInfo, key: str) -> None:
        copied = self._copy(source.bucket, source.key, bucket, key, source.content_type)
        if (copied.size, copied.etag) != (source.size, source.etag):
            self._store.delete(bucket, key)
            raise conflict("source_changed", f"The object {source.key[:1000]} was replaced while it was read.")

    def _copy(self, from_bucket: str, from_key: str, bucket: str, key: str, content_type: str) -> ObjectInfo:
        return self._store.copy(
            from_bucket, from_key, bucket, key, content_type=content_type, metadata={}, tags={}, headers={}
        )


@contextmanager
def _found(source: Source) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.status != 404:
            raise
        raise _missing(source) from None


def _missing(source: Source) -> Problem:
    return Problem(404, "not_found", f"There is no object {source.url[:1200]}.")


def _claimed(source: ObjectInfo) -> Checksums:
    """The checksums that tags and metadata of an object claim; tags win."""
    given: Mapping[str, str] = {**source.metadata, **source.tags}
    names = [field.name for field in fields(Checksums)]
    missing = [f"hca-dss-{name}" for name in names if f"hca-dss-{name}" not in given]
    if missing:
        raise unprocessable("missing_checksum", f"The object {source.key} has no tag or metadata {', '.join(missing)}.")
    values = {name: given[f"hca-dss-{name}"].lower() for name in names}
    for name, value in values.items():
        if not re.fullmatch(_SHAPES[name], value):
            raise unprocessable("invalid_checksum", f"hca-dss-{name} of {source.key} is no checksum: {value!r}.")
    return Checksums(**values)


def _verify(reader: ObjectReader, claimed: Checksums, on_bytes: Callable[[int], object] | None) -> None:
    actual = asdict(checksums(reader, reader.info.size, on_bytes=on_bytes))
    for name, value in asdict(claimed).items():
        if actual[name] != value:
            title = f"The bytes of {reader.info.key} have the {name} {actual[name]}, but it is said to be {value}."
            raise unprocessable("invalid_checksum", title)
