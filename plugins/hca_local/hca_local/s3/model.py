"""What the object store knows about objects, uploads and parts, and which names and attributes it accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hca_local.s3.errors import S3Error

DEFAULT_TYPE = "binary/octet-stream"
MAX_PARTS = 10_000

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_STORED_HEADERS = frozenset({"cache-control", "content-disposition", "content-encoding", "content-language", "expires"})
_MAX_KEY_BYTES = 1024
_MAX_METADATA_BYTES = 2048
_MAX_TAGS = 10


@dataclass(frozen=True)
class Attributes:
    """What a writer says about an object beside its bytes; checked when it is made.

    `headers` are answered as they are: cache-control, content-disposition, content-encoding, content-language, expires.

    Raises:
        S3Error: something could not be answered in a header again, or is more than S3 allows.
    """

    content_type: str = DEFAULT_TYPE
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_text("content type", self.content_type)
        _check_headers(self.headers)
        _check_metadata(self.metadata)
        check_tags(self.tags)


@dataclass(frozen=True)
class ObjectInfo:
    """One object as it was when it was looked up; `modified` is in unix seconds, `etag` has no quotes."""

    bucket: str
    key: str
    size: int
    etag: str
    content_type: str
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    modified: float
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UploadInfo:
    """A multipart upload that is not complete yet; `started` is in unix seconds."""

    id: str
    bucket: str
    key: str
    started: float


@dataclass(frozen=True)
class PartInfo:
    """One part of a multipart upload; `etag` is the MD5 of its bytes, `modified` is in unix seconds."""

    number: int
    size: int
    etag: str
    modified: float


@dataclass(frozen=True)
class Piece:
    """`size` bytes of the file called `blob`, from byte `start`: objects and parts are sequences of these."""

    blob: str
    start: int
    size: int


def check_bucket(name: str) -> None:
    """Refuse a bucket name that S3 would refuse."""
    if not _BUCKET.fullmatch(name) or ".." in name:
        raise S3Error("InvalidBucketName", f"{name!r} is not a bucket name: 3 to 63 of a-z, 0-9, dot and hyphen.")


def check_key(key: str) -> None:
    """Refuse an object key that is empty, too long, not Unicode or contains NUL."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise S3Error("InvalidURI", "The object key is not valid Unicode.") from None
    if size > _MAX_KEY_BYTES:
        raise S3Error("KeyTooLongError", f"The object key has {size} bytes; {_MAX_KEY_BYTES} are allowed.")
    if not key or "\0" in key:
        raise S3Error("InvalidArgument", "An object key must not be empty or contain NUL.")


def check_part_number(number: int) -> None:
    """Refuse a part number outside 1 to 10 000."""
    if not 1 <= number <= MAX_PARTS:
        raise S3Error("InvalidArgument", f"Part number must be between 1 and {MAX_PARTS}.")


def check_text(name: str, value: str) -> None:
    """Refuse a value that cannot be sent as one line of a header."""
    if _CONTROL.search(value) or not _is_unicode(value):
        raise S3Error("InvalidArgument", f"The {name} contains control characters.")


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse a tag set that S3 would refuse."""
    if len(tags) > _MAX_TAGS:
        raise S3Error("InvalidTag", f"An object has at most {_MAX_TAGS} tags.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise S3Error("InvalidTag", "A tag has a key of 1 to 128 characters and a value of at most 256.")
        if _CONTROL.search(key + value) or not _is_unicode(key + value):
            raise S3Error("InvalidTag", "A tag must not contain control characters.")


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if name not in _STORED_HEADERS:
            raise S3Error("InvalidArgument", f"{name!r} cannot be stored with an object.")
        check_text(name, value)


def _check_metadata(metadata: Mapping[str, str]) -> None:
    for name, value in metadata.items():
        if not _TOKEN.fullmatch(name):
            raise S3Error("InvalidArgument", f"{name!r} is not a metadata name: lower-case letters, digits, hyphens.")
        if not _is_unicode(value):
            raise S3Error("InvalidArgument", f"The metadata value of {name!r} is not valid Unicode.")
    if sum(len(name) + len(value.encode()) for name, value in metadata.items()) > _MAX_METADATA_BYTES:
        raise S3Error("MetadataTooLarge", f"Metadata may have {_MAX_METADATA_BYTES} bytes in all.")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
