"""What a transfer is made of: jobs in, results out. Plain data, so that it can be planned, printed and pickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["ByteStream", "Opener", "Progress", "Silent", "SliceOpener", "TransferJob", "pass_over"]


@dataclass(frozen=True)
class TransferJob:
    """One file to fetch.

    `name` is what messages call it; `url` is asked for the bytes (redirects are followed); `target` is its final
    path. `size` is in bytes. `sha256` (64 lower-case hex digits) is verified before the file gets its final name; where
    no SHA-256 is known, `sha512` is, or `sha1`, or `md5`.
    `identity` says which content this is, whatever URL serves it today: a partial file left by an earlier run is
    only continued when its identity is the same.
    """

    name: str
    url: str
    target: Path
    identity: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    sha512: str | None = None
    sha1: str | None = None

    @property
    def checksum(self) -> tuple[str, str] | None:
        """The algorithm (as `hashlib` calls it) and the checksum that are verified, if any is known."""
        known = (("sha256", self.sha256), ("sha512", self.sha512), ("sha1", self.sha1), ("md5", self.md5))
        return next(((algorithm, checksum) for algorithm, checksum in known if checksum), None)


class ByteStream(Protocol):
    """An answer whose body is read piece by piece; `hca_core.http.Session.open` returns one.

    One that also has an attribute `open_slice`, a `SliceOpener`, allows several connections for a large file.
    """

    status: int
    headers: Mapping[str, str]
    url: str

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` from its start; return the number of bytes, 0 at the end."""

    def close(self) -> None:
        """Give the connection back; an unread rest is dropped."""


class SliceOpener(Protocol):
    """Opens the bytes from `start` up to `stop` of the same file, if it still has the ETag `validator`.

    Asks once, at the final address; what is answered, refusals included, is for the caller to look at.
    """

    def __call__(self, start: int, stop: int, validator: str) -> ByteStream: ...


class Opener(Protocol):
    """Opens `url` for reading from byte `offset`; `validator` is an ETag for `If-Range`."""

    def __call__(self, url: str, *, offset: int = 0, validator: str | None = None) -> ByteStream: ...


class Progress(Protocol):
    """Is told what happens; draws it, or not. Called from several threads."""

    def add(self, name: str, size: int | None) -> None:
        """A file of `size` bytes will be transferred."""

    def advance(self, name: str, count: int) -> None:
        """`count` more bytes of the file are safe (negative when they must be sent again)."""

    def done(self, name: str) -> None:
        """The file is finished, well or not."""

    def note(self, message: str) -> None:
        """One line a user should see now, such as a long wait."""


class Silent:
    """A `Progress` that draws nothing."""

    def add(self, name: str, size: int | None) -> None: ...

    def advance(self, name: str, count: int) -> None: ...

    def done(self, name: str) -> None: ...

    def note(self, message: str) -> None: ...


def pass_over(name: str, size: int, progress: Progress) -> None:
    """Tell of a file that is there already."""
    progress.add(name, size)
    progress.advance(name, size)
    progress.done(name)
