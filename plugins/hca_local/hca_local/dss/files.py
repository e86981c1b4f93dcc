"""The operations on files: take in, describe, hand out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hca_local.dss.blobs import Blobs, blob_bucket, parse_source
from hca_local.dss.errors import conflict, illegal, not_found
from hca_local.dss.model import File
from hca_local.dss.presign import Links, direct_url
from hca_local.dss.records import Records
from hca_local.router import Answer, Call, Handler

__all__ = ["Files"]

_HEADER_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff]+")


class Files:
    """Handlers of `/files/{uuid}`."""

    def __init__(self, records: Records, blobs: Blobs, links: Links) -> None:
        self._records = records
        self._blobs = blobs
        self._links = links

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {"put_file": self.put, "head_file": self.head, "get_file": self.get}

    def put(self, call: Call) -> Answer:
        """Register the object at `source_url` as a file."""
        source, sums = self._blobs.ingest(parse_source(call.body["source_url"]))
        uuid, version = call.arguments["uuid"], call.arguments["version"]
        file = File(uuid, version, call.body["creator_uid"], source.content_type, source.size, sums)
        stored, created = self._records.put_file(file)
        if stored != file:
            raise conflict("file_already_exists", f"File {uuid} version {version} exists with other content.")
        return Answer(201 if created else 200, {"version": version})

    def head(self, call: Call) -> Answer:
        """Describe a file in headers."""
        return Answer(200, headers=self._find(call.arguments).headers())

    def get(self, call: Call) -> Answer:
        """Redirect to the bytes of a file."""
        file = self._find(call.arguments)
        return Answer(302, headers={**file.headers(), "Location": self._location(file, call)})

    def _find(self, arguments: Mapping[str, str | None]) -> File:
        uuid, version = str(arguments["uuid"]), arguments["version"]
        file = self._records.file(uuid, version)
        if file is None:
            raise not_found("file", uuid, version)
        return file

    def _location(self, file: File, call: Call) -> str:
        replica, disposition = call.arguments["replica"], call.arguments["content_disposition"]
        if call.arguments["directurl"]:
            return direct_url(replica, blob_bucket(replica), file.blob_key)
        # The same bytes may belong to files of several types.
        headers = {"response-content-type": file.content_type}
        if disposition is not None:
            headers["response-content-disposition"] = _checked(disposition)
        return self._links.signed(blob_bucket(replica), file.blob_key, headers)


def _checked(disposition: str) -> str:
    if not _HEADER_VALUE.fullmatch(disposition):
        raise illegal("content_disposition: it is empty, or has characters that a header cannot have.")
    return disposition
