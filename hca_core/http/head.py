"""The beginning of requests and answers: their first line and their headers, written and read as plainly as possible.

`http.client` hands headers to the mail parser, which takes longer than everything else about a small file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.client import BadStatusLine, HTTPException, HTTPResponse, InvalidURL, LineTooLong, RemoteDisconnected
from typing import BinaryIO

__all__ = ["FileResponse", "Headers", "read_headers", "request_head"]

_MOST_HEADERS = 100
_MOST_HEADS = 10  # an answer and what is said before it, such as 103
_LONGEST = 65536  # bytes of a line
_STATUS = re.compile(rb"HTTP/1\.(\d) +([1-9]\d\d)(?: ([^\r\n]*))?\r?\n")
_TARGET = re.compile(r"[!-~]+")
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_VALUE = re.compile(r"[\t -~\x80-\xff]*")


class Headers(dict[str, str]):
    """The headers of an answer; of several with one name, the first. They may be asked for in upper or lower case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return super().get(name.lower(), default)


def request_head(host: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return what a GET request consists of. `host` is what the header of that name says.

    Raises:
        InvalidURL, ValueError: something in the target or in a header would end the line.
    """
    if not _TARGET.fullmatch(target):
        raise InvalidURL("the address contains blanks or control characters")
    if not all(map(_VALUE.fullmatch, headers.values())):
        raise ValueError("a header contains control characters")
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1")


def read_headers(file: BinaryIO) -> Headers:
    """Read headers up to the empty line that ends them.

    Raises:
        HTTPException: they are too many or too long, or contradict each other about the length of the body.
    """
    found = Headers()
    name = ""
    for _ in range(_MOST_HEADERS + 1):
        line = _line(file)
        if line in (b"\r\n", b"\n", b""):
            return found
        text = line.decode("latin-1")
        if text[0] in " \t":
            found[name] = f"{found.get(name, '')} {text.strip()}"
            continue
        name, _, value = text.partition(":")
        name, value = name.lower(), value.strip()
        if found.setdefault(name, value) != value and name == "content-length":
            raise HTTPException("the answer has two different lengths")
    raise HTTPException(f"the answer has more than {_MOST_HEADERS} headers")


class FileResponse(HTTPResponse):
    """An answer whose head is read as above; its body is read by `http.client`."""

    named: Headers

    def begin(self) -> None:
        for _ in range(_MOST_HEADS):
            minor, status = self._status_line()
            self.named = read_headers(self._file)
            if status >= 200:
                break
        else:
            raise HTTPException("no answer came, only announcements of one")
        self.code = self.status = status
        self.headers = self.msg = None  # type: ignore[assignment]  # nobody may look for them here
        self.version = 11 if minor else 10
        self.chunked = self.named.get("transfer-encoding", "").lower() == "chunked"  # type: ignore[union-attr]
        self.chunk_left = None
        self.length = self._body_length(status)
        self.will_close = self._says_farewell() or (self.length is None and not self.chunked)

    @property
    def _file(self) -> BinaryIO:
        assert self.fp is not None
        return self.fp

    def _status_line(self) -> tuple[int, int]:
        line = _line(self._file)
        if not line:
            raise RemoteDisconnected("the connection was closed without an answer")
        found = _STATUS.fullmatch(line)
        if not found:
            raise BadStatusLine(line[:100].decode("latin-1"))
        self.reason = (found[3] or b"").decode("latin-1").strip()
        return int(found[1]), int(found[2])

    def _body_length(self, status: int) -> int | None:
        if status in (204, 304):
            return 0
        said = self.named.get("content-length") or ""
        return int(said) if _LENGTH.fullmatch(said) and not self.chunked else None

    def _says_farewell(self) -> bool:
        words = (self.named.get("connection") or "").lower()
        return "close" in words if self.version == 11 else "keep-alive" not in words


def _line(file: BinaryIO) -> bytes:
    line = file.readline(_LONGEST + 1)
    if len(line) > _LONGEST:
        raise LineTooLong("header line")
    return line
