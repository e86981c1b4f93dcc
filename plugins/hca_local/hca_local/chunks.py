"""The chunked transfer coding of requests, read a piece at a time however large the chunks are."""

from __future__ import annotations

import re
from typing import Any

from hca_local.guard import BodyTooLarge

__all__ = ["ChunkedBody"]

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r\n]*)?\r\n")
_LONGEST_LINE = 4096  # bytes, between chunks
_MOST_TRAILERS = 100


class ChunkedBody:
    """The body of a request in the chunked transfer coding, of at most `limit` bytes."""

    def __init__(self, source: Any, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._received = 0
        self._left = 0  # bytes of the present chunk
        self.ended = False
        self.remaining = 1  # as cheroot says of other bodies: 0 if there is nothing left to read

    def read(self, size: int | None = None) -> bytes:
        """Return that many bytes, fewer only at the end; all that there are if None.

        Raises:
            BodyTooLarge: there are more than the limit.
            ValueError: this is not the chunked transfer coding.
        """
        blocks, wanted = [], self._limit + 1 if size is None else size
        while wanted > 0 and (self._left or self._next()):
            block = self._source.read(min(wanted, self._left))
            if not block:
                raise ValueError("the body breaks off")
            blocks.append(block)
            wanted -= len(block)
            self._left -= len(block)
            if not self._left and self._source.read(2) != b"\r\n":
                raise ValueError("a chunk does not end where it should")
        return b"".join(blocks)

    def _next(self) -> bool:
        """Go on to the next chunk; return whether there is one."""
        if self.ended:
            return False
        found = _CHUNK_SIZE.fullmatch(self._source.readline(_LONGEST_LINE))
        if found is None:
            raise ValueError("a chunk has no size")
        self._left = int(found[1], 16)
        self._received += self._left
        if self._received > self._limit:
            raise BodyTooLarge
        if not self._left:
            self._skip_trailer()
            self.ended, self.remaining = True, 0
        return self._left > 0

    def _skip_trailer(self) -> None:
        for _ in range(_MOST_TRAILERS):
            if self._source.readline(_LONGEST_LINE) in (b"\r\n", b""):
                return
        raise ValueError("the trailer is too long")
