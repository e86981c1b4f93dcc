"""Copies objects inside a store, which does the work: no byte of them comes here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from hca_core.errors import ApiError, HcaError, TransferError
from hca_core.transfer.objects import ListedObject
from hca_core.transfer.pool import each
from hca_core.transfer.s3uploads import Ask, Sent, Uploads
from hca_core.transfer.slices import Part, cut

__all__ = ["Copy"]

_PARTS_AT_ONCE = 8

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Copy:
    """An object that becomes another one: whole, or in parts of `part` bytes if it has more.

    `about` is what S3 is told of the new one, which takes over nothing but the content. `turn` is taken for every
    part, and bounds how many are made in the whole process.
    """

    source: ListedObject
    bucket: str
    key: str
    part: int
    about: Mapping[str, Any]
    on_bytes: Callable[[int], object]
    turn: AbstractContextManager[Any]

    def run(self, ask: Ask) -> str:
        """Make the object and return its ETag.

        Raises:
            TransferError: the source is not any more what it was when it was listed.
            HcaError: the store refused, or nobody answered; nothing is left of what was begun.
        """
        try:
            return (
                self._whole(ask) if self.source.size <= self.part else self._parts(Uploads(ask, self.bucket, self.key))
            )
        except ApiError as error:
            if error.status != 412:
                raise
            source = f"s3://{self.source.bucket}/{self.source.key}"
            raise TransferError(
                f"{source} changed while it was copied.", hint="Copy it when it is complete."
            ) from error

    def _whole(self, ask: Ask) -> str:
        def copy(s3: Any) -> Any:
            return s3.copy_object(
                Bucket=self.bucket,
                Key=self.key,
                CopySource={"Bucket": self.source.bucket, "Key": self.source.key},
                CopySourceIfMatch=self.source.etag,
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                **self.about,
            )

        with self.turn:
            etag: str = ask(copy)["CopyObjectResult"]["ETag"]
        self.on_bytes(self.source.size)
        return etag.strip('"')

    def _parts(self, uploads: Uploads) -> str:
        upload = uploads.begin(self.about)

        def copy(part: Part) -> tuple[int, Sent]:
            with self.turn:
                sent = uploads.copy(upload, part, self.source)
            self.on_bytes(part.length)
            return part.number, sent

        try:
            made = dict(each(cut(self.source.size, self.part), copy, jobs=_PARTS_AT_ONCE))
            return uploads.complete(upload, made).etag
        except BaseException:
            _give_up(uploads, upload)
            raise


def _give_up(uploads: Uploads, upload: str) -> None:
    try:
        uploads.abort(upload)
    except HcaError as error:
        logger.info("an unfinished copy stays: %s", error)
