"""A server without a network: an `Opener` over bytes in memory, which misbehaves on request."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hca_core.errors import ApiError, NetworkError
from hca_core.transfer.job import TransferJob

FAULTS = (
    "cut",  # the connection breaks after `amount` bytes of the body
    "short",  # the body just ends after `amount` bytes
    "stall at open",  # no answer at all
    "whole",  # 200 although a range was asked for
    "shift",  # 206, but from `amount` bytes earlier on, and saying so
    "unlabelled",  # 206 without a Content-Range
    "corrupt",  # the byte at `amount` of the body is wrong
    "long",  # one byte too many
    "gzip",  # Content-Encoding, and the connection breaks after `amount` bytes
    "no length",  # neither Content-Length nor a total
    "replaced",  # from now on, other content of the same size with another ETag
    "416",  # there is nothing at that offset, it says
    "gone",  # 404
)


@dataclass(frozen=True)
class Fault:
    kind: str
    amount: int = 0


class Origin:
    """Serves `data` under any URL; each request meets the next of `faults`. `requests` has (offset, validator)."""

    def __init__(self, data: bytes, *faults: Fault, etag: str | None = '"1"', piece: int = 1 << 16) -> None:
        self.data, self.etag, self.piece = data, etag, piece
        self.faults = deque(faults)
        self.requests: list[tuple[int, str | None]] = []
        self.sent = 0

    def __call__(self, url: str, *, offset: int = 0, validator: str | None = None) -> Stream:
        self.requests.append((offset, validator))
        fault = self.faults.popleft() if self.faults else Fault("none")
        if fault.kind == "stall at open":
            raise NetworkError("no answer", url=url, attempts=3)
        if fault.kind == "gone":
            raise ApiError("not there", status=404)
        if fault.kind == "replaced":
            self.data = bytes(byte ^ 0xFF for byte in self.data)
            self.etag = '"2"'
        return self._answer(fault, offset, validator)

    def _answer(self, fault: Fault, offset: int, validator: str | None) -> Stream:
        changed = validator is not None and validator != self.etag
        headers = {"ETag": self.etag} if self.etag else {}
        size = len(self.data)
        if fault.kind == "416" or (offset and offset >= size and not changed):
            return Stream(self, Fault("none"), 416, {**headers, "Content-Range": f"bytes */{size}"}, b"")
        if fault.kind == "gzip":
            headers["Content-Encoding"] = "gzip"
        if not offset or changed or fault.kind == "whole":
            length = {} if fault.kind == "no length" else {"Content-Length": str(size)}
            return Stream(self, fault, 200, {**headers, **length}, self.data)
        start = max(0, offset - fault.amount) if fault.kind == "shift" else offset
        total = "*" if fault.kind == "no length" else size
        if fault.kind != "unlabelled":
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{total}"
        return Stream(self, fault, 206, headers, self.data[start:])


class Stream:
    def __init__(self, origin: Origin, fault: Fault, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.url = status, headers, "http://127.0.0.1/"
        self._origin, self._fault = origin, fault
        if fault.kind == "corrupt" and fault.amount < len(body):
            body = body[: fault.amount] + bytes([body[fault.amount] ^ 1]) + body[fault.amount + 1 :]
        self._body = memoryview(body + b"!" * (fault.kind == "long"))
        self._end = min(fault.amount, len(self._body)) if fault.kind in ("cut", "short", "gzip") else len(self._body)
        self._position = 0
        self.closed = False

    def readinto(self, buffer: memoryview) -> int:
        assert not self.closed
        count = min(len(buffer), self._origin.piece, self._end - self._position)
        if not count and self._fault.kind in ("cut", "gzip"):
            raise NetworkError("the connection broke", attempts=1)
        buffer[:count] = self._body[self._position : self._position + count]
        self._position += count
        self._origin.sent += count
        return count

    def close(self) -> None:
        self.closed = True


def job_for(data: bytes, target: Path, *, size: bool = True, sha256: bool = True, identity: str = "it") -> TransferJob:
    """Return a job that wants `data`."""
    return TransferJob(
        name=target.name,
        url="http://127.0.0.1/data",
        target=target,
        identity=identity,
        size=len(data) if size else None,
        sha256=hashlib.sha256(data).hexdigest() if sha256 else None,
    )
