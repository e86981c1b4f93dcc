"""What the service does with a file that has arrived: compute its checksums, and write them on it as tags."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hca_core.transfer.digest import Checksums, checksums
from hca_local.jobs import Interrupted, Job, Jobs, Task
from hca_local.router import Answer, Call, Handler
from hca_local.s3.store import ObjectInfo
from hca_local.upload.areas import Areas
from hca_local.upload.bucket import Bucket
from hca_local.upload.errors import illegal, mismatch, no_event
from hca_local.upload.files import ABORTED, CHECKSUMMED, CHECKSUMMING, FAILED, UNSCHEDULED, File, Files
from hca_local.upload.names import check_file_name, file_key

__all__ = ["LARGE", "Checksumming"]

log = logging.getLogger(__name__)

LARGE = 10 * 1024**3  # bytes; of larger files it is told at once that it will take a while

_CHECKSUM = "checksum"
_SCHEDULED = "SCHEDULED"


class Checksumming:
    """Handlers of what concerns checksums; files of more than `large` bytes are `SCHEDULED` until their turn comes."""

    def __init__(self, areas: Areas, files: Files, bucket: Bucket, jobs: Jobs, *, large: int) -> None:
        self._areas = areas
        self._files = files
        self._bucket = bucket
        self._jobs = jobs
        self._large = large

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """By operation name."""
        return {
            "get_v1_area_checksum": self.status,
            "get_v1_area_checksums": self.counts,
            "post_v1_area_update_checksum": self.update,
        }

    @property
    def tasks(self) -> Mapping[str, Task]:
        """What the jobs do, by their kind."""
        return {_CHECKSUM: self._work}

    # ── operations ──

    def announce(self, call: Call) -> Answer:
        """Take note of a file; whether it is there, the job will see."""
        area, name = call.arguments["upload_area_uuid"], call.arguments["filename"]
        self._areas.need_writable(area)
        check_file_name(name)
        self._queue(area, name)
        return Answer(202)

    def status(self, call: Call) -> Answer:
        """Tell how far the checksums of a file are."""
        area, name = call.arguments["upload_area_uuid"], call.arguments["filename"]
        self._areas.need(area)
        info = self._bucket.need(area, name)
        known = self._files.find(area, name)
        if known is None or known.etag != info.etag:
            return Answer(200, {"checksum_status": UNSCHEDULED, "checksums": None})
        sums = known.checksums and asdict(known.checksums)
        return Answer(200, {"checksum_status": known.status, "checksums": sums})

    def counts(self, call: Call) -> Answer:
        """Count the files of an area by state."""
        area = call.arguments["upload_area_uuid"]
        self._areas.need(area)
        found = self._files.counts(area)
        always = {
            "TOTAL_NUM_FILES": sum(found.values()),
            CHECKSUMMING: 0,
            CHECKSUMMED: 0,
            "CHECKSUMMING_UNSCHEDULED": found.pop(UNSCHEDULED, 0),
        }
        return Answer(200, {**always, **found})

    def update(self, call: Call) -> Answer:
        """Record what a job outside of the service reports."""
        area, event = call.arguments["upload_area_uuid"], call.arguments["checksum_id"]
        self._areas.need(area)
        file = self._files.by_event(area, event)
        if file is None:
            raise no_event("checksum", area, event)
        status = call.body["status"]
        if status == CHECKSUMMED:
            sums = _reported(call.body["payload"])
            if not self._finish(file, self._bucket.need(area, file.name), sums):
                self._give_up(file)
        else:
            self._files.update(event, status)
        return Answer(204)

    # ── jobs ──

    def _queue(self, area: str, name: str) -> None:
        info = self._bucket.find(area, name)
        if info is not None:
            self._note(area, name, info)
        # What is put there later is another job.
        arguments = {"area": area, "name": name, "etag": info and info.etag, "modified": info and info.modified}
        self._jobs.ensure(_CHECKSUM, file_key(area, name), arguments)

    def _note(self, area: str, name: str, info: ObjectInfo) -> File:
        return self._files.note(area, name, info.etag, _SCHEDULED if info.size > self._large else UNSCHEDULED)

    def _work(self, job: Job) -> str:
        area, name = job.arguments["area"], job.arguments["name"]
        info = self._bucket.find(area, name)
        if info is None:
            return "There is no such file."
        file = self._note(area, name, info)
        try:
            sums = file.checksums or self._compute(file, info)
            done = sums is not None and self._finish(file, info, sums)
        except Interrupted:
            raise
        except Exception:
            self._files.update(file.event, FAILED)
            raise
        return "Done." if done else self._give_up(file)

    def _compute(self, file: File, info: ObjectInfo) -> Checksums | None:
        """The checksums of a file; None if it is another one by now."""
        self._files.update(file.event, CHECKSUMMING)
        reader = self._bucket.open(info)
        if reader is None:
            return None
        with reader:
            return checksums(reader, info.size, on_bytes=self._jobs.go_on)

    def _finish(self, file: File, info: ObjectInfo, sums: Checksums) -> bool:
        """Write the checksums on a file, unless it is another one by now or not what its sender says."""
        claimed = info.metadata.get("crc32c")
        if claimed is None:
            log.info("The sender of %r in area %s gave no crc32c.", file.name, file.area)
        elif claimed.lower() != sums.crc32c:
            self._files.update(file.event, FAILED)
            raise mismatch(file.name, claimed, sums.crc32c)
        if info.etag != file.etag or not self._bucket.tag(info, sums):
            return False
        self._files.update(file.event, CHECKSUMMED, sums)
        return True

    def _give_up(self, file: File) -> str:
        self._files.update(file.event, ABORTED)
        self._queue(file.area, file.name)
        return "The file was replaced meanwhile."


def _reported(payload: Mapping[str, Any]) -> Checksums:
    found = payload.get("checksums")
    names = Checksums.__dataclass_fields__.keys()
    if not isinstance(found, dict) or found.keys() != names or not all(isinstance(one, str) for one in found.values()):
        raise illegal("Checksums are missing", f"CHECKSUMMED needs a payload with checksums: {', '.join(names)}.")
    return Checksums(**found)
