"""S3 answers: status, headers that cannot be broken by what is in them, and a body that is never read whole."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

from hca_local.s3 import xml
from hca_local.s3.blobs import BLOCK
from hca_local.s3.errors import S3Error
from hca_local.s3.model import ObjectInfo, check_text
from hca_local.s3.store import ObjectReader


@dataclass(frozen=True)
class Response:
    """What to send; `body` may have a `close`, which the server calls."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: Iterable[bytes] = ()

    @property
    def status_line(self) -> str:
        return f"{self.status} {HTTPStatus(self.status).phrase}"


class Stream:
    """`size` bytes of an open object from `start`, in blocks; closes the object."""

    def __init__(self, reader: ObjectReader, start: int, size: int) -> None:
        self._reader, self._start, self._remaining = reader, start, size

    def __iter__(self) -> Iterator[bytes]:
        self._reader.seek(self._start)
        while self._remaining:
            block = self._reader.read(min(BLOCK, self._remaining))
            self._remaining -= len(block)
            yield block

    def close(self) -> None:
        self._reader.close()


def document(name: str, children: Iterable[str], headers: Iterable[tuple[str, str]] = ()) -> Response:
    """An answer in XML."""
    data = xml.document(name, children)
    return Response(200, [*headers, ("Content-Type", "application/xml"), ("Content-Length", str(len(data)))], [data])


def empty(status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """An answer without a body."""
    length = [] if status in (204, 304) else [("Content-Length", "0")]
    return Response(status, [*headers, *length])


def error(failure: S3Error, resource: str, request_id: str, *, with_body: bool) -> Response:
    """The answer that says what went wrong."""
    data = xml.error_document(failure.code, failure.message, resource, request_id)
    headers = [*failure.headers, ("Content-Type", "application/xml"), ("Content-Length", str(len(data)))]
    return Response(failure.status, headers, [data] if with_body else ())


def etag(value: str) -> tuple[str, str]:
    """The ETag header."""
    return ("ETag", f'"{value}"')


def object_headers(info: ObjectInfo, overrides: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers that describe an object; `overrides` are the response-* parameters of a request."""
    stored = {"content-type": info.content_type, **info.headers, **_overridden(overrides)}
    headers = [(name.title(), _wire(value)) for name, value in stored.items()]
    headers += [(f"x-amz-meta-{name}", _metadata(value)) for name, value in info.metadata.items()]
    if info.tags:
        headers.append(("x-amz-tagging-count", str(len(info.tags))))
    return [*headers, etag(info.etag), ("Last-Modified", formatdate(info.modified, usegmt=True)),
            ("Accept-Ranges", "bytes")]  # fmt: skip


def _overridden(overrides: Mapping[str, str]) -> dict[str, str]:
    names = ("cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires")
    found = {name: overrides[f"response-{name}"] for name in names if f"response-{name}" in overrides}
    for name, value in found.items():
        check_text(name, value)
    return found


def _wire(value: str) -> str:
    return value.encode().decode("latin-1")


def _metadata(value: str) -> str:
    # As S3 does: what is not printable ASCII comes back as an encoded word (RFC 2047).
    if value.isascii() and value.isprintable() and value == value.strip():
        return value
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="
