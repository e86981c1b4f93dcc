"""Operations on multipart uploads."""

from __future__ import annotations

from hca_local.s3 import body, response, xml
from hca_local.s3.buckets import encoder, max_items
from hca_local.s3.conditions import parse_range
from hca_local.s3.errors import S3Error
from hca_local.s3.model import MAX_PARTS
from hca_local.s3.objects import (
    check_copy_conditions,
    content_type,
    copied,
    copy_source,
    header_tags,
    only_if_absent,
    stored_headers,
)
from hca_local.s3.request import Request
from hca_local.s3.response import Response
from hca_local.s3.store import ObjectStore


def create_upload(store: ObjectStore, request: Request) -> Response:
    upload_id = store.create_upload(
        request.bucket,
        request.key,
        content_type=content_type(request),
        metadata=request.metadata(),
        tags=header_tags(request),
        headers=stored_headers(request),
    )
    return response.document("InitiateMultipartUploadResult", [*_names(request), xml.element("UploadId", upload_id)])


def upload_part(store: ObjectStore, request: Request) -> Response:
    part = store.put_part(
        request.bucket,
        request.key,
        request.query["uploadId"],
        request.number("partNumber", 0),
        request.payload,
        expected_md5=body.content_md5(request.headers),
        expected_size=body.payload_size(request.headers),
    )
    return response.empty(headers=[response.etag(part.etag)])


def upload_part_copy(store: ObjectStore, request: Request) -> Response:
    with store.open(*copy_source(request)) as source:
        check_copy_conditions(source.info, request)
        text = request.headers.get("x-amz-copy-source-range")
        wanted = (0, source.info.size) if text is None else parse_range(text, source.info.size)
        if wanted is None:
            raise S3Error("InvalidArgument", "x-amz-copy-source-range must be bytes=first-last.")
        number = request.number("partNumber", 0)
        part = store.copy_part(request.bucket, request.key, request.query["uploadId"], number, source, *wanted)
    return response.document("CopyPartResult", copied(part.etag, part.modified))


def list_parts(store: ObjectStore, request: Request) -> Response:
    upload_id, limit = request.query["uploadId"], max_items(request, "max-parts")
    marker = request.number("part-number-marker", 0)
    parts = store.list_parts(request.bucket, request.key, upload_id, after=marker, limit=limit + 1)
    page = parts[:limit]
    children = [*_names(request), xml.element("UploadId", upload_id), xml.element("PartNumberMarker", marker)]
    if page and len(parts) > limit:
        children.append(xml.element("NextPartNumberMarker", page[-1].number))
    children.append(xml.element("MaxParts", limit))
    children.append(xml.element("IsTruncated", "true" if page and len(parts) > limit else "false"))
    for part in page:
        fields = [xml.element("PartNumber", part.number), xml.element("Size", part.size)]
        children.append(xml.element("Part", [*fields, *copied(part.etag, part.modified)]))
    return response.document("ListPartsResult", children)


def complete_upload(store: ObjectStore, request: Request) -> Response:
    parts = [
        (_part_number(xml.text_of(node, "PartNumber")), xml.text_of(node, "ETag").strip().strip('"'))
        for node in request.document("CompleteMultipartUpload").findall("Part")
    ]
    if not parts:
        raise S3Error("MalformedXML", "An upload is completed with at least one part.")
    upload_id = request.query["uploadId"]
    info = store.complete_upload(request.bucket, request.key, upload_id, parts, only_if_absent=only_if_absent(request))
    return response.document("CompleteMultipartUploadResult", [*_names(request), xml.element("ETag", f'"{info.etag}"')])


def abort_upload(store: ObjectStore, request: Request) -> Response:
    store.abort_upload(request.bucket, request.key, request.query["uploadId"])
    return response.empty(204)


def list_uploads(store: ObjectStore, request: Request) -> Response:
    query, encode = request.query, encoder(request)
    if query.get("delimiter"):
        raise S3Error("NotImplemented", "Uploads are listed without a delimiter.")
    limit = max_items(request, "max-uploads")
    marker = query.get("key-marker", "")
    # Without an upload id, the marker stands for all uploads of that key.
    start = (marker, query.get("upload-id-marker") or ("g" if marker else ""))
    uploads = store.list_uploads(request.bucket, prefix=query.get("prefix", ""), start_after=start, limit=limit + 1)
    page = uploads[:limit]
    more = bool(page) and len(uploads) > limit
    texts = {"Bucket": request.bucket, "KeyMarker": encode(marker), "Prefix": encode(query.get("prefix", ""))}
    if more:
        texts |= {"NextKeyMarker": encode(page[-1].key), "NextUploadIdMarker": page[-1].id}
    texts |= {"MaxUploads": str(limit), "IsTruncated": "true" if more else "false"}
    if query.get("encoding-type"):
        texts["EncodingType"] = "url"
    children = [xml.element(name, text) for name, text in texts.items()]
    for upload in page:
        fields = {"Key": encode(upload.key), "UploadId": upload.id, "Initiated": xml.timestamp(upload.started)}
        children.append(xml.element("Upload", [xml.element(name, text) for name, text in fields.items()]))
    return response.document("ListMultipartUploadsResult", children)


def _names(request: Request) -> list[str]:
    return [xml.element("Bucket", request.bucket), xml.element("Key", request.key)]


def _part_number(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and int(text.strip()[:6]) <= MAX_PARTS):
        raise S3Error("InvalidPart", f"{text[:20]!r} is not a part number.")
    return int(text)
