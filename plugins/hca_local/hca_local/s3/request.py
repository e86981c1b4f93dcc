"""An S3 request as the operations see it, made from what the WSGI server passes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree.ElementTree import Element

from hca_local.s3 import body, xml
from hca_local.s3.blobs import Readable
from hca_local.s3.errors import S3Error
from hca_local.s3.model import check_bucket, check_key
from hca_local.s3.signing import AccessKey, Proof, SignedRequest, parse_query

_MAX_XML = 1024 * 1024
_META = "x-amz-meta-"


@dataclass(frozen=True)
class Target:
    """What a request is about; `bucket` and `key` are empty where the path names none."""

    bucket: str
    key: str
    query: Mapping[str, str]

    @property
    def level(self) -> str:
        """`service`, `bucket` or `object`."""
        return "object" if self.key else "bucket" if self.bucket else "service"


@dataclass(frozen=True)
class Request:
    """A request whose sender is known; `payload` checks the bytes while they are read."""

    target: Target
    headers: Mapping[str, str] = field(repr=False)
    proof: Proof = field(repr=False)
    payload: Readable = field(repr=False)

    @property
    def bucket(self) -> str:
        return self.target.bucket

    @property
    def key(self) -> str:
        return self.target.key

    @property
    def query(self) -> Mapping[str, str]:
        return self.target.query

    @property
    def access_key(self) -> AccessKey:
        return self.proof.access_key

    def number(self, name: str, default: int) -> int:
        """A query parameter that must be a number."""
        text = self.query.get(name, str(default))
        if not re.fullmatch("[0-9]{1,9}", text):
            raise S3Error("InvalidArgument", f"{name} must be a number.")
        return int(text)

    def metadata(self) -> dict[str, str]:
        """The x-amz-meta-* headers, under the names that were signed: WSGI has lost their underscores."""
        names = [name for name in self.proof.signed_headers if name.startswith(_META)]
        return {name.removeprefix(_META): header_text(self.headers[name.replace("_", "-")]) for name in names}

    def document(self, root: str) -> Element:
        """The XML body with this root element, at most 1 MiB."""
        data = body.read_all(self.payload, _MAX_XML)
        body.check_md5(data, self.headers)
        return xml.parse(data, root)


def signed_request(environ: Mapping[str, Any]) -> SignedRequest:
    """The parts of the request that are signed, exactly as sent; needs a server that sets REQUEST_URI, as cheroot."""
    path, _, query = environ["REQUEST_URI"].partition("?")
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return SignedRequest(environ["REQUEST_METHOD"], path, query, headers)


def parse_target(signed: SignedRequest) -> Target:
    """Bucket, key and query; raises S3Error if they cannot be names."""
    if not (signed.path + signed.query).isascii():
        raise S3Error("InvalidURI", "The URI is not percent-encoded.")
    bucket, _, key = _text(unquote_to_bytes(signed.path.removeprefix("/"))).partition("/")
    query = {_text(name): _text(value) for name, value in reversed(parse_query(signed.query))}
    if bucket:
        check_bucket(bucket)
    if key:
        check_key(key)
    return Target(bucket, key, query)


def header_text(value: str) -> str:
    """What a header value (Latin-1, as WSGI has it) says: UTF-8 if it can be that."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", "The URI is not percent-encoded UTF-8.") from None
