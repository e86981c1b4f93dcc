"""Brings one file into an upload area: it is sent or copied or found to be there, and the service is told."""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hca_core.errors import AuthError, TransferError
from hca_core.transfer.job import Progress
from hca_core.transfer.report import FileResult, Status
from hca_upload.announcer import Announcer
from hca_upload.errors import UploadException
from hca_upload.media_type import content_type
from hca_upload.presence import Presence
from hca_upload.sources import Source

if TYPE_CHECKING:
    from hca_core.transfer.content import Content
    from hca_core.transfer.objects import ListedObject
    from hca_core.transfer.s3 import S3Store
    from hca_upload.area_uri import UploadAreaURI

__all__ = ["Outlook", "Sender"]

Outlook = Literal["present", "copy", "resume", "send"]


@dataclass(frozen=True)
class Sender:
    """Sends files to one area, from any number of threads."""

    store: S3Store
    area: UploadAreaURI
    dcp_type: str
    presence: Presence
    announcer: Announcer
    progress: Progress

    def send(self, source: Source) -> FileResult:
        """Make sure that the area has the file and that the service knows it; return what became of it.

        Raises:
            HcaError, OSError: the file did not arrive.
        """
        result = self._copy(source, source.listed) if source.listed else self._send(source)
        error = self.announcer.tell(source.name)
        return result if error is None else replace(result, status="unannounced", error=error)

    def foresee(self, source: Source) -> tuple[Outlook, int]:
        """Return what `send` would do, and how many bytes it would send. Raises as `send`."""
        key = self._key(source)
        if source.listed:
            return ("present" if self.presence.has_copy(key, source.listed) else "copy"), 0
        size = _size(source.path)
        if self.presence.may_have(key, size) and self._is_there(source, self._read(source, size)):
            return "present", 0
        there = min(size, self.store.unfinished(self.area.bucket_name, key))
        return ("resume", size - there) if there else ("send", size)

    def _send(self, source: Source) -> FileResult:
        size = _size(source.path)
        content = self._read(source, size)
        if self._is_there(source, content):
            self.progress.advance(source.name, size)
            return FileResult(source.name, source.path, "present", size)
        stored = self.store.put(
            source.path,
            self.area.bucket_name,
            self._key(source),
            content_type=content_type(source.name, self.dcp_type),
            metadata=lambda sums: {"crc32c": sums.crc32c},
            content=content,
            on_bytes=lambda count: self.progress.advance(source.name, count),
        )
        status: Status = "resumed" if stored.reused else "sent"
        sent = max(0, size - stored.reused)
        return FileResult(source.name, source.path, status, size, sent, attempts=stored.attempts)

    def _copy(self, source: Source, listed: ListedObject) -> FileResult:
        key = self._key(source)
        if self.presence.has_copy(key, listed):
            self.progress.advance(source.name, source.size)
            return FileResult(source.name, source.path, "present", source.size, url=source.place)
        try:
            self.store.copy(
                listed,
                self.area.bucket_name,
                key,
                content_type=content_type(source.name, self.dcp_type),
                on_bytes=lambda count: self.progress.advance(source.name, count),
            )
        except AuthError as error:
            raise UploadException(
                f"{source.place} cannot be copied: {error.message}",
                hint="Who uploads to an area may copy from few buckets only. Download it, and upload the file.",
            ) from error
        return FileResult(source.name, source.path, "copied", source.size, url=source.place)

    def _read(self, source: Source, size: int) -> Content:
        from hca_core.transfer.content import read_visibly

        return read_visibly(source.path, size, source.name, self.progress)

    def _is_there(self, source: Source, content: Content) -> bool:
        return self.presence.has(self._key(source), content, content_type(source.name, self.dcp_type))

    def _key(self, source: Source) -> str:
        return f"{self.area.area_uuid}/{source.name}"


def _size(path: Path) -> int:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise TransferError(f"{path} is not a regular file.")
    return found.st_size
