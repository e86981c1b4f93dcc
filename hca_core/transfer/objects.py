"""What an object store can do for us, whichever cloud it is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from hca_core.errors import ArgumentError
from hca_core.transfer.job import ByteStream

if TYPE_CHECKING:
    from hca_core.settings import Settings
    from hca_core.transfer.content import Content
    from hca_core.transfer.digest import Checksums

__all__ = ["NO_BUCKET", "Labels", "ListedObject", "ObjectInfo", "ObjectStore", "Stored", "split_url"]

# The code of the NotFoundError for a bucket: with it, every other object is missing, too.
NO_BUCKET = "NoSuchBucket"

Labels = Callable[["Checksums"], Mapping[str, str]]


@dataclass(frozen=True)
class ObjectInfo:
    """What a store tells about an object; `size` in bytes, `etag` without quotes.

    `is_md5` says that the ETag is known to be made of the MD5s of its bytes.
    """

    size: int
    etag: str
    content_type: str
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_md5: bool = False


@dataclass(frozen=True)
class ListedObject:
    """What a listing tells about an object; `size` in bytes, `etag` without quotes."""

    bucket: str
    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Stored:
    """An object that was made of a file: its `etag` without quotes, and the `checksums` of its content.

    `reused` is how many of its bytes an earlier call had sent, `attempts` how many requests took the others there, as
    far as is known.
    """

    etag: str
    checksums: Checksums
    reused: int = 0
    attempts: int = 1


class ObjectStore(Protocol):
    """A kind of object store. Its methods may be called from several threads at once."""

    @classmethod
    def from_settings(cls, settings: Settings) -> ObjectStore:
        """Return the store as the settings describe it, without connecting to it."""

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
        """Send a file, after checking that what arrives is what was read.

        What an earlier call that was interrupted has sent of a large file is used, as far as it is right. `metadata`
        and `tags` are functions of the checksums. `content` is what the file was found to be, if it was read already.
        `on_bytes` is told of each further piece that was sent, and of a negative number when some must be sent again;
        it is called from several threads.

        Raises:
            NotFoundError: there is no such bucket.
            AuthError: there are no credentials, or the store refuses them.
            NetworkError: the store cannot be reached.
            TransferError: the file changed while it was sent.
        """

    def head(self, bucket: str, key: str, *, tags: bool = True) -> ObjectInfo | None:
        """Return what the store knows about an object, or None if there is none; without its `tags` if not wanted.

        Raises as `put`.
        """

    def unfinished(self, bucket: str, key: str) -> int:
        """Return how many bytes of an object an interrupted call of `put` has sent. Raises as `put`."""

    def open(self, url: str, *, offset: int = 0, validator: str | None = None) -> ByteStream:
        """Open an object for reading from byte `offset` on, which makes a store an `Opener`. Raises as `put`."""


def split_url(url: str) -> tuple[str, str]:
    """Return bucket and key of a URL such as `s3://bucket/some/key`.

    Raises:
        ArgumentError: one of them is missing.
    """
    scheme, _, place = url.rpartition("://")
    bucket, _, name = place.partition("/")
    key = unquote(name)  # in which `#` and `?` mean nothing special
    if not bucket or not key:
        raise ArgumentError(f"{url!r} does not name an object.", hint=f"It looks like {scheme or 's3'}://bucket/key.")
    return bucket, key
