"""An answer whose body is read into the caller's buffers, as the transfer engine wants it."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import urllib3

from hca_core.errors import ApiError, NetworkError
from hca_core.http.answers import failure, place
from hca_core.redact import redact

if TYPE_CHECKING:
    from requests import Response

# Reading this much of a body that nobody wants is cheaper than a new connection.
SMALL_REST = 65536

MOST_BODY = 256 << 20  # bytes of an answer that is held in memory; lists of hundreds of thousands of things need less

_PIECE = 1 << 20
_BREAKS = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


class Readable(Protocol):
    """Where bytes come from: fills a buffer from its start and says how far."""

    def readinto(self, buffer: memoryview, /) -> int: ...


class Stream:
    """An open answer. Not to be shared between threads. Use it in a `with` statement, or close it.

    `expected` is the length of the body, if known. `finish` is called once at the end, and told whether the body was
    read completely, so that the connection can be used again. `open_slice(start, stop, validator)`, if there is one,
    asks once for these bytes of the same file, through another connection, and returns whatever is answered.
    """

    def __init__(
        self,
        source: Readable,
        status: int,
        headers: Mapping[str, str],
        url: str,
        *,
        expected: int | None,
        finish: Callable[[bool], None],
    ) -> None:
        self.status = status
        self.headers = headers
        self.url = url
        self._source = source
        self._expected = expected
        self._finish = finish
        self._received = 0
        self._open = True
        self.open_slice: Callable[[int, int, str], Stream] | None = None

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` from its start; return the number of bytes, 0 at the end.

        Raises:
            NetworkError: the connection broke, stalled, or ended before the announced length.
        """
        if not self._open or self._received == self._expected:
            self._end(complete=True)
            return 0
        try:
            count = self._source.readinto(buffer)
        except _BREAKS as error:
            self.close()
            raise self._broken(failure(error, host=urlsplit(self.url).netloc).reason) from error
        self._received += count
        if count == 0 and self._expected is not None:
            self.close()
            raise self._broken(f"{urlsplit(self.url).netloc} ended the answer early")
        if count == 0 or self._received == self._expected:
            self._end(complete=True)
        return count

    def rest(self, limit: int = SMALL_REST) -> bytes:
        """Return up to `limit` bytes of the body, and close. A body that breaks off gives what came of it."""
        size = limit if self._expected is None else min(limit, self._expected - self._received)
        body, count = memoryview(bytearray(size)), 0
        try:
            while count < size and (more := self.readinto(body[count:])):
                count += more
        except NetworkError:
            pass
        self._end(complete=self._received == self._expected)
        return bytes(body[:count])

    def drop(self) -> None:
        """Close, but read a short rest of the body first so that the connection can be used again."""
        if self._expected == self._received:
            self._end(complete=True)
        elif self._expected is None or self._expected - self._received <= SMALL_REST:
            self.rest()
        self.close()

    def close(self) -> None:
        """Give the connection back; an unread rest is dropped, and the connection with it."""
        self._end(complete=False)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self, *, complete: bool) -> None:
        if self._open:
            self._open = False
            self._finish(complete)

    def _broken(self, reason: str) -> NetworkError:
        whole = "" if self._expected is None else f" of {self._expected}"
        return NetworkError(f"{reason} after {self._received}{whole} bytes.", url=redact(self.url), attempts=1)


def of_urllib3(raw: urllib3.BaseHTTPResponse, url: str) -> Stream:
    """Return a stream of an answer that came through urllib3, not decompressed."""

    def finish(complete: bool) -> None:
        if complete:
            # Even an empty body must have been read before the connection is used again.
            raw.drain_conn()
        else:
            raw.close()
        raw.release_conn()

    return Stream(raw, raw.status, raw.headers, url, expected=raw.length_remaining, finish=finish)


def read_whole(response: Response, *, in_time: Callable[[], bool]) -> None:
    """Read the body of a streamed answer into `response.content`, unpacked, as long as it comes `in_time`.

    Raises:
        ApiError: it is too large to be anything but a mistake or an attack.
        HTTPException, TimeoutError, urllib3.exceptions.HTTPError: it broke off, or took too long.
    """
    body = bytearray()
    while more := _some(response):
        body += more
        if len(body) > MOST_BODY:
            response.close()
            what = place(response.request.method or "", response.url)
            sentence = f"{what} was answered with more than {MOST_BODY:,} bytes."
            raise ApiError(sentence, status=response.status_code, url=redact(response.url))
        if not in_time():
            response.close()
            raise TimeoutError("the answer did not end in time")
    response._content = bytes(body)
    response._content_consumed = True  # type: ignore[attr-defined]


def _some(response: Response) -> bytes:
    try:
        return bytes(response.raw.read1(SMALL_REST, decode_content=True))
    except ValueError as error:  # a piece with a length below zero
        response.close()
        raise http.client.HTTPException("the answer has no right length") from error


def exact_bytes(response: Response) -> Iterator[bytes]:
    """Yield the body of a streamed answer piece by piece, as it was sent.

    Raises:
        NetworkError: the connection broke before the end.
    """
    try:
        yield from response.raw.stream(_PIECE, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise NetworkError(
            f"The connection broke before the answer was complete: {error}.", url=response.url, attempts=1
        ) from error
