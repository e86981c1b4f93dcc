"""The S3 protocol in front of an object store, as a WSGI application."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hca_local.s3 import body, buckets, objects, response, uploads
from hca_local.s3.errors import S3Error
from hca_local.s3.request import Request, Target, parse_target, signed_request
from hca_local.s3.response import Response
from hca_local.s3.signing import AccessKey, Keyring, SignedRequest, verify
from hca_local.s3.store import ObjectStore

__all__ = ["S3App"]

_log = logging.getLogger(__name__)

Handler = Callable[[ObjectStore, Request], Response]
Rule = Callable[[AccessKey, Target], bool]


@dataclass(frozen=True)
class Operation:
    """What to do, and which access keys may ask for it."""

    handler: Handler
    allowed: Rule


def _any_bucket(access_key: AccessKey, _: Target) -> bool:
    return access_key.unrestricted


def _this_bucket(access_key: AccessKey, target: Target) -> bool:
    return access_key.bucket in (None, target.bucket) or target.bucket in access_key.readable


def _this_prefix(access_key: AccessKey, target: Target) -> bool:
    return access_key.may_read(target.bucket, target.query.get("prefix", ""))


def _read_object(access_key: AccessKey, target: Target) -> bool:
    return access_key.may_read(target.bucket, target.key)


def _this_object(access_key: AccessKey, target: Target) -> bool:
    return access_key.allows(target.bucket, target.key)


def _delete_object(access_key: AccessKey, target: Target) -> bool:
    return access_key.may_delete and access_key.allows(target.bucket, target.key)


# (method, level, what selects it): the parameters of _SELECTORS in the query, and "copy" with a source to copy from.
_OPERATIONS = {
    ("GET", "service", ""): Operation(buckets.list_buckets, _any_bucket),
    ("PUT", "bucket", ""): Operation(buckets.create_bucket, _any_bucket),
    ("HEAD", "bucket", ""): Operation(buckets.head_bucket, _this_bucket),
    ("DELETE", "bucket", ""): Operation(buckets.delete_bucket, _any_bucket),
    ("GET", "bucket", "location"): Operation(buckets.bucket_location, _this_bucket),
    ("GET", "bucket", ""): Operation(buckets.list_objects_v1, _this_prefix),
    ("GET", "bucket", "list-type"): Operation(buckets.list_objects_v2, _this_prefix),
    ("GET", "bucket", "uploads"): Operation(uploads.list_uploads, _this_prefix),
    # Each key in the body is checked on its own.
    ("POST", "bucket", "delete"): Operation(buckets.delete_objects, _this_bucket),
    ("PUT", "object", ""): Operation(objects.put_object, _this_object),
    ("PUT", "object", "copy"): Operation(objects.copy_object, _this_object),
    ("GET", "object", ""): Operation(objects.get_object, _read_object),
    ("HEAD", "object", ""): Operation(objects.head_object, _read_object),
    ("DELETE", "object", ""): Operation(objects.delete_object, _delete_object),
    ("GET", "object", "tagging"): Operation(objects.get_tagging, _read_object),
    ("PUT", "object", "tagging"): Operation(objects.put_tagging, _this_object),
    ("DELETE", "object", "tagging"): Operation(objects.delete_tagging, _this_object),
    ("POST", "object", "uploads"): Operation(uploads.create_upload, _this_object),
    ("PUT", "object", "partNumber uploadId"): Operation(uploads.upload_part, _this_object),
    ("PUT", "object", "copy partNumber uploadId"): Operation(uploads.upload_part_copy, _this_object),
    ("GET", "object", "uploadId"): Operation(uploads.list_parts, _this_object),
    ("POST", "object", "uploadId"): Operation(uploads.complete_upload, _this_object),
    ("DELETE", "object", "uploadId"): Operation(uploads.abort_upload, _this_object),
}

# Parameters that make a request another operation, ours or one that is not there: ignoring them would do harm.
# fmt: off
_SELECTORS = frozenset({
    "accelerate", "acl", "analytics", "append", "attributes", "cors", "delete", "encryption", "intelligent-tiering",
    "inventory", "legal-hold", "lifecycle", "list-type", "location", "logging", "metadataConfiguration",
    "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "partNumber", "policy",
    "policyStatus", "publicAccessBlock", "rename", "replication", "requestPayment", "restore", "retention", "select",
    "session", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
})
# fmt: on

# Headers that ask for a property which the store does not give.
_REFUSED_HEADERS = (
    "x-amz-object-lock",
    "x-amz-server-side-encryption",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
    "x-amz-rename-source",
)


class S3App:
    """Answers S3 requests (path style) out of `store`, for the access keys that `keyring` knows.

    Needs a server that sets REQUEST_URI, as cheroot does: signatures are over the path as it was sent.
    """

    def __init__(
        self, store: ObjectStore, keyring: Keyring, *, region: str = "us-east-1", clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._region = region
        self._clock = clock

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id = secrets.token_hex(8)
        answer = self._answer(environ, request_id)
        common = [("x-amz-request-id", request_id), ("x-amz-bucket-region", self._region), ("Server", "hca-local")]
        start_response(answer.status_line, [*answer.headers, *common])
        return answer.body

    def _answer(self, environ: Mapping[str, Any], request_id: str) -> Response:
        # Where the end of the body is not known, nothing can follow on the connection.
        close = [("Connection", "close")]
        signed = signed_request(environ)
        try:
            length = body.content_length(signed.headers)
        except S3Error as error:
            _give_up_body(environ)
            return _failure(error, environ, request_id, close)
        whole = body.WholeBody(environ["wsgi.input"], length)
        try:
            answer = self._perform(signed, whole)
        except S3Error as error:
            answer = _failure(error, environ, request_id, close if length is None else [])
        except (ConnectionError, TimeoutError):
            # The client has gone: there is nobody to answer.
            raise
        except Exception:  # noqa: BLE001 - the client needs an answer in any case; the log gets the traceback
            _log.exception("request %s failed", request_id)
            bug = S3Error("InternalError", "Something is wrong in the object store; its log says what.")
            answer = _failure(bug, environ, request_id)
        if not whole.drain():
            _give_up_body(environ)
        return answer

    def _perform(self, signed: SignedRequest, whole: body.WholeBody) -> Response:
        target = parse_target(signed)
        proof = verify(signed, self._keyring, now=self._clock())
        operation = _select(signed, target)
        if not operation.allowed(proof.access_key, target):
            raise S3Error("AccessDenied", "This access key must not do this.")
        payload = body.payload(whole, signed.headers, proof)
        return operation.handler(self._store, Request(target, signed.headers, proof, payload))


def _select(signed: SignedRequest, target: Target) -> Operation:
    selectors = _SELECTORS & set(target.query)
    if "x-amz-copy-source" in signed.headers:
        selectors |= {"copy"}
    operation = _OPERATIONS.get((signed.method, target.level, " ".join(sorted(selectors))))
    if operation is None:
        raise S3Error("NotImplemented", "This object store does not have this operation.")
    if refused := [name for name in signed.headers if name.startswith(_REFUSED_HEADERS)]:
        raise S3Error("NotImplemented", f"This object store does not know {refused[0]}.")
    return operation


def _give_up_body(environ: Mapping[str, Any]) -> None:
    # Before it sends an answer, cheroot would make one buffer for all that is still to come.
    environ["wsgi.input"].remaining = 0


def _failure(
    error: S3Error, environ: Mapping[str, Any], request_id: str, headers: Iterable[tuple[str, str]] = ()
) -> Response:
    with_body = environ["REQUEST_METHOD"] != "HEAD"
    answer = response.error(error, environ.get("PATH_INFO", ""), request_id, with_body=with_body)
    return Response(answer.status, [*answer.headers, *headers], answer.body)
