"""Brings one file into the DSS: it is staged in a bucket and registered, or found to be there already."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from hca_core.errors import ApiError, AuthError, NotFoundError, TransferError
from hca_core.patience import Patience
from hca_core.transfer.job import Progress
from hca_core.transfer.report import FileResult
from hca_dss.sources import Source
from hca_dss.staging import Staging, file_uuid, tags
from hca_dss.version import check_version

if TYPE_CHECKING:
    from hca_core.transfer.content import Content
    from hca_core.transfer.digest import Checksums
    from hca_core.transfer.objects import ObjectStore, Stored
    from hca_dss.client import DSSClient

__all__ = ["Outlook", "Registered", "Sender"]

_ACCEPTED = 202
_MOMENT = 30.0  # seconds

Outlook = Literal["present", "register", "resume", "send"]


@dataclass(frozen=True)
class Registered:
    """A file that the DSS has.

    `is_new` tells whether it had to be registered, `sent` how many bytes were sent, `attempts` in how many requests.
    """

    uuid: str
    version: str
    is_new: bool
    sent: int
    attempts: int = 0

    def result(self, source: Source) -> FileResult:
        """Return what became of the file."""
        status: Literal["present", "resumed", "sent"] = "sent" if self.sent == source.size else "resumed"
        became = status if self.is_new else "present"
        return FileResult(source.name, source.path, became, source.size, self.sent, attempts=self.attempts)


@dataclass(frozen=True)
class Sender:
    """Sends the files of one bundle, from any number of threads.

    `version` is what newly registered files get. `repeated` says that an earlier upload may have left files behind:
    then each is read before it is asked for.
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
        uuid, key = self._identity(source)
        content = self._read(source) if self.repeated else None
        version = self._registered_version(uuid, content.checksums) if content else None
        if version:
            self.progress.advance(source.name, source.size)
            return Registered(uuid, version, is_new=False, sent=0)
        if content and self._is_staged(key, source, content.checksums):
            self.progress.advance(source.name, source.size)
            sent = attempts = 0
        else:
            stored = self._stage(key, source, content)
            sent, attempts = max(0, source.size - stored.reused), stored.attempts
        self._register_staged(uuid, key, source, content)
        return Registered(uuid, self.version, is_new=True, sent=sent, attempts=attempts)

    def foresee(self, source: Source) -> tuple[Outlook, int]:
        """Return what `send` would do, and how many bytes it would send. Raises as `send`."""
        if not self.repeated:
            return "send", source.size
        uuid, key = self._identity(source)
        content = self._read(source)
        if self._registered_version(uuid, content.checksums):
            return "present", 0
        if self._is_staged(key, source, content.checksums):
            return "register", 0
        there = min(source.size, self.store.unfinished(self.staging.bucket, key))
        return ("resume", source.size - there) if there else ("send", source.size)

    def _identity(self, source: Source) -> tuple[str, str]:
        uuid = file_uuid(self.bundle_uuid, source.name)
        return uuid, self.staging.key(uuid, source.name)

    def _read(self, source: Source) -> Content:
        from hca_core.transfer.content import read_visibly

        return read_visibly(source.path, source.size, source.name, self.progress)

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

    def _stage(self, key: str, source: Source, content: Content | None) -> Stored:
        return self.store.put(
            source.path,
            self.staging.bucket,
            key,
            content_type=source.content_type,
            tags=tags,
            content=content,
            on_bytes=lambda count: self.progress.advance(source.name, count),
        )

    def _register_staged(self, uuid: str, key: str, source: Source, content: Content | None) -> None:
        try:
            self._register(uuid, key, source.name)
        except ApiError as error:
            if error.code != "missing_checksum" or content is None:
                raise
            # Another upload of this file has just replaced it, and will say in a moment what is in it.
            sums, moment = content.checksums, replace(self.patience, timeout=min(_MOMENT, self.patience.timeout))
            if not moment.until(lambda: self._is_staged(key, source, sums)):
                raise
            self._register(uuid, key, source.name)

    def _register(self, uuid: str, key: str, name: str) -> None:
        body = {"source_url": self.staging.url(key), "creator_uid": self.creator_uid}
        with self.client.put_file.stream(uuid=uuid, version=self.version, **body) as response:
            with suppress(OSError):  # the file is registered, even if the words about it break off
                _ = response.content  # a body that was read leaves the connection for the next request
            accepted = response.status_code == _ACCEPTED
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
