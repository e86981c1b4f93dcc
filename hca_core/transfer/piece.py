"""A piece of a large file that is fetched by a request of its own, and only taken if it is certainly what was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from hca_core.errors import HcaError, NetworkError
from hca_core.transfer.answer import is_slice
from hca_core.transfer.job import ByteStream, SliceOpener

__all__ = ["Piece", "RefusedError"]

_STEP = 256 * 1024  # bytes that are read at a time
_BUSY = frozenset({401, 403, 404, 410, 429, 500, 502, 503, 504})  # what another address, or less haste, may change


class RefusedError(Exception):
    """A piece was answered with something else, or not at all; `final` if the next one would be, too."""

    def __init__(self, reason: object, *, final: bool) -> None:
        super().__init__(str(reason))
        self.final = final


@dataclass(eq=False)
class Piece:
    """The bytes from `start` up to `stop`, of which `filled` are in `memory`; `used` is set when nobody needs it."""

    start: int
    stop: int
    memory: memoryview
    filled: int = 0
    error: BaseException | None = None
    used: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.error is not None or self.filled == self.stop - self.start

    def fetch(self, opener: SliceOpener, total: int, validator: str, on_bytes: Callable[[int], object]) -> None:
        """Read the bytes into `memory`; `on_bytes` is told how many more there are, and counts them as `filled`.

        Raises:
            RefusedError: the answer is not exactly these bytes of a file of `total` bytes with that ETag.
            NetworkError: the connection broke.
        """
        try:
            stream = opener(self.start, self.stop, validator)
        except HcaError as error:
            raise RefusedError(error, final=False) from error
        try:
            if not is_slice(stream.status, stream.headers, range(self.start, self.stop), total, validator):
                raise RefusedError(f"status {stream.status}", final=stream.status not in _BUSY)
            while not self.over and not self.used.is_set():
                on_bytes(self._read(stream))
        finally:
            stream.close()

    def _read(self, stream: ByteStream) -> int:
        end = min(self.filled + _STEP, self.stop - self.start)
        try:
            count = stream.readinto(self.memory[self.filled : end])
            if not count:
                raise NetworkError("The connection ended early.", attempts=1)
        except HcaError as error:
            if self.filled:
                raise
            # Who gets no byte at all may have been turned away because there are too many.
            raise RefusedError(error, final=False) from error
        return count
