"""The objects in upload areas."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from urllib.parse import unquote

from hca_core.transfer.digest import Checksums
from hca_local.s3.blobs import Readable
from hca_local.s3.store import ObjectInfo, ObjectReader, ObjectStore, S3Error
from hca_local.upload.errors import no_file
from hca_local.upload.names import file_key, prefix

__all__ = ["Bucket", "tags"]

_INCOMING = "incoming/"  # of what the service itself is taking in; no area is called so
_GONE = ("NoSuchKey", "PreconditionFailed")


class Bucket:
    """The bucket with all areas, made if it is not there."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self.name = name
        self._store = store
        store.create_bucket(name)
        self._delete(_INCOMING, lambda: None)

    def find(self, area: str, name: str) -> ObjectInfo | None:
        """Return a file as it is now, or None if there is none."""
        return self._store.head(self.name, file_key(area, name))

    def need(self, area: str, name: str) -> ObjectInfo:
        """Return a file as it is now; raises a Problem if there is none."""
        info = self.find(area, name)
        if info is None:
            raise no_file(area, name)
        return info

    def real_name(self, area: str, name: str) -> str:
        """Return what a file is called that somebody calls `name`: older clients encode names in JSON.

        Raises:
            Problem: there is no such file.
        """
        found = next((one for one in (name, unquote(name)) if self.find(area, one)), None)
        if found is None:
            raise no_file(area, name)
        return found

    def open(self, info: ObjectInfo) -> ObjectReader | None:
        """Open a file if it is still the same."""
        try:
            reader = self._store.open(self.name, info.key)
        except S3Error as error:
            if error.code not in _GONE:
                raise
            return None
        if reader.info.etag == info.etag:
            return reader
        reader.close()
        return None

    def tag(self, info: ObjectInfo, checksums: Checksums) -> bool:
        """Write the checksums on a file; return whether it was still the same."""
        try:
            self._store.set_tags(self.name, info.key, tags(checksums), only_if_etag=info.etag)
        except S3Error as error:
            if error.code not in _GONE:
                raise
            return False
        return True

    @contextmanager
    def receive(self, content: Readable, content_type: str, size: int | None) -> Iterator[ObjectInfo]:
        """Take in bytes that are not in any area yet; they are gone at the end unless they were moved."""
        key = f"{_INCOMING}{uuid.uuid4()}"
        try:
            yield self._store.put(self.name, key, content, content_type=content_type, expected_size=size)
        finally:
            self._store.delete(self.name, key)

    def move(self, received: ObjectInfo, area: str, name: str, checksums: Checksums) -> ObjectInfo:
        """Make what was received a file, whole and with its tags from the first moment."""
        metadata = {"crc32c": checksums.crc32c}
        key = file_key(area, name)
        return self._store.copy(self.name, received.key, self.name, key, metadata=metadata, tags=tags(checksums))

    def remove(self, area: str, name: str) -> None:
        """Delete a file."""
        self._store.delete(self.name, file_key(area, name))

    def empty(self, area: str, go_on: Callable[[], None] = lambda: None) -> None:
        """Delete everything in an area; `go_on` is called again and again and may raise to end this."""
        for upload in self._store.list_uploads(self.name, prefix=prefix(area), limit=-1):
            go_on()
            self._store.abort_upload(self.name, upload.key, upload.id)
        self._delete(prefix(area), go_on)

    def _delete(self, start: str, go_on: Callable[[], None]) -> None:
        while batch := self._store.list(self.name, prefix=start):
            for info in batch:
                go_on()
                self._store.delete(self.name, info.key)


def tags(checksums: Checksums) -> dict[str, str]:
    """Return the tags by which the DSS knows the checksums of an object."""
    return {f"hca-dss-{name}": value for name, value in asdict(checksums).items()}
