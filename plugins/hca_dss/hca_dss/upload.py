"""Uploads a folder: every file is staged in a bucket and registered in the DSS, then a bundle is made of them.

An upload can be repeated. The UUID of a file is derived from the bundle's UUID and the file's name, so a second
`upload` with the same `bundle_uuid` asks for the same files: those that the DSS has with this content are used as they
are, with the version they got then; those that are only staged are registered; of the rest, what is missing is sent.
Nothing has to be remembered on either side, whichever of them was killed. The bundle itself is made last and gets a
new version each time, so a bundle that can be found is whole. Without a `bundle_uuid` a random one is chosen; a
failure names it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hca_core.errors import ArgumentError, NetworkError, TransferError
from hca_core.paths import check_uuid
from hca_core.patience import Patience
from hca_core.transfer.job import Progress, Silent
from hca_core.transfer.ledger import Ledger, open_ledger
from hca_core.transfer.pool import each
from hca_core.transfer.report import FileResult, Report, named
from hca_core.transfer.sending import JOBS, send_all
from hca_dss.sender import Outlook, Registered, Sender
from hca_dss.sources import Source, find
from hca_dss.staging import REPLICAS, Staging
from hca_dss.version import create_version

if TYPE_CHECKING:
    from hca_core.transfer.objects import ObjectStore
    from hca_dss.client import DSSClient

logger = logging.getLogger(__name__)


def upload(
    client: DSSClient,
    src_dir: str | PathLike[str],
    replica: str,
    staging_bucket: str,
    timeout_seconds: float = 1200,
    bundle_uuid: str | None = None,
    *,
    jobs: int | None = None,
    dry_run: bool = False,
    report: str | PathLike[str] | None = None,
    progress: Progress | None = None,
    store: ObjectStore | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, Any]:
    """Upload the files below `src_dir` and return `{bundle_uuid, creator_uid, replica, version, files}`.

    `staging_bucket` is a name or `s3://bucket/prefix`; what is put there stays. `timeout_seconds` is how long to wait
    for each file that the DSS takes in the background. `jobs` files are sent at a time. Give the `bundle_uuid` of an
    upload that failed to continue it. `report` names a file that gets one line of JSON for each file.

    `dry_run` sends nothing; what would be done is returned, with an `action` for each file: `present` if the DSS has
    it, `register` if it is staged, `resume` if a part of it is, and `send`.

    Raises:
        TransferError: files cannot be uploaded (then nothing was sent), or failed (then all others are kept, and no
            bundle was made).
        AuthError: the DSS or the bucket does not let us in.
        NotFoundError: there is no such bucket.
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
    jobs = jobs or client.app.settings.value("transfer.jobs") or JOBS
    if dry_run:
        return _foresee(sender, sources.files, jobs)
    logger.info("uploading bundle %s; if it fails, continue it with --bundle-uuid", sender.bundle_uuid)
    with open_ledger(report) as ledger:
        registered = _send_all(sender, sources.files, jobs, ledger)
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


def _foresee(sender: Sender, sources: Sequence[Source], jobs: int) -> dict[str, Any]:
    """Return what would be sent, as JSON data, sizes in bytes."""

    def foresee(source: Source) -> tuple[Source, Outlook, int]:
        return source, *sender.foresee(source)

    found = sorted(each(sources, foresee, jobs=jobs), key=lambda outlook: outlook[0].name)
    return {
        "bundle_uuid": sender.bundle_uuid,
        "replica": sender.replica,
        "files": [
            {"name": source.name, "path": str(source.path), "size": source.size, "action": action}
            for source, action, _ in found
        ],
        "total_bytes": sum(source.size for source in sources),
        "bytes_to_send": sum(to_send for _, _, to_send in found),
    }


def _send_all(sender: Sender, sources: Sequence[Source], jobs: int, ledger: Ledger) -> dict[str, Registered]:
    """Send all files; return what they are in the DSS, by name."""
    registered: dict[str, Registered] = {}

    def send(source: Source) -> FileResult:
        registered[source.name] = sender.send(source)
        return registered[source.name].result(source)

    send_all(sources, send, jobs=jobs, ledger=ledger, progress=sender.progress)
    if len(registered) < len(sources):
        raise _incomplete(ledger.report, len(sources), sender.bundle_uuid)
    return registered


def _incomplete(report: Report, total: int, bundle_uuid: str) -> TransferError:
    failures = f"{len(report.failures)} of {total} files failed"
    untried = f" and {total - report.files} were not tried" if report.files < total else ""
    first = report.failures[0].error
    advice = _advice(bundle_uuid)
    return TransferError(
        f"No bundle was made, because {failures}{untried}: {named(report.failures)}.",
        report=report,
        hint=f"{first.hint} {advice}" if first and first.hint else advice,
    )


def _advice(bundle_uuid: str) -> str:
    return f"Upload again with --bundle-uuid {bundle_uuid}: what has arrived is not sent again."


def _make_bundle(sender: Sender, files: Sequence[tuple[Source, Registered]]) -> dict[str, Any]:
    with sender.client.put_bundle.stream(
        uuid=sender.bundle_uuid,
        version=sender.version,
        replica=sender.replica,
        creator_uid=sender.creator_uid,
        files=[
            {"uuid": file.uuid, "version": file.version, "name": source.name, "indexed": source.indexed}
            for source, file in files
        ],
    ):
        pass  # the answer repeats the whole bundle, which may be large
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
