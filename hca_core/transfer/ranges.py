"""Reads a large file over several connections: slices arrive ahead of where it is read, which is in order."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import CancelledError
from dataclasses import dataclass
from urllib.parse import urlsplit

from hca_core.transfer.answer import Answer, may_be_sliced
from hca_core.transfer.job import ByteStream, SliceOpener
from hca_core.transfer.lanes import TRIAL, Lanes
from hca_core.transfer.piece import Piece, RefusedError

__all__ = ["Gap", "Spread", "spread"]

_REACH = 512 * 1024  # bytes that the lead may have before it looks whether a slice begins there
_POLL = 0.2  # seconds until somebody who waits for bytes looks whether he is still wanted
_TRIAL_SECONDS = 1.0
_TRIAL_DISTANCE = 0.5  # seconds that the first connection needs to where a trial takes place

logger = logging.getLogger(__name__)


class Gap(Exception):
    """The next bytes have to be asked for in the ordinary way; that is no failure."""


class Spread:
    """A file of `size` bytes with the ETag `validator`, read in order from a stream and from slices ahead of it.

    It begins as the stream that is given to `lead` and becomes more when that is worthwhile (`Lanes.ramp`): some
    threads fetch one slice after the other, each into a buffer of its own, and wait until that has been read. The
    stream is closed where it meets them. A slice whose connection breaks is a NetworkError when its place is reached;
    one that is refused, or a place for which there is no slice, a `Gap`. Then `lead` gives another stream from there
    on, which is read up to the next slice; slices that have arrived are kept, the others asked for again. To be read
    by one thread.
    """

    def __init__(self, size: int, validator: str, lanes: Lanes, stop: threading.Event) -> None:
        self._size, self._validator, self._lanes, self._stop = size, validator, lanes, stop
        self._ramp = lanes.ramp()
        self._trial: _Trial | None = None
        self._lead: ByteStream | None = None
        self._open_slice: SliceOpener | None = None
        self._host = ""
        self._position = 0
        self._waited = 0.0
        self._lock = threading.Lock()
        self._arrival = threading.Condition(self._lock)
        # What follows is for all threads, under the lock.
        self._slices: dict[int, Piece] = {}  # by number: slice n begins at n times their size
        self._reach = 0  # how far the lead may read before it looks again where the slices begin
        self._from = 0  # the number of the first slice that may be fetched
        self._arrived = 0  # bytes in slices, altogether
        self._threads = 0
        self._paused = False  # nothing is asked for until there is another lead
        self._closed = False

    def continues(self, answer: Answer, stream: ByteStream) -> bool:
        """Tell whether an answer is of this file, so that slices may be kept."""
        same = (answer.total, answer.validator) == (self._size, self._validator)
        return same and answer.resumable and _slice_opener(stream) is not None

    def lead(self, stream: ByteStream, position: int) -> None:
        """Read on from `stream`, whose bytes begin at `position`, and ask for slices where it came from."""
        with self._lock:
            # What has brought nothing yet may be about to be refused like the others.
            for failed in [one for one in self._slices.values() if one.error or (self._paused and not one.filled)]:
                self._forget(failed)
            self._lead, self._open_slice = stream, _slice_opener(stream)
            self._host = urlsplit(stream.url).netloc
            self._position, self._paused = position, False
            self._look_ahead()

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` from its start; return the number of bytes, 0 at the end.

        Raises:
            NetworkError: a connection broke.
            Gap: the lead is needed.
            CancelledError: the stop event was set.
        """
        count = self._from_lead(buffer) if self._lead else None
        if count is None:
            count = self._from_slice(buffer) if self._position < self._size else 0
        self._steer()
        return count

    def close(self) -> None:
        """Forget all slices, and what is still on its way."""
        with self._lock:
            self._closed = True
            self._drop()

    # the reader's side

    def _from_lead(self, buffer: memoryview) -> int | None:
        assert self._lead is not None
        with self._lock:
            room = self._look_ahead()
        if not room:
            self._lead.close()
            self._lead = None
            return None
        begun = self._lanes.clock()
        count = self._lead.readinto(buffer[:room])
        self._waited += self._lanes.clock() - begun
        self._position += count
        return count

    def _look_ahead(self) -> int:
        """Return how many bytes the lead may read, and keep that place free of new slices."""
        self._reach = self._position + min(_REACH, self._lanes.slice_size)
        for passed in [one for one in self._slices.values() if one.error and one.stop <= self._position]:
            self._forget(passed)
        ahead = [one.start for one in self._slices.values() if not one.error]
        return max(0, min([self._reach, *ahead]) - self._position)

    def _from_slice(self, buffer: memoryview) -> int:
        piece, offset = self._next_slice()
        count = min(len(buffer), piece.filled - offset)
        buffer[:count] = piece.memory[offset : offset + count]
        with self._lock:  # so that nobody takes a slice for missing that has just been read
            self._position += count
            if self._position == piece.stop:
                self._forget(piece)
        return count

    def _next_slice(self) -> tuple[Piece, int]:
        """Return the slice at our position as soon as it has more bytes, and where they are in it."""
        begun = self._lanes.clock()
        with self._arrival:
            while True:
                piece = self._slices.get(self._position // self._lanes.slice_size)
                # Each thread keeps its slice until it is read: if all have one that is farther ahead, nobody will come.
                if piece is None and (self._paused or len(self._slices) >= self._threads):
                    raise Gap
                if piece and piece.filled > self._position - piece.start:
                    break
                if piece and piece.error:
                    self._forget(piece)
                    raise Gap if isinstance(piece.error, RefusedError) else piece.error
                if self._stop.is_set():
                    raise CancelledError
                self._arrival.wait(_POLL)
        self._waited += self._lanes.clock() - begun
        return piece, self._position - piece.start

    def _forget(self, piece: Piece) -> None:
        del self._slices[piece.start // self._lanes.slice_size]
        piece.used.set()

    def _drop(self) -> None:
        for piece in list(self._slices.values()):
            self._forget(piece)

    # how many connections

    def _steer(self) -> None:
        with self._lock:
            if self._trial is not None:
                self._judge_trial()
            elif self._ramp.connections > 1 or self._may_try():
                self._ramp.watch(self._lanes.clock(), self._position, self._waited, self._lanes.cpu())
                if self._ramp.trying:
                    self._begin_trial()
            self._employ()

    def _may_try(self) -> bool:
        rest = self._size - self._position
        return rest >= TRIAL * self._lanes.slice_size and self._lanes.promising(self._host)

    def _begin_trial(self) -> None:
        """Fetch a few slices so far ahead that the lead will not be there before they are known to pay."""
        size, now = self._lanes.slice_size, self._lanes.clock()
        ahead = self._position + max(size, int(self._ramp.rate * _TRIAL_DISTANCE))
        self._from = -(-min(ahead, self._size - TRIAL * size) // size)
        self._trial = _Trial(now, self._position + self._arrived)

    def _judge_trial(self) -> None:
        """End the trial if it is over, and draw the conclusion."""
        trial = self._trial
        assert trial is not None
        elapsed = self._lanes.clock() - trial.begun
        arrived = len(self._slices) == TRIAL - 1 and all(one.over for one in self._slices.values())
        if not (arrived or self._paused or self._lead is None or elapsed >= _TRIAL_SECONDS):
            return
        throughput = (self._position + self._arrived - trial.bytes) / max(elapsed, 1e-6)
        self._trial, self._from = None, 0
        if self._ramp.tried(throughput):
            logger.debug("several connections to %s are worth it: %.1f MB/s", self._host, throughput / 1e6)
            return
        self._lanes.tried_in_vain(self._host)
        if self._lead is not None:
            self._drop()

    def _employ(self) -> None:
        while self._threads < self._wanted() and not self._paused and self._free() is not None:
            alone = not self._threads and not self._lanes.promising(self._host)  # no better than the lead
            if alone or not self._lanes.borrow():
                return
            memory = memoryview(bytearray(self._lanes.slice_size))
            try:
                threading.Thread(target=self._work, args=(memory,), name="hca-slices", daemon=True).start()
            except RuntimeError:  # the system allows no more of them
                self._lanes.give_back()
                self._ramp.end()
            else:
                self._threads += 1

    def _wanted(self) -> int:
        """Return how many threads there should be: a single connection is better used by the lead."""
        connections = self._ramp.connections
        return connections - (self._lead is not None) if connections > 1 else 0

    def _free(self) -> int | None:
        """Return the number of the first slice that nobody fetches, if there is one ahead of us."""
        size = self._lanes.slice_size
        number = max(self._from, -(-(self._reach if self._lead else self._position) // size))
        while number in self._slices:
            number += 1
        beyond = self._trial is not None and number >= self._from + TRIAL - 1
        return number if number * size < self._size and not beyond else None

    # the side of those who fetch

    def _work(self, memory: memoryview) -> None:
        try:
            while (piece := self._claim(memory)) is not None:
                self._fill(piece)
                self._report()
                piece.used.wait()
        finally:
            self._lanes.give_back()
            with self._arrival:
                self._threads -= 1
                self._arrival.notify()

    def _claim(self, memory: memoryview) -> Piece | None:
        """Return the slice to fetch next, or None for who is not needed any more."""
        with self._arrival:
            leave = self._closed or self._paused or self._threads > self._wanted() or self._lanes.crowded
            number = None if leave else self._free()
            if number is None:
                return None
            start = number * self._lanes.slice_size
            piece = Piece(start, min(self._size, start + self._lanes.slice_size), memory)
            self._slices[number] = piece
            return piece

    def _fill(self, piece: Piece) -> None:
        def arrived(count: int) -> None:
            with self._arrival:
                piece.filled += count
                self._arrived += count
                self._arrival.notify()

        assert self._open_slice is not None
        try:
            piece.fetch(self._open_slice, self._size, self._validator, arrived)
        except BaseException as error:  # noqa: BLE001 - raised where its bytes are missed
            self._fail(piece, error)

    def _report(self) -> None:
        """Have a trial judged as soon as it is over, while the reader waits for the lead."""
        with self._lock:
            if self._trial is not None:
                self._judge_trial()
                self._employ()

    def _fail(self, piece: Piece, error: BaseException) -> None:
        logger.debug("bytes from %d on: %s", piece.start, error)
        with self._arrival:
            piece.error = error
            if isinstance(error, RefusedError) and not self._paused and not piece.used.is_set():
                self._paused = True
                self._ramp.end() if error.final else self._ramp.lower()
            self._arrival.notify()


@dataclass(frozen=True)
class _Trial:
    begun: float
    bytes: int


def spread(
    stream: ByteStream, answer: Answer, position: int, size: int | None, lanes: Lanes | None, stop: threading.Event
) -> Spread | None:
    """Return what can read the file that `stream` answers with over several connections, if that is worth a thought."""
    if lanes is None or size is None or size - position < lanes.least or answer.validator is None:
        return None
    if not may_be_sliced(answer, stream.headers) or _slice_opener(stream) is None:
        return None
    return Spread(size, answer.validator, lanes, stop)


def _slice_opener(stream: ByteStream) -> SliceOpener | None:
    return getattr(stream, "open_slice", None)
