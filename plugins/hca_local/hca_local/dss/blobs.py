"""The bytes of files in the object store: taken in once they are proven to be what they claim, and given out."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from hca_core.transfer.digest import Checksums, checksums
from hca_local.dss.errors import conflict, illegal, unprocessable
from hca_local.dss.model import REPLICAS, Bundle, Entry, File, blob_key
from hca_local.problem import Problem
from hca_local.s3.store import ObjectInfo, ObjectReader, ObjectStore, S3Error

__all__ = ["Blobs", "Source", "blob_bucket", "bundle_key", "checkout_bucket", "parse_source"]

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
    bucket: str
    key: str


def parse_source(url: str) -> Source:
    """Return the object that `url` names.

    Raises:
        Problem: it is in no cloud that the DSS can read, or names no object.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in ("s3", "gs"):
        raise illegal(f"Files can be read from s3:// and gs://, not from {scheme[:20]}://.", "unknown_source_schema")
    bucket, _, key = rest.partition("/")
    if not bucket or not key:
        raise illegal(f"{url[:200]!r} names no object: it must be {scheme}://bucket/key.")
    return Source(url, bucket, key)


def blob_bucket(replica: str) -> str:
    """Return the bucket that holds the bytes of all files of a replica."""
    return f"dss-{replica}"


def checkout_bucket(replica: str) -> str:
    """Return the bucket that holds copies of whole bundles."""
    return f"checkout-{replica}"


def bundle_key(bundle: Bundle, name: str) -> str:
    """Return the key of a file of a bundle in the checkout bucket."""
    return f"bundles/{bundle.uuid}.{bundle.version}/{name}"


class Blobs:
    """The DSS's own buckets in the object store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._keeping = threading.Lock()
        for replica in REPLICAS:
            store.create_bucket(blob_bucket(replica))
            store.create_bucket(checkout_bucket(replica))

    def ingest(self, source: Source) -> tuple[ObjectInfo, Checksums]:
        """Take the bytes of `source` into both replicas; return what it was, and its proven checksums.

        Raises:
            Problem: it does not exist, or its checksums are missing or wrong.
        """
        try:
            with self._store.open(source.bucket, source.key) as reader:
                claimed = _claimed(reader.info)
                key = blob_key(claimed)
                if not self._is_known(key, reader.info):
                    _verify(reader, claimed)
                self._keep(reader.info, key)
                return reader.info, claimed
        except S3Error as error:
            if error.status != 404:
                raise
            raise Problem(404, "not_found", f"There is no object {source.url[:1200]}.") from None

    def open(self, file: File) -> ObjectReader:
        """Open the bytes of a file."""
        return self._store.open(blob_bucket(REPLICAS[0]), file.blob_key)

    def check_out(self, bundle: Bundle, entry: Entry, replica: str) -> str:
        """Make sure that a file of a bundle is in the checkout bucket, and return its key there."""
        bucket, key = checkout_bucket(replica), bundle_key(bundle, entry.name)
        if self._store.head(bucket, key) is None:
            self._copy(blob_bucket(replica), entry.file.blob_key, bucket, key, entry.file.content_type)
        return key

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


def _verify(reader: ObjectReader, claimed: Checksums) -> None:
    actual = asdict(checksums(reader, reader.info.size))
    for name, value in asdict(claimed).items():
        if actual[name] != value:
            title = f"The bytes of {reader.info.key} have the {name} {actual[name]}, but it is said to be {value}."
            raise unprocessable("invalid_checksum", title)
