"""The way of one file from a server into a sink: ask, copy, continue what broke off, check, start over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError

from hca_core.errors import ApiError, IntegrityError, NetworkError
from hca_core.transfer.answer import Answer, read_answer
from hca_core.transfer.digest import MIB
from hca_core.transfer.job import ByteStream, Opener, Progress, TransferJob
from hca_core.transfer.lanes import Lanes
from hca_core.transfer.quota import Quota
from hca_core.transfer.ranges import Gap, Spread, spread
from hca_core.transfer.sink import SMALL, Buffered, Partial, Sink

__all__ = ["Download"]

_TOLD_DELAY = 5.0  # seconds; nobody needs to be told of a shorter wait
_NAMES = {"sha256": "SHA-256", "sha512": "SHA-512", "sha1": "SHA-1", "md5": "MD5"}

logger = logging.getLogger(__name__)


class _WrongContentError(Exception):
    def __init__(self, what: str, expected: object, actual: object) -> None:
        super().__init__(f"{what} is {actual} instead of {expected}")
        self.expected, self.actual = str(expected), str(actual)


class Download:
    """One file that is fetched until its final name holds the right bytes, or there is no hope.

    `size` is the file's size as far as known; `resumed` tells whether bytes of an earlier run are in it;
    `transferred` counts the bytes that arrived, `attempts` the requests. A large file may be read over several of the
    `lanes`, if there are any; their requests are not counted.
    """

    def __init__(
        self,
        job: TransferJob,
        opener: Opener,
        quota: Quota,
        progress: Progress,
        stop: threading.Event,
        sleep: Callable[[float], object],
        lanes: Lanes | None = None,
    ) -> None:
        self.job, self.opener, self.quota, self.progress = job, opener, quota, progress
        self.stop, self.sleep = stop, sleep
        self.size = job.size
        self.resumed = False
        self.attempts = self.transferred = 0
        self._lanes = lanes
        self._spread: Spread | None = None
        self._patience = quota
        self._credited = 0  # how far into the file bytes have given tries back: each does so once
        self._answered = False
        self._over = False  # the file must be asked for from its beginning
        self._ended = False  # a body of unknown size was read to its end
        self._second_chance = True

    def run(self, *, replace: bool = True) -> None:
        """Fetch the file. Without `replace`, a whole one that somebody else has fetched meanwhile stays.

        Raises:
            CancelledError: `stop` was set.
            IntegrityError: the content was wrong twice.
            HcaError: whatever the opener raised, or a NetworkError when the quota is used up.
            OSError: the file cannot be written.
        """
        self._check_stop()
        sink = _sink(self.job, replace)
        try:
            if isinstance(sink, Partial):
                sink.adopt(self.job, self._adopted)
                self.resumed = sink.position > 0
            self._until_committed(sink)
        except IntegrityError:
            sink.close(discard=True)
            raise
        finally:
            self._gather()
            sink.close()

    def _adopted(self, count: int) -> None:
        self._check_stop()
        self.progress.advance(self.job.name, count)

    def _until_committed(self, sink: Sink) -> None:
        while True:
            try:
                while not self._complete(sink):
                    self._attempt(sink)
                self._verify(sink)
            except NetworkError as error:
                if not self._complete(sink):
                    self._wait(sink, error)
            except _WrongContentError as error:
                self._give_second_chance(error)
            else:
                if sink.commit():
                    return
                self._over = True

    def _complete(self, sink: Sink) -> bool:
        return not self._over and (self._ended or sink.position == self.size)

    def _attempt(self, sink: Sink) -> None:
        self._check_stop()
        offset = 0 if self._over or not sink.note.continuable else sink.position
        validator = sink.note.validator if offset else None
        self.attempts += 1
        try:
            stream = self.opener(self.job.url, offset=offset, validator=validator)
        except ApiError as error:
            if error.status != 416 or not offset:
                raise
            self._place(read_answer(416, {}, offset=offset, validator=validator), sink, offset)
            return
        self._answered = True
        try:
            answer = read_answer(stream.status, stream.headers, offset=offset, validator=validator)
            if self._place(answer, sink, offset):
                self._copy(self._widened(stream, answer, sink.position), sink)
        except Gap:
            logger.debug("%s: from byte %d on it is asked for as a whole", self.job.name, sink.position)
        finally:
            stream.close()

    def _widened(self, stream: ByteStream, answer: Answer, position: int) -> ByteStream | Spread:
        """Return where to read the file from: the stream, or one that may become several connections."""
        if self._spread and not self._spread.continues(answer, stream):
            self._gather()
        self._spread = self._spread or spread(stream, answer, position, self.size, self._lanes, self.stop)
        if self._spread is None:
            return stream
        self._spread.lead(stream, position)
        return self._spread

    def _gather(self) -> None:
        """Go on with one connection."""
        if self._spread:
            self._spread.close()
        self._spread = None

    def _place(self, answer: Answer, sink: Sink, offset: int) -> bool:
        """Make the sink ready for the body of an answer; return whether there is one to copy."""
        if answer.start is None:
            if not offset:
                raise ApiError(f"{self.job.name}: the server did not answer with the file.", status=answer.status)
            self._over = True
            return False
        if answer.start == 0:
            self._begin(answer, sink)
        self._learn_size(answer, sink)
        return not answer.complete

    def _begin(self, answer: Answer, sink: Sink) -> None:
        if self._spread:
            self._lanes = None  # the object is another one, or ranges are ignored: that must not go on for ever
        self._gather()
        if sink.position:
            self.progress.advance(self.job.name, -sink.position)
        sink.begin(answer)
        self.size = self.job.size
        self.resumed = self._over = self._ended = False

    def _learn_size(self, answer: Answer, sink: Sink) -> None:
        total = sink.position if answer.complete else answer.total
        if self.size is None:
            self.size = total
        elif total not in (None, self.size):
            raise _WrongContentError("its size on the server", self.size, total)

    def _copy(self, stream: ByteStream | Spread, sink: Sink) -> None:
        while count := stream.readinto(sink.buffer()):
            if self.size is not None and sink.position + count > self.size:
                raise _WrongContentError("its size", self.size, f"at least {sink.position + count}")
            sink.take(count)
            self.transferred += count
            self.progress.advance(self.job.name, count)
            self._check_stop()
        if self.size is None:
            self._ended, self.size = True, sink.position
        elif sink.position < self.size:
            raise NetworkError(f"{self.job.name}: the connection ended after {sink.position} of {self.size} bytes.")

    def _verify(self, sink: Sink) -> None:
        if self.job.checksum is None:
            return
        algorithm, expected = self.job.checksum
        if (actual := sink.digest()) != expected:
            raise _WrongContentError(f"its {_NAMES[algorithm]}", expected, actual)

    def _give_second_chance(self, error: _WrongContentError) -> None:
        if not self._second_chance or self.job.size == 0:
            raise IntegrityError(
                f"{self.job.name} is not the file that was asked for: {error}.",
                name=self.job.name,
                expected=error.expected,
                actual=error.actual,
                hint="It was fetched twice and thrown away. Tell whoever runs the service.",
            ) from error
        logger.warning("%s: %s; it is fetched once more from the start.", self.job.name, error)
        self._second_chance = False
        self._over = True
        self._lanes = None
        self.quota, self._credited = self._patience, 0

    def _wait(self, sink: Sink, error: NetworkError) -> None:
        if not self._answered:
            raise error  # the opener has already asked as often as its own rules say
        gained = max(0, sink.position - self._credited) // MIB
        self._credited += gained * MIB
        quota = self.quota.received(gained)
        remaining = quota.failed()
        if remaining is None:
            raise NetworkError(
                f"{self.job.name}: gave up after {self.attempts} attempts: {error.message}",
                attempts=self.attempts,
                hint="Run the same command again: it goes on where it stopped.",
            ) from error
        logger.info("%s: %s; next try in %.2f s", self.job.name, error.message, quota.delay)
        if quota.delay >= _TOLD_DELAY:
            self.progress.note(f"{self.job.name}: {error.message} Next try in {quota.delay:.0f} s.")
        self.quota = remaining
        self.sleep(quota.delay)

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise CancelledError


def _sink(job: TransferJob, replace: bool) -> Sink:
    kind = Buffered if job.size is not None and job.size <= SMALL else Partial
    return kind(job, replace=replace)
