"""Where contents are in an object store, and which of them are there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256 as new_sha256
from pathlib import Path
from typing import TYPE_CHECKING

from hca_core.errors import ArgumentError, AuthError, NotFoundError, TransferError
from hca_core.transfer.digest import EMPTY_SHA256, MIB
from hca_core.transfer.objects import NO_BUCKET
from hca_dss.filestore import home
from hca_dss.passage import temporary_folder

if TYPE_CHECKING:
    from hca_core.transfer.objects import ObjectStore

__all__ = ["Place", "Shelf"]

_LABEL = "sha256"  # in the metadata of each object


@dataclass(frozen=True)
class Place:
    """Where in an object store contents go; `prefix` is empty, or ends in a slash."""

    scheme: str
    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read `s3://bucket` or `s3://bucket/prefix`, of whichever scheme.

        Raises:
            ArgumentError: it is neither.
        """
        scheme, _, rest = text.partition("://")
        bucket, _, prefix = rest.partition("/")
        prefix = prefix.rstrip("/")
        odd = prefix and not {"", ".", ".."}.isdisjoint(prefix.split("/"))
        if not scheme or not bucket or odd or not text.isprintable():
            raise ArgumentError(
                f"{text!r} is not a place in an object store.", hint="It looks like s3://bucket or s3://bucket/prefix."
            )
        return cls(scheme.lower(), bucket, prefix and f"{prefix}/")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, sha256: str) -> str:
        """Return the key of a content: as in a folder, so that a copy of the objects is a download directory."""
        return self.prefix + "/".join(home(sha256))

    def url(self, sha256: str) -> str:
        """Return the URL of a content."""
        return f"{self.scheme}://{self.bucket}/{self.key(sha256)}"


@dataclass(frozen=True)
class Shelf:
    """The contents at one place of an object store. All methods raise what `ObjectStore.put` raises."""

    store: ObjectStore
    place: Place

    def has(self, sha256: str, size: int) -> bool | None:
        """Tell from an object's size and metadata whether it is this content; None if we may not know."""
        try:
            found = self.store.head(self.place.bucket, self.place.key(sha256), tags=False)
        except AuthError:
            return None  # who may only write can still do that
        return found is not None and (found.size, found.metadata.get(_LABEL)) == (size, sha256)

    def reads_as(self, sha256: str) -> bool:
        """Read an object, and tell whether its content has this checksum."""
        digest, block = new_sha256(), memoryview(bytearray(MIB))
        with closing(self.store.open(self.place.url(sha256))) as stream:
            while count := stream.readinto(block):
                digest.update(block[:count])
        return digest.hexdigest() == sha256

    def put(self, path: Path, sha256: str, on_bytes: Callable[[int], object] | None = None) -> None:
        """Make a file, of which this is the checksum, an object."""
        stored = self.store.put(
            path,
            self.place.bucket,
            self.place.key(sha256),
            metadata=lambda sums: {_LABEL: sums.sha256},
            on_bytes=on_bytes,
        )
        if stored.checksums.sha256 != sha256:
            raise TransferError(f"{path} changed before it was sent to {self.place.url(sha256)}.")

    def refuse_missing_bucket(self) -> None:
        """Raise a NotFoundError if there is no such bucket, and the store says so to those who only read."""
        try:
            self.store.open(self.place.url(EMPTY_SHA256)).close()
        except (AuthError, NotFoundError) as error:
            if getattr(error, "code", None) == NO_BUCKET:
                raise

    def try_out(self) -> None:
        """Put the empty content where it belongs, if it is not there: who cannot do that cannot put others."""
        if self.has(EMPTY_SHA256, 0):
            return
        with temporary_folder() as folder:
            (folder / EMPTY_SHA256).touch()
            self.put(folder / EMPTY_SHA256, EMPTY_SHA256)
