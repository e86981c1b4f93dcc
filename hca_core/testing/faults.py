"""What can go wrong between a client and a server, for a `FaultProxy` to do.

Where bytes are concerned, `of` says whose: those of the server's `answer`, or those of the client's `request`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from hca_core.testing.answers import Answer, Blob, Request, Script

__all__ = [
    "Broken",
    "Fault",
    "Manner",
    "act",
    "answer",
    "busy",
    "corrupt",
    "cut",
    "dribble",
    "expired",
    "ignore_range",
    "lie",
    "loop",
    "lose",
    "reset",
    "shift",
    "stall",
    "swap",
    "truncate",
    "unsatisfiable",
]

Side = Literal["answer", "request"]
Manner = Literal["close", "reset", "truncate", "stall"]
Body = Iterator[bytes]


class Broken(Exception):
    """The connection ends here, in this `manner`; raised by what a body passes through."""

    def __init__(self, manner: Manner) -> None:
        super().__init__(manner)
        self.manner = manner


def _same(body: Body) -> Body:
    return body


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request; the functions of this module make the usual ones.

    `instead` is said by the proxy itself, and the server is not asked. `ask` changes the headers of what the server is
    asked. `length` changes the Content-Length that the client is told. The two bodies pass through `request` and
    `answer`, piece by piece, which may raise `Broken`. If the answer is `lost`, the server has done what it was asked,
    and the client hears nothing of it.
    """

    name: str
    instead: Script | None = None
    ask: Callable[[dict[str, str]], dict[str, str]] = dict
    length: Callable[[int], int] = int
    request: Callable[[Body], Body] = _same
    answer: Callable[[Body], Body] = _same
    lost: bool = False


def cut(after: int, of: Side = "answer") -> Fault:
    """Close the connection, as a server does that has ended its answer, after so many bytes."""
    return _on(of, f"cut after {after} bytes", lambda body: _broken(body, after, "close"))


def reset(after: int, of: Side = "answer") -> Fault:
    """Reset the connection, as a network does that has forgotten it, after so many bytes."""
    return _on(of, f"reset after {after} bytes", lambda body: _broken(body, after, "reset"))


def truncate(after: int, of: Side = "answer") -> Fault:
    """End the connection after so many bytes without the farewell that TLS requires; without TLS, as `cut`."""
    return _on(of, f"TLS closed early after {after} bytes", lambda body: _broken(body, after, "truncate"))


def stall(after: int, of: Side = "answer") -> Fault:
    """Pass nothing on after so many bytes, until the client hangs up."""
    return _on(of, f"stall after {after} bytes", lambda body: _broken(body, after, "stall"))


def dribble(piece: int, pause: float, of: Side = "answer") -> Fault:
    """Pass on a `piece` of so many bytes at a time, and wait `pause` seconds after each."""

    def slowly(body: Body) -> Body:
        for data in body:
            for start in range(0, len(data), piece):
                yield data[start : start + piece]
                time.sleep(pause)

    return _on(of, f"{piece} bytes at a time", slowly)


def corrupt(position: int, of: Side = "answer") -> Fault:
    """Flip all bits of the byte at `position`; a shorter body stays as it is."""

    def flipped(body: Body) -> Body:
        begin = 0
        for data in body:
            place = position - begin
            begin += len(data)
            yield data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :] if 0 <= place < len(data) else data

    return _on(of, f"byte {position} corrupted", flipped)


def act(action: Callable[[], object], after: int = 0, of: Side = "answer") -> Fault:
    """Call `action` once so many bytes have passed, and nothing else: for what happens in the middle of a transfer."""

    def acting(body: Body) -> Body:
        yield from (begun := _Beginning(body, after))
        action()
        yield begun.rest
        yield from body

    return _on(of, f"an action after {after} bytes", acting)


def lie(by: int) -> Fault:
    """Announce a Content-Length that is so much too large, or too small if `by` is negative."""
    return Fault(f"length wrong by {by}", length=lambda length: max(0, length + by))


def lose() -> Fault:
    """Close the connection instead of passing the answer on: what was asked for is done, and the client cannot know."""
    return Fault("answer lost", lost=True)


def ignore_range() -> Fault:
    """Have the server answer 200 with everything, whatever range is asked for."""

    def without(headers: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in headers.items() if name.lower() not in ("range", "if-range")}

    return Fault("200 to a range", ask=without)


def shift(count: int) -> Fault:
    """Have a range begin `count` bytes earlier than asked for; the 206 says so."""

    def earlier(headers: dict[str, str]) -> dict[str, str]:
        return {name: _earlier(value, count) if name.lower() == "range" else value for name, value in headers.items()}

    return Fault(f"206 from {count} bytes earlier", ask=earlier)


def answer(script: Script, name: str | None = None) -> Fault:
    """Give an answer, or what a function makes of the request, instead of asking the server."""
    return Fault(name or (f"status {script.status}" if isinstance(script, Answer) else "another answer"), script)


def busy(status: int = 503, retry_after: object = 0) -> Fault:
    """Refuse with `status` and ask for a new attempt after so many seconds, or at an HTTP date."""
    return answer(Answer.problem(status, "busy", "come back later", {"Retry-After": str(retry_after)}))


def unsatisfiable(size: int | None = None) -> Fault:
    """Answer 416: there is nothing at that place of an object that has `size` bytes, if told."""
    return answer(Answer(416, headers={} if size is None else {"Content-Range": f"bytes */{size}"}))


def loop(status: int = 301) -> Fault:
    """Redirect to where the request came from."""

    def again(request: Request) -> Answer:
        return Answer.redirect(f"{request.path}?{request.query}" if request.query else request.path, status)

    return answer(again, f"{status} to itself")


def expired() -> Fault:
    """Refuse as S3 does once the time of a signed address is over."""
    words = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    return answer(Answer(403, words, {"Content-Type": "application/xml"}), "address expired")


def swap(data: bytes, etag: str | None = None) -> Fault:
    """Answer as if the object were another one by now: these bytes, with this ETag."""
    return answer(Blob(data, etag), "object swapped")


def _on(of: Side, name: str, change: Callable[[Body], Body]) -> Fault:
    if of == "answer":
        return Fault(name, answer=change)
    return Fault(f"{name} (request)", request=change)


def _broken(body: Body, after: int, manner: Manner) -> Body:
    yield from _Beginning(body, after)
    raise Broken(manner)


class _Beginning:
    """The first `count` bytes of a body, or all if there are fewer; `rest` is what is left of the last piece."""

    def __init__(self, body: Body, count: int) -> None:
        self._body, self._left = body, count
        self.rest = b""

    def __iter__(self) -> Body:
        while self._left > 0 and (data := next(self._body, None)) is not None:
            self.rest = data[self._left :]
            self._left -= len(data)
            yield data[: len(data) - len(self.rest)]


def _earlier(value: str, count: int) -> str:
    return re.sub(r"\d+", lambda found: str(max(0, int(found[0]) - count)), value, count=1)
