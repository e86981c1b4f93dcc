"""Sends a large file in parts, goes on with what an earlier run has sent, and checks every part.

Nothing is remembered here: the store knows which parts of which uploads it has, and the file itself tells which of
them are right. An upload that fails is left as it is, so that the next run can go on with it. It does no harm if two
processes send one file at once: whoever finds that the other one was faster takes what is there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hca_core.errors import ApiError, AuthError, HcaError, IntegrityError, NetworkError, TransferError
from hca_core.transfer.content import Reading
from hca_core.transfer.digest import MIB
from hca_core.transfer.objects import ObjectInfo
from hca_core.transfer.pace import Pace
from hca_core.transfer.pool import each
from hca_core.transfer.quota import Quota
from hca_core.transfer.s3uploads import Sent, Uploads
from hca_core.transfer.slices import Part, Slice, cut

__all__ = ["LargeFile", "Multipart"]

_PARTS_AT_ONCE = 8
_PARTS_AT_FIRST = 2  # of few parts at a time more are complete when a run breaks off
_CANDIDATES = 10  # unfinished uploads of one object that are looked at
_ROUNDS = 3  # how often an upload is begun anew because somebody else has ended it

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LargeFile:
    """A file that is sent in parts of `part` bytes.

    `about` is what S3 is told when an upload begins. `head` looks at the object that is there. `turn` is taken for
    every part that is sent, and bounds how many are on their way in the whole process. A part that fails is sent
    again as often as `quota` allows; `sleep` waits in between, by default no longer than the others go on.
    """

    path: Path
    size: int
    part: int
    about: Mapping[str, Any]
    head: Callable[[], ObjectInfo | None]
    on_bytes: Callable[[int], object]
    turn: AbstractContextManager[Any]
    quota: Quota = field(default_factory=lambda: Quota(retries=5, min_delay=1.0))
    sleep: Callable[[float], object] | None = None


class _GoneError(Exception):
    """Somebody else has completed or aborted the upload."""


class Multipart:
    """One large file on its way to one object. `reading` finds out what is in it.

    `reused` is how many bytes of the object an earlier run or another process has sent.
    """

    def __init__(self, file: LargeFile, uploads: Uploads, reading: Reading) -> None:
        self._file, self._uploads, self._reading = file, uploads, reading
        self._parts = list(cut(file.size, file.part))
        self._pace = Pace(_PARTS_AT_FIRST, _PARTS_AT_ONCE)
        self._tries = _Tries(file.quota)
        self._counter = _Counter(file.on_bytes)
        self.reused = 0

    def run(self) -> str:
        """Make the object and return its ETag. Other unfinished uploads of it are aborted then.

        Raises:
            TransferError: the file changed while it was sent.
            HcaError: the store refused, or nobody answered; what was sent stays for the next run.
        """
        found = self._unfinished()
        best = max(found, key=lambda upload: self._fitting(found[upload]), default=None)
        adopted = best if best and self._fitting(found[best]) else None
        for _ in range(_ROUNDS):
            done = self._finished(adopted, found.get(adopted or "", {}))
            if done is not None:
                self._abort(upload for upload in found if upload != adopted)
                return done
            adopted = None
            self._counter.reset()
        raise TransferError(f"{self._file.path} cannot be sent: somebody else ends its upload again and again.")

    def _unfinished(self) -> dict[str, dict[int, Sent]]:
        """Return the parts of each unfinished upload; none if we may not know."""
        found = {}
        try:
            for upload in self._uploads.unfinished()[:_CANDIDATES]:
                found[upload] = self._uploads.parts(upload)
        except (AuthError, ApiError) as error:
            logger.info("%s: unfinished uploads cannot be listed: %s", self._file.path, error)
        return found

    def _fitting(self, sent: Mapping[int, Sent]) -> int:
        return sum(part.number in sent and sent[part.number].size == part.length for part in self._parts)

    def _finished(self, adopted: str | None, sent: dict[int, Sent]) -> str | None:
        """Return the ETag of the object, or None if its upload must begin anew."""
        try:
            if adopted is None:
                return self._complete(self._uploads.begin(self._file.about), {})
            done = self._complete(adopted, sent)
            return done if self._is_as_wanted() else None
        except _GoneError:
            expected = self._reading.checksums().s3_etag
            self.reused = self._file.size
            return expected if self._is_as_wanted(expected) else None

    def _complete(self, upload: str, sent: dict[int, Sent]) -> str:
        kept = [part for part in self._parts if part.number in sent and sent[part.number].size == part.length]
        sent = {part.number: sent[part.number] for part in kept}
        self._counter.add(sum(part.length for part in kept))
        if kept:
            logger.info("%s: %d of %d parts were sent before", self._file.path, len(kept), len(self._parts))
        self._send(upload, [part for part in self._parts if part.number not in sent], sent)
        wrong = [part for part in self._parts if self._differs(part, sent)]
        self._counter.add(-sum(part.length for part in wrong))
        self.reused = sum(part.length for part in kept if part not in wrong)
        self._send(upload, wrong, sent)
        if any(self._differs(part, sent) for part in wrong):
            raise TransferError(f"{self._file.path} changed while it was sent.", hint="Upload it when it is complete.")
        done = _unless_gone(lambda: self._uploads.complete(upload, sent))
        expected = self._reading.checksums().s3_etag
        if done.is_md5 and done.etag != expected:
            raise IntegrityError(
                f"{self._file.path} did not arrive as it was sent.",
                name=self._file.path.name,
                expected=expected,
                actual=done.etag,
                hint="Upload it again.",
            )
        return done.etag

    def _differs(self, part: Part, sent: Mapping[int, Sent]) -> bool:
        found = sent[part.number]
        return found.is_md5 and found.etag != self._reading.md5(part.number)

    def _send(self, upload: str, parts: Iterable[Part], sent: dict[int, Sent]) -> None:
        stop = threading.Event()

        def send(part: Part) -> tuple[Part, Sent]:
            return part, self._send_part(upload, part, stop)

        with closing(each(parts, send, jobs=lambda: self._pace.limit, stop=stop)) as results:
            for part, arrived in results:
                sent[part.number] = arrived
                self._pace.completed(part.length)

    def _send_part(self, upload: str, part: Part, stop: threading.Event) -> Sent:
        with Slice(self._file.path, part, self._counter.add) as body:
            while True:
                try:
                    with self._file.turn:
                        if stop.is_set():
                            raise CancelledError
                        sent = _unless_gone(lambda: self._uploads.send(upload, part, body))
                except BaseException as error:
                    body.take_back()
                    if not isinstance(error, NetworkError) or stop.is_set():
                        raise
                    self._tries.failed(error, self._file.sleep or stop.wait)
                else:
                    self._tries.gained(part.length)
                    return sent

    def _is_as_wanted(self, etag: str | None = None) -> bool:
        """Return whether the object is there as it was to be made, even if the upload was begun by somebody else."""
        about = self._file.about
        try:
            found = self._file.head()
        except AuthError:
            return etag is None and "Metadata" not in about  # whoever may only write cannot know more
        return (
            found is not None
            and etag in (None, found.etag)
            and found.content_type == about["ContentType"]
            and found.metadata == about.get("Metadata", {})
        )

    def _abort(self, uploads: Iterable[str]) -> None:
        for upload in uploads:
            try:
                self._uploads.abort(upload)
            except HcaError as error:
                logger.info("%s: an unfinished upload stays: %s", self._file.path, error)


class _Tries:
    """The failures that all parts of a file may have together."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._lock = threading.Lock()

    def gained(self, count: int) -> None:
        with self._lock:
            self._quota = self._quota.received(count // MIB)

    def failed(self, error: NetworkError, sleep: Callable[[float], object]) -> None:
        """Wait before the next try, or raise the error if there were enough."""
        with self._lock:
            delay, remaining = self._quota.delay, self._quota.failed()
            if remaining is None:
                raise error
            self._quota = remaining
        logger.info("%s; next try in %.2f s", error.message, delay)
        sleep(delay)


class _Counter:
    """Tells how many bytes have been sent, and can take all of them back."""

    def __init__(self, on_bytes: Callable[[int], object]) -> None:
        self._on_bytes = on_bytes
        self._lock = threading.Lock()
        self._total = 0

    def add(self, count: int) -> None:
        with self._lock:
            self._total += count
        if count:
            self._on_bytes(count)

    def reset(self) -> None:
        self.add(-self._total)


def _unless_gone(request: Callable[[], Sent]) -> Sent:
    try:
        return request()
    except ApiError as error:
        if error.code == "NoSuchUpload":
            raise _GoneError from error
        raise
