"""What is asked of S3 about one object that is sent in parts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from hca_core.transfer.objects import ListedObject
from hca_core.transfer.slices import Part, Slice

__all__ = ["Ask", "Sent", "Uploads", "is_md5", "repeated"]

T = TypeVar("T")

_KEY_MANAGEMENT = ("aws:kms", "aws:kms:dsse")


class Ask(Protocol):
    """Sends a request with a boto3 client, and again if its credentials have just expired."""

    def __call__(self, request: Callable[[Any], T]) -> T: ...


@dataclass(frozen=True)
class Sent:
    """A part that the store has; `is_md5` says that its `etag` is the MD5 of its bytes, as far as is known."""

    etag: str
    size: int
    is_md5: bool = True


class Uploads:
    """The unfinished uploads of one object, each known by its id. Thread-safe.

    `attempts` is how many requests have brought parts.
    """

    def __init__(self, ask: Ask, bucket: str, key: str) -> None:
        self._ask = ask
        self._place = {"Bucket": bucket, "Key": key}
        self._lock = threading.Lock()
        self.attempts = 0

    def begin(self, about: Mapping[str, Any]) -> str:
        """Begin an upload and return its id."""
        answer = self._ask(lambda s3: s3.create_multipart_upload(**self._place, **about))
        return str(answer["UploadId"])

    def unfinished(self) -> list[str]:
        """Return the uploads of exactly this key, the newest first."""

        def listed(s3: Any) -> list[Any]:
            pages = s3.get_paginator("list_multipart_uploads")
            found = pages.paginate(Bucket=self._place["Bucket"], Prefix=self._place["Key"])
            return [upload for page in found for upload in page.get("Uploads", ())]

        own = [upload for upload in self._ask(listed) if upload["Key"] == self._place["Key"]]
        return [str(upload["UploadId"]) for upload in sorted(own, key=lambda one: one["Initiated"], reverse=True)]

    def parts(self, upload: str) -> dict[int, Sent]:
        """Return the parts that were sent, by number."""

        def listed(s3: Any) -> list[Any]:
            pages = s3.get_paginator("list_parts").paginate(**self._place, UploadId=upload)
            return [part for page in pages for part in page.get("Parts", ())]

        return {part["PartNumber"]: Sent(part["ETag"].strip('"'), part["Size"]) for part in self._ask(listed)}

    def send(self, upload: str, part: Part, body: Slice) -> Sent:
        """Send one part, instead of an earlier one with its number."""

        def send(s3: Any) -> Any:
            self._count(1)
            body.seek(0)
            return s3.upload_part(**self._place, UploadId=upload, PartNumber=part.number, Body=body)

        answer = self._ask(send)
        self._count(repeated(answer))
        return Sent(answer["ETag"].strip('"'), part.length, is_md5(answer))

    def copy(self, upload: str, part: Part, source: ListedObject) -> Sent:
        """Make a part of the same part of another object, if that is still the one that was listed."""
        last = part.start + part.length - 1
        answer = self._ask(
            lambda s3: s3.upload_part_copy(
                **self._place,
                UploadId=upload,
                PartNumber=part.number,
                CopySource={"Bucket": source.bucket, "Key": source.key},
                CopySourceIfMatch=source.etag,
                CopySourceRange=f"bytes={part.start}-{last}",
            )
        )
        return Sent(answer["CopyPartResult"]["ETag"].strip('"'), part.length, is_md5(answer))

    def complete(self, upload: str, parts: Mapping[int, Sent]) -> Sent:
        """Make the object of its parts."""
        listed = [{"PartNumber": number, "ETag": part.etag} for number, part in sorted(parts.items())]
        answer = self._ask(
            lambda s3: s3.complete_multipart_upload(**self._place, UploadId=upload, MultipartUpload={"Parts": listed})
        )
        return Sent(answer["ETag"].strip('"'), sum(part.size for part in parts.values()), is_md5(answer))

    def abort(self, upload: str) -> None:
        """Throw an upload and its parts away."""
        self._ask(lambda s3: s3.abort_multipart_upload(**self._place, UploadId=upload))

    def tag(self, tags: Mapping[str, str]) -> None:
        """Replace the tags of the object."""
        listed = [{"Key": name, "Value": value} for name, value in tags.items()]
        self._ask(lambda s3: s3.put_object_tagging(**self._place, Tagging={"TagSet": listed}))

    def _count(self, requests: int) -> None:
        with self._lock:
            self.attempts += requests


def repeated(answer: Mapping[str, Any]) -> int:
    """Return how often boto3 has repeated a request before it got this answer."""
    return int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))


def is_md5(answer: Mapping[str, Any]) -> bool:
    """Return whether an ETag is made of MD5s; where Amazon keeps the keys of an encryption it is not."""
    return answer.get("ServerSideEncryption") not in _KEY_MANAGEMENT and "SSECustomerAlgorithm" not in answer
