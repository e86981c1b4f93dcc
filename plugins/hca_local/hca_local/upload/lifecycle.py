"""The operations on areas: make, find, delete, and give out access keys."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timezone

from hca_local.jobs import Job, Jobs, Task
from hca_local.router import Answer, Call, Handler
from hca_local.upload.areas import DELETED, DELETING, DELETION_QUEUED, UNLOCKED, Areas
from hca_local.upload.bucket import Bucket
from hca_local.upload.errors import not_writable
from hca_local.upload.keys import Keys
from hca_local.upload.names import area_uri

__all__ = ["Lifecycle"]

_DELETE = "delete_area"


class Lifecycle:
    """Handlers of `/v1/area/{upload_area_uuid}` and its `/credentials`."""

    def __init__(self, areas: Areas, keys: Keys, bucket: Bucket, jobs: Jobs) -> None:
        self._areas = areas
        self._keys = keys
        self._bucket = bucket
        self._jobs = jobs
        self._changing = threading.Lock()

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """By operation name."""
        return {
            "head_v1_area": self.find,
            "delete_v1_area": self.delete,
            "post_v1_area_credential": self.give_credentials,
        }

    @property
    def tasks(self) -> Mapping[str, Task]:
        """What the jobs do, by their kind."""
        return {_DELETE: self._delete_in_background}

    def create(self, call: Call) -> Answer:
        """Make an area, or find that it is there."""
        area = call.arguments["upload_area_uuid"]
        with self._changing:
            status = self._areas.status(area)
            if status == DELETED:
                self._bucket.empty(area)  # a write that began before the deletion may have ended after it
            if status in (None, DELETED):
                self._areas.add(area)
            elif status in (DELETION_QUEUED, DELETING):
                raise not_writable(area, status)
        return Answer(201, {"uri": area_uri(self._bucket.name, area)})

    def find(self, call: Call) -> Answer:
        """Tell whether an area exists."""
        self._areas.need(call.arguments["upload_area_uuid"])
        return Answer(200)

    def delete(self, call: Call) -> Answer:
        """Begin to delete an area."""
        area = call.arguments["upload_area_uuid"]
        with self._changing:
            self._areas.need(area)
            if self._areas.status(area) == UNLOCKED:
                self._areas.set_status(area, DELETION_QUEUED)
        self._jobs.add(_DELETE, area, {})
        return Answer(202)

    def give_credentials(self, call: Call) -> Answer:
        """Make an access key for an area."""
        key = self._keys.issue(call.arguments["upload_area_uuid"])
        assert key.expires_at is not None
        ends = datetime.fromtimestamp(key.expires_at, timezone.utc)
        answer = {
            "AccessKeyId": key.id,
            "SecretAccessKey": key.secret,
            "SessionToken": key.session_token,
            "Expiration": ends.isoformat(timespec="seconds"),
        }
        return Answer(201, answer, {"Cache-Control": "no-store"})

    def _delete_in_background(self, job: Job) -> str:
        area = job.subject
        if self._areas.status(area) in (DELETION_QUEUED, DELETING):
            self._areas.set_status(area, DELETING)
            self._bucket.empty(area, self._jobs.go_on)
            self._areas.set_status(area, DELETED)
        return area
