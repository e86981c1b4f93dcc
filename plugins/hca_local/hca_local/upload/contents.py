"""The operations on files themselves: store a small one, describe one or many."""

from __future__ import annotations

import re
from collections.abc import Mapping

from werkzeug.http import parse_options_header

from hca_core.transfer.digest import Checksums, checksums
from hca_local.problem import Problem
from hca_local.router import Answer, Call, Handler
from hca_local.s3.body import WholeBody, content_length
from hca_local.s3.store import ObjectInfo, S3Error
from hca_local.upload.areas import Areas
from hca_local.upload.bucket import Bucket
from hca_local.upload.errors import illegal, refused
from hca_local.upload.files import Files, describe
from hca_local.upload.names import check_file_name

__all__ = ["Contents"]

_MEDIA_TYPE = re.compile(r"[\w.+!#$&^-]+/[\w.+!#$&^-]+", re.ASCII)


class Contents:
    """Handlers of `/v1/area/{upload_area_uuid}/{filename}` and of `files_info`."""

    def __init__(self, areas: Areas, files: Files, bucket: Bucket) -> None:
        self._areas = areas
        self._files = files
        self._bucket = bucket

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """By operation name."""
        return {"put_v1_area": self.store, "get_v1_area": self.info, "put_v1_area_files_info": self.infos}

    # ── operations ──

    def store(self, call: Call) -> Answer:
        """Put a file into an area, as it streams in."""
        area, name = call.arguments["upload_area_uuid"], call.arguments["filename"]
        self._areas.need_writable(area)
        check_file_name(name)
        try:
            info = self._store(call, area, name, _content_type(call))
        except S3Error as error:
            raise refused(error) from error
        return Answer(201, describe(area, name, info, self._files.find(area, name)))

    def info(self, call: Call) -> Answer:
        """Describe a file."""
        area, name = call.arguments["upload_area_uuid"], call.arguments["filename"]
        self._areas.need(area)
        return Answer(200, describe(area, name, self._bucket.need(area, name), self._files.find(area, name)))

    def infos(self, call: Call) -> Answer:
        """Describe several files."""
        area = call.arguments["upload_area_uuid"]
        self._areas.need(area)
        names = [self._bucket.real_name(area, name) for name in call.body]
        return Answer(
            200, [describe(area, name, self._bucket.need(area, name), self._files.find(area, name)) for name in names]
        )

    # ── storing ──

    def _store(self, call: Call, area: str, name: str, content_type: str) -> ObjectInfo:
        length = content_length({key.lower(): value for key, value in call.headers.items()})
        body = WholeBody(call.content, length)
        with self._bucket.receive(body, content_type, length) as received:
            reader = self._bucket.open(received)
            assert reader is not None  # nobody else knows of it
            with reader:
                sums = checksums(reader, received.size)
            kept = self._same(area, name, content_type, sums)
            return kept or self._keep(received, area, name, sums)

    def _same(self, area: str, name: str, content_type: str, sums: Checksums) -> ObjectInfo | None:
        """The file if it has this type and content already."""
        info, known = self._bucket.find(area, name), self._files.find(area, name)
        if info is None or known is None or (known.etag, known.checksums) != (info.etag, sums):
            return None
        return info if info.content_type == content_type else None

    def _keep(self, received: ObjectInfo, area: str, name: str, sums: Checksums) -> ObjectInfo:
        info = self._bucket.move(received, area, name, sums)
        try:
            self._files.put(area, name, info.etag, sums)
        except Problem:  # the deletion of the area has begun, and may even be over
            self._bucket.remove(area, name)
            raise
        return info


def _content_type(call: Call) -> str:
    """The type of a file, with a `dcp-type`."""
    text = call.headers.get("Content-Type", "")
    media_type, options = parse_options_header(text)
    if not _MEDIA_TYPE.fullmatch(media_type) or not options.get("dcp-type"):
        detail = f'The content type is {text[:200]!r}; it must be like `application/json; dcp-type="metadata/donor"`.'
        raise illegal("Invalid Content-Type", detail, "invalid_content_type")
    return text
