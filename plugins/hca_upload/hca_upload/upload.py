"""Uploads many files to an area: what can be sent is sent, and what cannot is told at the end.

Nothing is remembered here. Of a large file that was interrupted, the store has the parts that arrived, and only the
others are sent. With `sync`, a file that the area has already with this content is only announced to the service.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Any

from hca_core.errors import AuthError
from hca_core.transfer.job import Progress, Silent
from hca_core.transfer.ledger import open_ledger
from hca_core.transfer.pool import each
from hca_core.transfer.report import FileResult, Report, named
from hca_core.transfer.sending import JOBS, send_all
from hca_upload.announcer import Announcer
from hca_upload.errors import UploadIncomplete
from hca_upload.media_type import content_type
from hca_upload.presence import Presence
from hca_upload.sender import Outlook, Sender
from hca_upload.sources import Paths, Source, find

if TYPE_CHECKING:
    from hca_core.transfer.objects import ListedObject
    from hca_core.transfer.s3 import S3Store
    from hca_upload.area import UploadArea

__all__ = ["upload_files"]

logger = logging.getLogger(__name__)


def upload_files(
    area: UploadArea,
    file_paths: Paths,
    *,
    dcp_type: str = "data",
    target_filename: str | None = None,
    file_extension: str | None = None,
    use_transfer_acceleration: bool = True,
    report_progress: bool = False,
    sync: bool = True,
    jobs: int | None = None,
    dry_run: bool = False,
    report: str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Put files into an area and return how many there were, by what became of them, and the bytes `transferred`.

    `file_paths` is a path, or several: a file, a folder (all files below it, of which links to folders are not
    followed), or `s3://bucket/prefix` for all objects whose keys begin so, which are listed with your own credentials
    and copied inside the store. In the area, each file is called by its base name, or `target_filename` if there is
    only one; of folders and buckets only what ends in `file_extension` is taken.

    The content type is what the name suggests, with `dcp_type`. With `sync`, what is there already is not sent again.
    `use_transfer_acceleration` counts only where the store is Amazon's. `jobs` files are sent at a time; `report` names
    a file that gets one line of JSON for each; `report_progress` logs each. `dry_run` sends nothing and returns
    what would be done, with an `action` for each file: `present`, `copy`, `resume` if a part of it has arrived, `send`.

    Raises:
        UploadRefused: what was asked for makes no sense, such as two files of one name; nothing was sent.
        UploadIncomplete: some files did not arrive, or the service could not be told of them; all others did.
        NotFoundError, ApiError: there is no such area, or nothing can be put into it.
    """
    content_type("", dcp_type)  # one that makes no sense is refused before anything is sent
    settings = area.client.app.settings
    jobs = jobs or settings.value("transfer.jobs") or JOBS

    def list_objects(bucket: str, prefix: str) -> Iterable[ListedObject]:
        from hca_core.transfer.s3 import S3Store

        return S3Store.from_settings(settings).list(bucket, prefix)

    sources = find(file_paths, list_objects, target_filename=target_filename, file_extension=file_extension)
    for path in sources.skipped:
        logger.warning("%s is a link to a folder; it is not followed", path)
    with _explained():
        sender = _sender(area, area.store(accelerate=use_transfer_acceleration), dcp_type, sync, progress or Silent())
        if dry_run:
            return _foresee(sender, sources.files, jobs)

    def send(source: Source) -> FileResult:
        result = sender.send(source)
        if report_progress:
            logger.info("%s: %s", source.name, result.status)
        return result

    with _explained(), open_ledger(report) as ledger:
        send_all(sources.files, send, jobs=jobs, ledger=ledger, progress=sender.progress)
    _check(ledger.report, len(sources.files))
    return {"area": area.uuid, **ledger.report.as_record("sent", "present")}


def _sender(area: UploadArea, store: S3Store, dcp_type: str, sync: bool, progress: Progress) -> Sender:
    # Also without `sync`, an area that cannot be used is noticed before anything is sent.
    listed = islice(store.list(area.uri.bucket_name, area.key("")), None if sync else 1)
    there = [*listed]
    presence = Presence(store, there if sync else ())
    return Sender(store, area.uri, dcp_type, presence, Announcer(area.announce), progress)


@contextmanager
def _explained() -> Iterator[None]:
    """Say where the keys that are refused come from: the user has none of their own here."""
    try:
        yield
    except AuthError as error:
        error.hint = "The upload service gave the keys for this area. Has the area been deleted or locked since?"
        raise


def _foresee(sender: Sender, sources: Sequence[Source], jobs: int) -> dict[str, Any]:
    """Return what would be sent, as JSON data, sizes in bytes."""

    def foresee(source: Source) -> tuple[Source, Outlook, int]:
        return source, *sender.foresee(source)

    found = sorted(each(sources, foresee, jobs=jobs), key=lambda outlook: outlook[0].name)
    return {
        "area": sender.area.area_uuid,
        "files": [
            {"name": source.name, "path": source.place, "size": source.size, "action": action}
            for source, action, _ in found
        ],
        "total_bytes": sum(source.size for source in sources),
        "bytes_to_send": sum(to_send for _, _, to_send in found),
    }


def _check(report: Report, total: int) -> None:
    """Raise an UploadIncomplete unless all files arrived and the service knows them."""
    lost = [failure for failure in report.failures if failure.status == "failed"]
    unannounced = [failure for failure in report.failures if failure.status == "unannounced"]
    sentences = []
    if lost:
        sentences.append(f"{len(lost)} of {total} files failed: {named(lost)}.")
    if unannounced:
        sentences.append(f"{len(unannounced)} of {total} files arrived unnoticed: {named(unannounced)}.")
    if report.files < total:
        sentences.append(f"{total - report.files} files were not tried, because nobody answers.")
    if sentences:
        again = "Run the same command again with --sync: what has arrived is not sent again, only announced."
        hints = [failure.error.hint for failure in lost[:1] if failure.error and failure.error.hint]
        raise UploadIncomplete(" ".join(sentences), report=report, hint=" ".join([*hints, again]))
