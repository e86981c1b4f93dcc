"""Copies of files and bundles in a bucket that users can read: made on request, waited for, asked about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hca_local.dss.blobs import CHECKOUT_BUCKET, Blobs, bundle_folder, bundle_key
from hca_local.dss.errors import checkout_failed, illegal, not_found
from hca_local.dss.model import Bundle, File
from hca_local.dss.presign import direct_url
from hca_local.dss.records import Records
from hca_local.jobs import FAILED, SUCCEEDED, Job, Jobs, Task
from hca_local.problem import Problem
from hca_local.router import Answer, Call, Handler

__all__ = ["Checkouts"]

MAX_ATTEMPTS = 1000  # answers "not yet" to one request, after which its copies are given up

_BUNDLE, _FILE = "check_out_bundle", "check_out_file"


class Checkouts:
    """Handlers of `/bundles/{uuid}/checkout` and `/bundles/checkout/{checkout_job_id}`, and what needs such copies.

    With 0 `seconds` copies are made while the request waits, otherwise in the background that much later; whoever
    needs them is told to ask again after `retry_after` seconds. `now` tells unix seconds.
    """

    def __init__(
        self,
        records: Records,
        blobs: Blobs,
        jobs: Jobs,
        *,
        seconds: float,
        retry_after: int,
        now: Callable[[], float],
    ) -> None:
        self._records = records
        self._blobs = blobs
        self._jobs = jobs
        self._seconds = seconds
        self._retry_after = retry_after
        self._now = now

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {"post_bundles_checkout": self.start, "get_bundles_checkout": self.status}

    @property
    def tasks(self) -> dict[str, Task]:
        """What the jobs do, by their kind."""
        return {_BUNDLE: self._copy_bundle, _FILE: self._copy_file}

    # ── operations ──

    def start(self, call: Call) -> Answer:
        """Begin to copy a bundle to a bucket."""
        uuid, version, replica = (call.arguments[name] for name in ("uuid", "version", "replica"))
        found = self._records.bundle(uuid, version, limit=0, replica=replica)
        if found is None:
            raise not_found("bundle", uuid, version)
        bucket = (call.body or {}).get("destination", CHECKOUT_BUCKET)
        job = self._jobs.add(*_bundle_job(found[0], replica, bucket), delay=self._seconds)
        return Answer(200, {"checkout_job_id": job.id})

    def status(self, call: Call) -> Answer:
        """Tell how the copying goes."""
        id = call.arguments["checkout_job_id"].lower()
        job = self._jobs.find(id)
        if job is None or job.kind != _BUNDLE or job.arguments["replica"] != call.arguments["replica"]:
            raise not_found("checkout job", id)
        named = {SUCCEEDED: "location", FAILED: "cause"}.get(job.status)
        return Answer(200, {"status": job.status, **({named: job.outcome} if named else {})})

    # ── copies for other operations ──

    def wait_for_file(self, call: Call, file: File) -> Answer | None:
        """Return the answer to a request that needs the copy of a file; None if it is there."""
        replica = call.arguments["replica"]
        if self._blobs.is_checked_out(file, replica, file.blob_key):
            return None
        if not self._seconds:
            self._blobs.check_out(file, replica, CHECKOUT_BUCKET, file.blob_key)
            return None
        subject = f"file {file.blob_key} in {replica}"
        arguments = {"replica": replica, "uuid": file.uuid, "version": file.version}
        return self._ask_again(call, subject, lambda: self._begin(_FILE, subject, arguments))

    def wait_for_bundle(self, call: Call, bundle: Bundle) -> Answer | None:
        """Return the answer to a request that needs copies of these entries; None if all are there."""
        replica = call.arguments["replica"]
        keys = {bundle_key(bundle, entry.name): entry.file for entry in bundle.entries}
        missing = {key: file for key, file in keys.items() if not self._blobs.is_checked_out(file, replica, key)}
        if not self._seconds:
            for key, file in missing.items():
                self._blobs.check_out(file, replica, CHECKOUT_BUCKET, key)
        if not self._seconds or not missing:
            return None
        job = _bundle_job(bundle, replica, CHECKOUT_BUCKET)
        return self._ask_again(call, job[1], lambda: self._begin(*job))

    def _begin(self, kind: str, subject: str, arguments: Mapping[str, Any]) -> Job:
        return self._jobs.ensure(kind, subject, arguments, delay=self._seconds)

    def _ask_again(self, call: Call, subject: str, begin: Callable[[], Job]) -> Answer:
        """The answer "not yet"; it counts how often it was given, and ends when the copying failed."""
        given = call.arguments["token"]
        token = None if given is None else _parse_token(given)
        if token is not None:
            earlier = self._jobs.find(token.execution_id)
            if earlier is not None and earlier.subject == subject and earlier.status == FAILED:
                raise checkout_failed(f"The copy cannot be made: {earlier.outcome}")
            if token.attempts >= MAX_ATTEMPTS:
                raise checkout_failed(f"The copy was asked for {token.attempts} times and is still not there.")
            token = Token(begin().id, token.start_time, token.attempts + 1)
        else:
            token = Token(begin().id, self._now(), 0)
        location = call.link({"token": json.dumps(asdict(token))})
        return Answer(301, headers={"Location": location, "Retry-After": str(self._retry_after)})

    # ── jobs ──

    def _copy_bundle(self, job: Job) -> str:
        uuid, version, replica, bucket = (job.arguments[name] for name in ("uuid", "version", "replica", "bucket"))
        found = self._records.bundle(uuid, version, replica=replica)
        if found is None:
            raise Problem(404, "not_found", f"bundle {uuid} version {version} does not exist (FAILED)")
        if not self._blobs.is_open_to_copies(bucket):
            raise Problem(404, "not_found", f"bucket {bucket} does not exist (FAILED)")
        for entry in found[0].entries:
            self._jobs.go_on()
            self._blobs.check_out(entry.file, replica, bucket, bundle_key(found[0], entry.name))
        return direct_url(replica, bucket, bundle_folder(found[0]))

    def _copy_file(self, job: Job) -> str:
        file = self._records.file(job.arguments["uuid"], job.arguments["version"])
        assert file is not None  # files are never deleted
        replica = job.arguments["replica"]
        self._blobs.check_out(file, replica, CHECKOUT_BUCKET, file.blob_key)
        return direct_url(replica, CHECKOUT_BUCKET, file.blob_key)


def _bundle_job(bundle: Bundle, replica: str, bucket: str) -> tuple[str, str, dict[str, str]]:
    """The kind, subject and arguments of the job that copies a bundle."""
    subject = f"bundle {bundle.uuid}.{bundle.version} in {replica} to {bucket}"
    return _BUNDLE, subject, {"replica": replica, "bucket": bucket, "uuid": bundle.uuid, "version": bundle.version}


@dataclass(frozen=True)
class Token:
    """Where a request stands that was told to ask again: since when (unix seconds), and how often."""

    execution_id: str
    start_time: float
    attempts: int


_TOKEN_TYPES = {"execution_id": (str,), "start_time": (int, float), "attempts": (int,)}


def _parse_token(text: str) -> Token:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or not all(type(given.get(name)) in kinds for name, kinds in _TOKEN_TYPES.items()):
        raise illegal("token: it is not one that this service sent.", "illegal_token")
    return Token(given["execution_id"], given["start_time"], given["attempts"])
