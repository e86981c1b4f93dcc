"""The parts of a multipart answer, read as it arrives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from email.message import Message

from hca_gen3.pacs.faults import BrokenError

__all__ = ["boundary_of", "read_parts"]

_LINE = b"\r\n"
_LONGEST_HEADERS = 65536


def boundary_of(content_type: str) -> bytes | None:
    """Return what separates the parts of an answer, or None if it is not made of parts."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or not boundary:
        return None
    return boundary.encode("ascii", "replace")


def read_parts(pieces: Iterable[bytes], boundary: bytes) -> Iterator[Iterator[bytes]]:
    """Yield the content of each part, itself in pieces; what is left of it is dropped when the next one is asked for.

    Raises:
        BrokenError: the answer ends before its last boundary, or is not made of parts.
    """
    delimiter = _LINE + b"--" + boundary
    # The first boundary may be at the very beginning, where no line ends before it.
    source = _Source(pieces, _LINE)
    _drop(source.until(delimiter))
    while (ending := source.take(2)) == _LINE:
        # Without headers, the line that ends here is the first of the two that end them.
        source.rest = ending + source.rest
        _drop(source.until(_LINE + _LINE), most=_LONGEST_HEADERS)
        content = source.until(delimiter)
        yield content
        _drop(content)
    if ending != b"--":
        raise BrokenError("The answer is not made of parts as it says.")


class _Source:
    """Bytes that come in pieces, and what is `rest` of those that have come."""

    def __init__(self, pieces: Iterable[bytes], rest: bytes) -> None:
        self._pieces = iter(pieces)
        self.rest = rest

    def until(self, mark: bytes) -> Iterator[bytes]:
        """Yield everything before `mark`, and take that away, too."""
        while (at := self.rest.find(mark)) < 0:
            # The last bytes may be the beginning of the mark.
            surely = max(0, len(self.rest) - len(mark) + 1)
            before, self.rest = self.rest[:surely], self.rest[surely:]
            if before:
                yield before
            self._more()
        before, self.rest = self.rest[:at], self.rest[at + len(mark) :]
        if before:
            yield before

    def take(self, count: int) -> bytes:
        """Return the next few bytes."""
        while len(self.rest) < count:
            self._more()
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def _more(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            raise BrokenError("The answer ended in the middle.")
        self.rest += piece


def _drop(pieces: Iterable[bytes], most: int | None = None) -> None:
    dropped = 0
    for piece in pieces:
        dropped += len(piece)
        if most is not None and dropped > most:
            raise BrokenError("The headers of a part of the answer do not end.")
