"""Which of the files to upload are in the area already, with the same content."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hca_core.errors import AuthError

if TYPE_CHECKING:
    from hca_core.transfer.content import Content
    from hca_core.transfer.digest import Checksums
    from hca_core.transfer.objects import ListedObject, ObjectInfo
    from hca_core.transfer.s3 import S3Store

__all__ = ["Presence"]

logger = logging.getLogger(__name__)


class Presence:
    """The files that are `listed` in an area; none, if nothing that is there matters."""

    def __init__(self, store: S3Store, listed: Iterable[ListedObject] = ()) -> None:
        self._store = store
        self._listed = {found.key: found for found in listed}
        self._lock = threading.Lock()
        self._may_look = True

    def may_have(self, key: str, size: int) -> bool:
        """Return whether there is a file of this size, so that it is worth finding out what is in the one here."""
        return key in self._listed and self._listed[key].size == size

    def has(self, key: str, content: Content, content_type: str) -> bool:
        """Return whether there is a file with this content and this type, as far as we may know."""
        if not self.may_have(key, content.size):
            return False
        sums = content.checksums
        info = self._look(key)
        if info is None:
            return self._listed[key].etag == sums.s3_etag
        return info.content_type == content_type and _is_same(info, sums)

    def has_copy(self, key: str, source: ListedObject) -> bool:
        """Return whether there is a copy of an object."""
        return self.may_have(key, source.size) and self._listed[key].etag == source.etag

    def _look(self, key: str) -> ObjectInfo | None:
        if not self._may_look:
            return None
        try:
            return self._store.head(self._listed[key].bucket, key, tags=False)
        except AuthError:
            with self._lock:
                if self._may_look:
                    self._may_look = False
                    logger.warning("files in the area may not be looked at; only their sizes and ETags are compared")
            return None


def _is_same(info: ObjectInfo, sums: Checksums) -> bool:
    """Return whether an object has this content; the crc32c on it is only what its sender said."""
    claimed = info.metadata.get("crc32c", "").lower()
    if info.is_md5 and _parts(info.etag) == _parts(sums.s3_etag):
        # The service refuses a file with a wrong claim, so the right bytes alone are not enough.
        return info.etag == sums.s3_etag and claimed in ("", sums.crc32c)
    return claimed == sums.crc32c


def _parts(etag: str) -> str:
    """Return how many parts an object was sent in; nothing if it was sent whole."""
    return etag.partition("-")[2]
