"""Operations on objects: put, get, copy, delete, tags."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_to_bytes

from hca_local.s3 import body, response, xml
from hca_local.s3.conditions import byte_range, check_preconditions
from hca_local.s3.errors import S3Error
from hca_local.s3.model import DEFAULT_TYPE, ObjectInfo, check_key
from hca_local.s3.request import Request, header_text
from hca_local.s3.response import Response, Stream
from hca_local.s3.store import ObjectReader, ObjectStore

_STORED = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")


def put_object(store: ObjectStore, request: Request) -> Response:
    info = store.put(
        request.bucket,
        request.key,
        request.payload,
        content_type=content_type(request),
        metadata=request.metadata(),
        tags=header_tags(request),
        headers=stored_headers(request),
        expected_md5=body.content_md5(request.headers),
        expected_size=body.payload_size(request.headers),
        only_if_absent=only_if_absent(request),
    )
    return response.empty(headers=[response.etag(info.etag)])


def get_object(store: ObjectStore, request: Request) -> Response:
    reader = store.open(request.bucket, request.key)
    try:
        return _answer(reader.info, request, reader)
    except BaseException:
        reader.close()
        raise


def head_object(store: ObjectStore, request: Request) -> Response:
    return _answer(need_object(store, request.bucket, request.key), request, None)


def delete_object(store: ObjectStore, request: Request) -> Response:
    store.delete(request.bucket, request.key)
    return response.empty(204)


def copy_object(store: ObjectStore, request: Request) -> Response:
    source_bucket, source_key = copy_source(request)
    new_attributes = _directive(request, "x-amz-metadata-directive")
    new_tags = _directive(request, "x-amz-tagging-directive")
    if (source_bucket, source_key) == (request.bucket, request.key) and not (new_attributes or new_tags):
        raise S3Error("InvalidRequest", "Copying an object to itself changes nothing.")
    check_copy_conditions(need_object(store, source_bucket, source_key), request)
    info = store.copy(
        source_bucket,
        source_key,
        request.bucket,
        request.key,
        content_type=(content_type(request) or DEFAULT_TYPE) if new_attributes else None,
        metadata=request.metadata() if new_attributes else None,
        headers=stored_headers(request) if new_attributes else None,
        tags=header_tags(request) if new_tags else None,
    )
    return response.document("CopyObjectResult", copied(info.etag, info.modified))


def get_tagging(store: ObjectStore, request: Request) -> Response:
    tags = store.get_tags(request.bucket, request.key)
    items = [xml.element("Tag", [xml.element("Key", key), xml.element("Value", value)]) for key, value in tags.items()]
    return response.document("Tagging", [xml.element("TagSet", items)])


def put_tagging(store: ObjectStore, request: Request) -> Response:
    nodes = request.document("Tagging").findall("TagSet/Tag")
    pairs = [(xml.text_of(node, "Key"), xml.text_of(node, "Value")) for node in nodes]
    store.set_tags(request.bucket, request.key, _unique(pairs))
    return response.empty()


def delete_tagging(store: ObjectStore, request: Request) -> Response:
    store.delete_tags(request.bucket, request.key)
    return response.empty(204)


def need_object(store: ObjectStore, bucket: str, key: str) -> ObjectInfo:
    """What is known about an object; raises NoSuchBucket or NoSuchKey."""
    info = store.head(bucket, key)
    if info is None:
        raise S3Error("NoSuchKey", f"There is no object {key!r} in {bucket!r}.")
    return info


def content_type(request: Request) -> str | None:
    """The Content-Type header."""
    value = request.headers.get("content-type")
    return None if value is None else header_text(value)


def stored_headers(request: Request) -> dict[str, str]:
    """The headers to give back with the object; aws-chunked is about the request only."""
    found = {name: header_text(request.headers[name]) for name in _STORED if name in request.headers}
    codings = [coding.strip() for coding in found.pop("content-encoding", "").split(",")]
    kept = ",".join(coding for coding in codings if coding not in ("", "aws-chunked"))
    return {**found, "content-encoding": kept} if kept else found


def header_tags(request: Request) -> dict[str, str]:
    """The tags of the x-amz-tagging header, which is written like a query."""
    try:
        pairs = parse_qsl(
            request.headers.get("x-amz-tagging", ""), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except ValueError:
        raise S3Error("InvalidArgument", "The header x-amz-tagging must be encoded as a query.") from None
    return _unique(pairs)


def only_if_absent(request: Request) -> bool:
    """Whether the write must not replace an object; other conditions on writes are refused rather than ignored."""
    condition = request.headers.get("if-none-match")
    if "if-match" in request.headers or condition not in (None, "*"):
        raise S3Error("NotImplemented", "The only condition for writing is If-None-Match: *.")
    return condition is not None


def copy_source(request: Request) -> tuple[str, str]:
    """Bucket and key to copy from, if the sender may touch them."""
    source, _, version = request.headers["x-amz-copy-source"].partition("?")
    if version:
        raise S3Error("NotImplemented", "There are no versions to copy from.")
    try:
        bucket, _, key = unquote_to_bytes(source.encode("latin-1")).decode().removeprefix("/").partition("/")
    except UnicodeDecodeError:
        raise S3Error("InvalidArgument", "The copy source is not percent-encoded UTF-8.") from None
    check_key(key)
    if not request.access_key.may_read(bucket, key):
        raise S3Error("AccessDenied", "This access key must not read the source object.")
    return bucket, key


def check_copy_conditions(info: ObjectInfo, request: Request) -> None:
    """Refuse a copy whose x-amz-copy-source-if-* headers do not hold."""
    if not check_preconditions(info, request.headers, "x-amz-copy-source-"):
        raise S3Error("PreconditionFailed", "The source is not the one that was asked for.")


def copied(etag: str, modified: float) -> list[str]:
    """The content of the answer to a copy."""
    return [xml.element("LastModified", xml.timestamp(modified)), xml.element("ETag", f'"{etag}"')]


def _answer(info: ObjectInfo, request: Request, reader: ObjectReader | None) -> Response:
    if not check_preconditions(info, request.headers):
        if reader:
            reader.close()
        return response.empty(304, [response.etag(info.etag)])
    headers = response.object_headers(info, request.query)
    wanted = byte_range(info, request.headers)
    start, size = wanted or (0, info.size)
    if wanted:
        headers.append(("Content-Range", f"bytes {start}-{start + size - 1}/{info.size}"))
    headers.append(("Content-Length", str(size)))
    return Response(206 if wanted else 200, headers, Stream(reader, start, size) if reader else ())


def _directive(request: Request, name: str) -> bool:
    value = request.headers.get(name, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise S3Error("InvalidArgument", f"{name} must be COPY or REPLACE.")
    return value == "REPLACE"


def _unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    tags: Mapping[str, str] = dict(pairs)
    if len(tags) < len(pairs):
        raise S3Error("InvalidTag", "A tag key is given twice.")
    return dict(tags)
