"""Operations on the service and on buckets: create, delete, list."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from hca_local.s3 import response, xml
from hca_local.s3.errors import S3Error
from hca_local.s3.model import ObjectInfo
from hca_local.s3.request import Request
from hca_local.s3.response import Response
from hca_local.s3.store import ObjectStore

_MAX_KEYS = 1000
_LAST = "\U0010ffff"


@dataclass
class Listing:
    """One page of keys: those with the delimiter behind the prefix are rolled up; `next` is where to go on."""

    objects: list[ObjectInfo] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next: str | None = None


def list_buckets(store: ObjectStore, request: Request) -> Response:
    buckets = [
        xml.element("Bucket", [xml.element("Name", name), xml.element("CreationDate", xml.timestamp(created))])
        for name, created in store.buckets().items()
    ]
    owner = xml.element("Owner", [xml.element("ID", request.access_key.id)])
    return response.document("ListAllMyBucketsResult", [owner, xml.element("Buckets", buckets)])


def create_bucket(store: ObjectStore, request: Request) -> Response:
    store.create_bucket(request.bucket)
    return response.empty(headers=[("Location", f"/{request.bucket}")])


def head_bucket(store: ObjectStore, request: Request) -> Response:
    store.need_bucket(request.bucket)
    return response.empty()


def delete_bucket(store: ObjectStore, request: Request) -> Response:
    store.delete_bucket(request.bucket)
    return response.empty(204)


def bucket_location(store: ObjectStore, request: Request) -> Response:
    store.need_bucket(request.bucket)
    return response.document("LocationConstraint", [])


def delete_objects(store: ObjectStore, request: Request) -> Response:
    store.need_bucket(request.bucket)
    tree = request.document("Delete")
    keys = [xml.text_of(node, "Key") for node in tree.findall("Object")]
    if not 1 <= len(keys) <= _MAX_KEYS:
        raise S3Error("MalformedXML", f"Between 1 and {_MAX_KEYS} keys can be deleted at once.")
    quiet = tree.findtext("Quiet", "false").strip().lower() == "true"
    results = [_delete_one(store, request, key, quiet) for key in keys]
    return response.document("DeleteResult", results)


def list_objects_v2(store: ObjectStore, request: Request) -> Response:
    query = request.query
    token = query.get("continuation-token")
    start = _decode_token(token) if token is not None else query.get("start-after", "")
    page = _page(store, request, start)
    encode = encoder(request)
    fields = [("Name", request.bucket), ("Prefix", encode(query.get("prefix", "")))]
    fields += [("KeyCount", str(len(page.objects) + len(page.prefixes)))]
    fields += [("ContinuationToken", token)] if token is not None else []
    fields += [("StartAfter", encode(query["start-after"]))] if "start-after" in query else []
    fields += [("NextContinuationToken", _encode_token(page.next))] if page.next is not None else []
    return _list_document(request, page, fields, encode)


def list_objects_v1(store: ObjectStore, request: Request) -> Response:
    query = request.query
    marker, delimiter = query.get("marker", ""), query.get("delimiter", "")
    # A marker that is a rolled-up prefix, as NextMarker may be, stands for all keys below it.
    start = marker + _LAST if marker == roll_up(marker, query.get("prefix", ""), delimiter) else marker
    page = _page(store, request, start)
    encode = encoder(request)
    fields = [("Name", request.bucket), ("Prefix", encode(query.get("prefix", ""))), ("Marker", encode(marker))]
    fields += [("NextMarker", encode(page.next.removesuffix(_LAST)))] if page.next is not None else []
    return _list_document(request, page, fields, encode)


def encoder(request: Request) -> Callable[[str], str]:
    """How keys are written in this answer: percent-encoded if asked for, else as they are."""
    kind = request.query.get("encoding-type", "")
    if kind not in ("", "url"):
        raise S3Error("InvalidArgument", "encoding-type must be url.")
    return quote if kind else str


def max_items(request: Request, name: str) -> int:
    """How many items the client wants on a page, at most 1000."""
    return min(request.number(name, _MAX_KEYS), _MAX_KEYS)


def roll_up(key: str, prefix: str, delimiter: str) -> str | None:
    """The part of `key` up to the first delimiter behind the prefix, if there is one."""
    if not delimiter:
        return None
    head, found, _ = key[len(prefix) :].partition(delimiter)
    return prefix + head + found if found else None


def _page(store: ObjectStore, request: Request, start_after: str) -> Listing:
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    limit = max_items(request, "max-keys")
    page = Listing()
    last: str | None = None
    position = start_after
    while batch := store.list(request.bucket, prefix=prefix, start_after=position, limit=limit + 1):
        for info in batch:
            rolled = roll_up(info.key, prefix, delimiter)
            if rolled is not None and page.prefixes[-1:] == [rolled]:
                continue
            if len(page.objects) + len(page.prefixes) == limit:
                page.next = last
                return page
            if rolled is None:
                page.objects.append(info)
            else:
                page.prefixes.append(rolled)
            last = info.key if rolled is None else rolled + _LAST
        # Behind the last key, or behind everything that its prefix stands for.
        position = max(last or "", batch[-1].key)
    return page


def _list_document(
    request: Request, page: Listing, fields: list[tuple[str, str]], encode: Callable[[str], str]
) -> Response:
    delimiter = request.query.get("delimiter")
    fields += [("MaxKeys", str(max_items(request, "max-keys")))]
    fields += [("IsTruncated", "false" if page.next is None else "true")]
    fields += [("Delimiter", encode(delimiter))] if delimiter else []
    fields += [("EncodingType", "url")] if encode is quote else []
    children = [xml.element(name, text) for name, text in fields]
    children += [_contents(info, encode) for info in page.objects]
    children += [xml.element("CommonPrefixes", [xml.element("Prefix", encode(prefix))]) for prefix in page.prefixes]
    return response.document("ListBucketResult", children)


def _contents(info: ObjectInfo, encode: Callable[[str], str]) -> str:
    return xml.element(
        "Contents",
        [
            xml.element("Key", encode(info.key)),
            xml.element("LastModified", xml.timestamp(info.modified)),
            xml.element("ETag", f'"{info.etag}"'),
            xml.element("Size", info.size),
            xml.element("StorageClass", "STANDARD"),
        ],
    )


def _delete_one(store: ObjectStore, request: Request, key: str, quiet: bool) -> str:
    if not (request.access_key.may_delete and request.access_key.allows(request.bucket, key)):
        texts = {"Key": key, "Code": "AccessDenied", "Message": "This access key must not delete this object."}
        return xml.element("Error", [xml.element(name, text) for name, text in texts.items()])
    store.delete(request.bucket, key)
    return "" if quiet else xml.element("Deleted", [xml.element("Key", key)])


def _encode_token(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode()


def _decode_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise S3Error("InvalidArgument", "The continuation token is not one of ours.") from None
