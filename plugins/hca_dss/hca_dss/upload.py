"""Uploads a folder: every file is staged in a bucket and registered in the DSS, then a bundle is made of them.

An upload can be repeated. The UUID of a file is derived from the bundle's UUID, the file's name and its content, so a
second `upload` with the same `bundle_uuid` asks for the same files: those that the DSS has are used as they are,
with the version they got then; those that are only staged are registered; the rest is sent. Nothing has to be
remembered on either side, whichever of them was killed. The bundle itself is made last and gets a new version each
time, so a bundle that can be found is whole. Without a `bundle_uuid` a random one is chosen; a failure names it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

from hca_core.errors import ArgumentError, AuthError, HcaError, NetworkError, NotFoundError, TransferError
from hca_core.paths import check_uuid
from hca_core.transfer.job import Progress, Silent
from hca_core.transfer.pool import each
from hca_core.transfer.report import FileResult, Report
from hca_dss.sources import Source, find
from hca_dss.version import check_version, create_version

if TYPE_CHECKING:
    from hca_core.transfer.digest import Checksums
    from hca_core.transfer.objects import ObjectStore
    from hca_dss.client import DSSClient

logger = logging.getLogger(__name__)

JOBS = 8
ACCEPTED = 202
_SHOWN = 5
_UNANSWERED = 8  # files in a row to which nobody answered, after which the rest is not tried
_REPLICA_OF_SCHEME = {"s3": "aws", "gs": "gcp"}
REPLICAS = tuple(_REPLICA_OF_SCHEME.values())
_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 1.0, 60.0, 1.618


@dataclass(frozen=True)
class Staging:
    """Where files are put for the DSS to take: a bucket, and what its keys begin with."""

    scheme: str
    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Staging:
        """Read `bucket`, `bucket/prefix` or `s3://bucket/prefix`."""
        scheme, found, rest = text.partition("://")
        if not found:
            scheme, rest = "s3", text
        bucket, _, prefix = rest.strip("/").partition("/")
        if not bucket or scheme not in _REPLICA_OF_SCHEME:
            raise ArgumentError(f"{text!r} is not a staging bucket.", hint="Give a name, or s3://bucket/prefix.")
        return cls(scheme, bucket, prefix and f"{prefix}/")

    @property
    def replica(self) -> str:
        """The replica in whose cloud the bucket is."""
        return _REPLICA_OF_SCHEME[self.scheme]

    def key(self, file_uuid: str, name: str) -> str:
        """Return the key of a file: `<file uuid>/<base name>`.

        The base name is there for people only; characters that mean something in a URL become `_`.
        """
        return f"{self.prefix}{file_uuid}/{re.sub(r'[^A-Za-z0-9._+=@-]', '_', name.rpartition('/')[2])}"

    def url(self, key: str) -> str:
        """Return the URL of a key."""
        return f"{self.scheme}://{self.bucket}/{key}"


def file_uuid(bundle_uuid: str, name: str, sha256: str) -> str:
    """Return the UUID of a file of a bundle: the same for the same name and content, however often it is asked."""
    return str(uuid5(UUID(bundle_uuid), f"{name}\n{sha256}"))


def tags(sums: Checksums) -> dict[str, str]:
    """Return the object tags in which the DSS expects the checksums."""
    return {f"hca-dss-{kind}": getattr(sums, kind) for kind in ("crc32c", "s3_etag", "sha1", "sha256")}


@dataclass(frozen=True)
class Patience:
    """How long to wait for a file that the DSS copies in the background: `timeout` in seconds."""

    timeout: float
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def until(self, is_there: Callable[[], bool]) -> bool:
        """Ask again and again, at growing intervals; return False when the time is over."""
        deadline, wait = self.clock() + self.timeout, _FIRST_WAIT
        while not is_there():
            remaining = deadline - self.clock()
            if remaining <= 0:
                return False
            self.sleep(min(wait, remaining))
            wait = min(wait * _GROWTH, _LONGEST_WAIT)
        return True


@dataclass(frozen=True)
class Registered:
    """A file that the DSS has; `sent` tells whether it had to be sent for that."""

    uuid: str
    version: str
    sent: bool


@dataclass(frozen=True)
class Sender:
    """Sends the files of one bundle, from any number of threads.

    `version` is what newly registered files get. `repeated` says that an earlier upload may have left files behind.
    """

    client: DSSClient
    store: ObjectStore
    staging: Staging
    replica: str
    bundle_uuid: str
    version: str
    creator_uid: int
    repeated: bool
    patience: Patience
    progress: Progress

    def send(self, source: Source) -> Registered:
        """Make sure that the DSS has the file.

        Raises:
            HcaError, OSError: it does not.
        """
        from hca_core.transfer.digest import checksums

        sums = checksums(source.path, source.size)
        uuid = file_uuid(self.bundle_uuid, source.name, sums.sha256)
        version = self._registered_version(uuid, sums) if self.repeated else None
        if version:
            self.progress.advance(source.name, source.size)
            return Registered(uuid, version, sent=False)
        key = self.staging.key(uuid, source.name)
        if self.repeated and self._is_staged(key, source, sums):
            self.progress.advance(source.name, source.size)
        else:
            self._stage(key, source, sums)
        self._register(uuid, key, source.name)
        return Registered(uuid, self.version, sent=True)

    def _registered_version(self, uuid: str, sums: Checksums) -> str | None:
        try:
            headers = self.client.head_file(uuid=uuid, replica=self.replica).headers
        except NotFoundError:
            return None
        same = headers.get("X-DSS-SHA256", "").lower() == sums.sha256
        return check_version(headers.get("X-DSS-VERSION", "")) if same else None

    def _is_staged(self, key: str, source: Source, sums: Checksums) -> bool:
        try:
            found = self.store.head(self.staging.bucket, key)
        except AuthError:
            return False  # whoever may only write to the bucket can still send the file again
        return found is not None and found.size == source.size and tags(sums).items() <= found.tags.items()

    def _stage(self, key: str, source: Source, sums: Checksums) -> None:
        self.store.put_file(
            source.path,
            self.staging.bucket,
            key,
            content_type=source.content_type,
            tags=tags(sums),
            on_bytes=lambda count: self.progress.advance(source.name, count),
        )

    def _register(self, uuid: str, key: str, name: str) -> None:
        body = {"source_url": self.staging.url(key), "creator_uid": self.creator_uid}
        with self.client.put_file.stream(uuid=uuid, version=self.version, **body) as response:
            _ = response.content  # a body that was read leaves the connection for the next request
            accepted = response.status_code == ACCEPTED
        # The DSS takes a file into the cloud where it was staged; another replica gets it later.
        if accepted or self.replica != self.staging.replica:
            self._wait_for(uuid, name)

    def _wait_for(self, uuid: str, name: str) -> None:
        def is_there() -> bool:
            try:
                self.client.head_file(uuid=uuid, replica=self.replica, version=self.version)
            except NotFoundError:
                return False
            return True

        if not self.patience.until(is_there):
            raise TransferError(
                f"the DSS did not finish taking {name} (file {uuid}) within {self.patience.timeout:g} s",
                hint="Give it more time with --timeout-seconds.",
            )


def upload(
    client: DSSClient,
    src_dir: str | PathLike[str],
    replica: str,
    staging_bucket: str,
    timeout_seconds: float = 1200,
    bundle_uuid: str | None = None,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    store: ObjectStore | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, Any]:
    """Upload the files below `src_dir` and return `{bundle_uuid, creator_uid, replica, version, files}`.

    `staging_bucket` is a name or `s3://bucket/prefix`; what is put there stays. `timeout_seconds` is how long to wait
    for each file that the DSS takes in the background. `jobs` files are sent at a time. Give the `bundle_uuid` of an
    upload that failed to continue it.

    Raises:
        TransferError: files cannot be uploaded (then nothing was sent), or failed (then all others are kept, and no
            bundle was made).
        AuthError: the DSS or the bucket does not let us in.
    """
    if replica not in REPLICAS:
        raise ArgumentError(f"{replica!r} is not a replica.", hint=f"Replicas: {', '.join(REPLICAS)}.")
    staging = Staging.parse(staging_bucket)
    sources = find(Path(src_dir))
    for operation in ("head_file", "put_file", "put_bundle"):
        client.method(operation)  # a DSS that is not there is noticed before anything is sent
    for path in sources.skipped:
        logger.warning("%s is a link to a folder; it is not followed", path)
    sender = _sender(client, staging, replica, bundle_uuid, Patience(timeout_seconds, sleep), progress, store)
    logger.info("uploading bundle %s; if it fails, continue it with --bundle-uuid", sender.bundle_uuid)
    registered = _send_all(sender, sources.files, jobs or client.app.settings.value("transfer.jobs") or JOBS)
    try:
        return _make_bundle(sender, [(source, registered[source.name]) for source in sources.files])
    except NetworkError as error:
        advice = _advice(sender.bundle_uuid)
        raise NetworkError(error.message, url=error.url, attempts=error.attempts, hint=advice) from error


def _sender(
    client: DSSClient,
    staging: Staging,
    replica: str,
    bundle_uuid: str | None,
    patience: Patience,
    progress: Progress | None,
    store: ObjectStore | None,
) -> Sender:
    return Sender(
        client=client,
        store=store or client.app.object_store(staging.scheme),
        staging=staging,
        replica=replica,
        bundle_uuid=check_uuid(bundle_uuid) if bundle_uuid else str(uuid4()),
        version=create_version(),
        creator_uid=int(client.app.settings.value("creator_uid")),
        repeated=bundle_uuid is not None,
        patience=patience,
        progress=progress or Silent(),
    )


def _send_all(sender: Sender, sources: Sequence[Source], jobs: int) -> dict[str, Registered]:
    """Send all files; return what they are in the DSS, by name."""
    registered: dict[str, Registered] = {}
    report = Report()
    unanswered = 0
    for source in sources:
        sender.progress.add(source.name, source.size)
    with closing(each(sources, lambda source: (source, _attempt(sender, source)), jobs=jobs)) as outcomes:
        for source, outcome in outcomes:
            report.add(_result(source, outcome))
            if isinstance(outcome, Registered):
                registered[source.name] = outcome
            unanswered = unanswered + 1 if isinstance(outcome, NetworkError) else 0
            if unanswered >= _UNANSWERED:
                break  # nobody is there: the other files need not wait for the same
    if len(registered) < len(sources):
        raise _incomplete(report, len(sources), sender.bundle_uuid)
    return registered


def _result(source: Source, outcome: Registered | HcaError) -> FileResult:
    if isinstance(outcome, HcaError):
        return FileResult(source.name, source.path, "failed", source.size, error=outcome)
    return FileResult(source.name, source.path, "sent" if outcome.sent else "present", source.size)


def _attempt(sender: Sender, source: Source) -> Registered | HcaError:
    try:
        return sender.send(source)
    except AuthError:
        raise  # the other files would be refused as well
    except HcaError as error:
        return error
    except OSError as error:
        return TransferError(f"{source.path} cannot be read: {error.strerror or error}.")
    finally:
        sender.progress.done(source.name)


def _incomplete(report: Report, total: int, bundle_uuid: str) -> TransferError:
    named = "; ".join(f"{failure.name}: {failure.error}" for failure in report.failures[:_SHOWN])
    more = f"; and {len(report.failures) - _SHOWN} more" if len(report.failures) > _SHOWN else ""
    untried = f" and {total - report.files} were not tried" if report.files < total else ""
    first = report.failures[0].error
    advice = _advice(bundle_uuid)
    return TransferError(
        f"No bundle was made, because {len(report.failures)} of {total} files failed{untried}: {named}{more}",
        report=report,
        hint=f"{first.hint} {advice}" if first and first.hint else advice,
    )


def _advice(bundle_uuid: str) -> str:
    return f"Upload again with --bundle-uuid {bundle_uuid}: what has arrived is not sent again."


def _make_bundle(sender: Sender, files: Sequence[tuple[Source, Registered]]) -> dict[str, Any]:
    sender.client.put_bundle(
        uuid=sender.bundle_uuid,
        version=sender.version,
        replica=sender.replica,
        creator_uid=sender.creator_uid,
        files=[
            {"uuid": file.uuid, "version": file.version, "name": source.name, "indexed": source.indexed}
            for source, file in files
        ],
    )
    return {
        "bundle_uuid": sender.bundle_uuid,
        "creator_uid": sender.creator_uid,
        "replica": sender.replica,
        "version": sender.version,
        "files": [
            {"name": source.name, "version": file.version, "uuid": file.uuid, "creator_uid": sender.creator_uid}
            for source, file in files
        ],
    }
