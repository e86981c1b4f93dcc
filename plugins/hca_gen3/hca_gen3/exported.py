"""Looks at what a commons sends as an export while it passes by: is it one, and is it whole? None of it is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from hca_core.errors import ApiError

if TYPE_CHECKING:
    from requests import Response

__all__ = ["SMALL", "checked", "head"]

SMALL = 65536
"""Bytes: what is longer cannot be the export of nothing, nor the names of its columns."""

_PAGES = ("text/html", "application/xhtml+xml")


def checked(response: Response, fileformat: str) -> Iterator[bytes]:
    """Yield the body of an answer that has to be an export, piece by piece; nothing, if it does not begin like one.

    Raises:
        ApiError: it is none, for example the page of a proxy; or it is JSON that ends too early, which the commons does
            not tell if it fails after it has begun.
    """
    from hca_core.http import exact_bytes

    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() in _PAGES:
        raise _error(response, "a web page instead of an export", "A proxy or a login page may have answered instead.")
    pieces = exact_bytes(response)
    first = head(pieces)
    whole = chain(first, pieces)
    if fileformat == "json":
        yield from _whole(response, b"".join(first), whole)
    elif "type" not in _columns(b"".join(first)):
        raise _error(response, "not a table with a column `type`", "Is the endpoint that of a Gen3 commons?")
    else:
        yield from whole


def head(pieces: Iterator[bytes]) -> list[bytes]:
    """Take the first pieces: all of them, if they are few."""
    taken, size = [], 0
    while size < SMALL and (piece := next(pieces, None)) is not None:
        taken.append(piece)
        size += len(piece)
    return taken


def _error(response: Response, problem: str, hint: str) -> ApiError:
    message = f"The answer of {response.url.partition('?')[0]} is {problem}."
    return ApiError(message, status=response.status_code, url=response.url, hint=hint)


def _columns(begin: bytes) -> list[str]:
    first = begin[:SMALL].partition(b"\n")[0].decode("utf-8-sig", "replace")
    return [name.strip().strip('"') for name in first.split("\t")]


def _whole(response: Response, begin: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    brackets = _Brackets()
    if begin.lstrip()[:1] in (b"{", b"["):
        for piece in pieces:
            brackets.read(piece)
            yield piece
    if not brackets.closed:
        hint = "If it has begun well, the commons stopped in the middle of it: try again."
        raise _error(response, "not a whole JSON document", hint)


class _Brackets:
    """Tells whether all that a JSON document opens is `closed`."""

    _ESCAPE = re.compile(rb"\\.", re.DOTALL)

    def __init__(self) -> None:
        self._depth = 0
        self._begun = self._in_text = False
        self._rest = b""

    def read(self, piece: bytes) -> None:
        """Go on with the next bytes."""
        piece = self._rest + piece
        backslashes = len(piece) - len(piece.rstrip(b"\\"))
        self._rest = piece[-1:] if backslashes % 2 else b""  # what it escapes is in the next piece
        parts = self._ESCAPE.sub(b"", piece.removesuffix(self._rest)).split(b'"')
        outside = b"".join(parts[self._in_text :: 2])
        self._in_text ^= len(parts) % 2 == 0
        opened = outside.count(b"[") + outside.count(b"{")
        self._depth += opened - outside.count(b"]") - outside.count(b"}")
        self._begun |= opened > 0

    @property
    def closed(self) -> bool:
        return self._begun and self._depth == 0 and not self._in_text
