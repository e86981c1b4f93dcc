"""What a test server is asked and what it answers, misbehaviour included."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPMessage
from typing import Any
from urllib.parse import parse_qs

__all__ = ["Answer", "Blob", "Request", "Script"]


@dataclass(frozen=True)
class Request:
    """A request as it arrived. `path` is without the query, and absolute (`http://…`) if we are asked as a proxy."""

    method: str
    path: str
    query: str
    headers: HTTPMessage
    body: bytes

    @property
    def params(self) -> dict[str, list[str]]:
        """The query's parameters, each with all its values."""
        return parse_qs(self.query, keep_blank_values=True)

    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the server says, and how it misbehaves while saying it.

    `length` is the Content-Length it claims (by default the true one); with `chunked` there is none. After `cut` body
    bytes it hangs up. After `stall_at` body bytes it sends nothing more until `release` is set. With `hang_up` it
    closes the connection without a word.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    chunked: bool = False
    cut: int | None = None
    stall_at: int | None = None
    release: threading.Event | None = None
    hang_up: bool = False

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """Return an answer with a JSON body."""
        body = json.dumps(value).encode()
        return cls(status, body, {"Content-Type": "application/json", **(headers or {})})

    @classmethod
    def problem(cls, status: int, code: str, title: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return an error with a problem document, as the DSS writes it."""
        document = {"status": status, "code": code, "title": title, "stacktrace": ""}
        return cls.json(document, status, {"Content-Type": "application/problem+json", **(headers or {})})

    @classmethod
    def redirect(cls, location: str, status: int = 302, retry_after: object = None) -> Answer:
        """Return a redirect, with a `Retry-After` header unless that is None."""
        headers = {"Location": location}
        return cls(status, headers=headers if retry_after is None else {**headers, "Retry-After": str(retry_after)})


Script = Answer | Callable[[Request], Answer]


class Blob:
    """A file that a `FakeServer` serves, with range requests as in HTTP's book unless a fault is switched on.

    Change `data` and `etag` between requests to play an object that was replaced. `sent` counts the body bytes that
    left. Faults hold for the next `times` requests, then the blob behaves again.
    """

    def __init__(self, data: bytes, etag: str | None = None, *, ranges: bool = True) -> None:
        self.data = data
        self.etag = etag
        self.ranges = ranges
        self.sent = 0
        self._faults: deque[Callable[[Answer], Answer]] = deque()
        self._lock = threading.Lock()

    def cut(self, after: int, times: int = 1) -> None:
        """Hang up after `after` body bytes."""
        self._add(lambda answer: replace(answer, cut=after), times)

    def stall(self, after: int, times: int = 1) -> threading.Event:
        """Stop sending after `after` body bytes until the returned event is set (or the server ends)."""
        release = threading.Event()
        self._add(lambda answer: replace(answer, stall_at=after, release=release), times)
        return release

    def corrupt(self, position: int, times: int = 1) -> None:
        """Flip the bits of the byte at `position` of the body."""

        def flip(answer: Answer) -> Answer:
            body = bytearray(answer.body)
            body[position] ^= 0xFF
            return replace(answer, body=bytes(body))

        self._add(flip, times)

    def claim(self, length: int, times: int = 1) -> None:
        """Announce `length` as Content-Length, whatever is sent."""
        self._add(lambda answer: replace(answer, length=length), times)

    def chunk(self, times: int = 1) -> None:
        """Send the body in chunks, without a Content-Length."""
        self._add(lambda answer: replace(answer, chunked=True), times)

    def ignore_range(self, times: int = 1) -> None:
        """Answer 200 with everything, whatever range is asked for."""
        self._add(lambda _: self._whole(), times)

    def shift(self, count: int, times: int = 1) -> None:
        """Answer a range request with a 206 that begins `count` bytes earlier than asked for, and says so."""

        def earlier(answer: Answer) -> Answer:
            if answer.status != 206:
                return answer
            start, last = re.findall(r"\d+", answer.headers["Content-Range"])[:2]
            return self._part(int(start) - count, int(last))

        self._add(earlier, times)

    def answer_once(self, answer: Answer) -> None:
        """Give this answer to the next request instead of the file."""
        self._add(lambda _: answer, 1)

    def __call__(self, request: Request) -> Answer:
        """Return the answer to a request, with the next fault applied."""
        answer = self._answer(request)
        with self._lock:
            fault = self._faults.popleft() if self._faults else None
        return fault(answer) if fault else answer

    def _add(self, fault: Callable[[Answer], Answer], times: int) -> None:
        with self._lock:
            self._faults.extend([fault] * times)

    def _answer(self, request: Request) -> Answer:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        changed = request.headers.get("If-Range", self.etag) != self.etag
        if not wanted or not self.ranges or changed:
            return self._whole()
        start, last = int(wanted[1]), min(int(wanted[2] or len(self.data)), len(self.data) - 1)
        if start >= len(self.data) or last < start:
            return Answer(416, headers={"Content-Range": f"bytes */{len(self.data)}"})
        return self._part(start, last)

    def _whole(self) -> Answer:
        return Answer(200, self.data, self._headers())

    def _part(self, start: int, last: int) -> Answer:
        headers = {**self._headers(), "Content-Range": f"bytes {start}-{last}/{len(self.data)}"}
        return Answer(206, self.data[start : last + 1], headers)

    def _headers(self) -> dict[str, str]:
        ranges = {"Accept-Ranges": "bytes"} if self.ranges else {}
        return {"Content-Type": "application/octet-stream", **ranges, **({"ETag": self.etag} if self.etag else {})}
