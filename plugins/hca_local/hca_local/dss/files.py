"""The operations on files: take in, describe, hand out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from hca_core.transfer.digest import Checksums
from hca_local.dss.blobs import CHECKOUT_BUCKET, Blobs, parse_source
from hca_local.dss.checkouts import Checkouts
from hca_local.dss.errors import conflict, illegal, not_found, unprocessable
from hca_local.dss.model import File
from hca_local.dss.presign import Links, direct_url
from hca_local.dss.records import Records
from hca_local.jobs import FAILED, Job, Jobs, Task
from hca_local.problem import Problem
from hca_local.router import Answer, Call, Handler
from hca_local.s3.store import ObjectInfo

__all__ = ["Files"]

_TAKE = "take_file"
_HEADER_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff]+")


class Files:
    """Handlers of `/files/{uuid}`; what has more bytes than `async_threshold` is copied in the background."""

    def __init__(
        self,
        records: Records,
        blobs: Blobs,
        checkouts: Checkouts,
        jobs: Jobs,
        links: Links,
        *,
        async_threshold: int,
    ) -> None:
        self._records = records
        self._blobs = blobs
        self._checkouts = checkouts
        self._jobs = jobs
        self._async_threshold = async_threshold
        self._links = links

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {"put_file": self.put, "head_file": self.head, "get_file": self.get}

    @property
    def tasks(self) -> dict[str, Task]:
        """What the jobs do, by their kind."""
        return {_TAKE: self._take_in_background}

    # ── taking in ──

    def put(self, call: Call) -> Answer:
        """Register the object at `source_url` as a file."""
        wanted = _Wanted(
            call.arguments["uuid"], call.arguments["version"], call.body["creator_uid"], call.body["source_url"]
        )
        info, claimed, is_kept = self._blobs.inspect(parse_source(wanted.source_url))
        answer = {"version": wanted.version}
        if info.size > self._async_threshold and not is_kept:
            return Answer(202, {**answer, "task_id": self._take_later(wanted, _file(wanted, info, claimed)).id})
        return Answer(201 if self._take(wanted) else 200, answer)

    def _take(self, wanted: _Wanted, on_bytes: Callable[[int], object] | None = None) -> bool:
        """Copy and register a file; return whether it was not there before."""
        place = parse_source(wanted.source_url)
        file = _file(wanted, *self._blobs.ingest(place, on_bytes))
        stored, created = self._records.put_file(file, place.replica)
        if stored != file:
            raise _exists(wanted)
        return created

    def _take_later(self, wanted: _Wanted, claimed: File) -> Job:
        if self._records.file(wanted.uuid, wanted.version) not in (None, claimed):
            raise _exists(wanted)
        return self._jobs.ensure(_TAKE, _subject(wanted.uuid, wanted.version), asdict(wanted))

    def _take_in_background(self, job: Job) -> str:
        wanted = _Wanted(**job.arguments)
        self._take(wanted, self._jobs.go_on)
        return wanted.source_url

    # ── handing out ──

    def head(self, call: Call) -> Answer:
        """Describe a file in headers."""
        return Answer(200, headers=self._find(call.arguments).headers())

    def get(self, call: Call) -> Answer:
        """Redirect to the bytes of a file."""
        file = self._find(call.arguments)
        location = self._location(file, call)
        not_yet = self._checkouts.wait_for_file(call, file)
        return not_yet or Answer(302, headers={**file.headers(), "Location": location})

    def _find(self, arguments: Mapping[str, str | None]) -> File:
        uuid, version, replica = str(arguments["uuid"]), arguments["version"], arguments["replica"]
        file = self._records.file(uuid, version, replica=replica)
        if file is not None:
            return file
        if version is not None and self._records.file(uuid, version) is None:
            job = self._jobs.latest(_subject(uuid, version))
            if job is not None and job.status == FAILED:
                raise unprocessable("missing_checksum", f"The file was not copied. {job.outcome}")
        raise not_found("file", uuid, version)

    def _location(self, file: File, call: Call) -> str:
        replica, disposition = call.arguments["replica"], call.arguments["content_disposition"]
        if call.arguments["directurl"]:
            return direct_url(replica, CHECKOUT_BUCKET, file.blob_key)
        # The same bytes may belong to files of several types.
        headers = {"response-content-type": file.content_type}
        if disposition is not None:
            headers["response-content-disposition"] = _checked(disposition)
        return self._links.signed(CHECKOUT_BUCKET, file.blob_key, headers)


@dataclass(frozen=True)
class _Wanted:
    """A file that a request wants to be made."""

    uuid: str
    version: str
    creator_uid: int
    source_url: str


def _file(wanted: _Wanted, source: ObjectInfo, sums: Checksums) -> File:
    return File(wanted.uuid, wanted.version, wanted.creator_uid, source.content_type, source.size, sums)


def _subject(uuid: str, version: str) -> str:
    """Of the job that copies a file."""
    return f"file {uuid}.{version}"


def _exists(wanted: _Wanted) -> Problem:
    title = f"File {wanted.uuid} version {wanted.version} exists with other content."
    return conflict("file_already_exists", title)


def _checked(disposition: str) -> str:
    if not _HEADER_VALUE.fullmatch(disposition):
        raise illegal("content_disposition: it is empty, or has characters that a header cannot have.")
    return disposition
