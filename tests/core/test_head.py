"""The beginnings of requests and answers, byte by byte."""

from __future__ import annotations

import io
import socket
from http.client import BadStatusLine, HTTPException, InvalidURL, LineTooLong, RemoteDisconnected

import pytest

from hca_core.http.head import FileResponse, read_headers, request_head


def answer(text: bytes) -> FileResponse:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(text)
        theirs.shutdown(socket.SHUT_WR)
        response = FileResponse(ours)
        response.begin()
    return response


def body(response: FileResponse, most: int = 1000) -> bytes:
    data, count = bytearray(most), 0
    while more := response.readinto(memoryview(data)[count:]):
        count += more
    return bytes(data[:count])


def test_a_request():
    assert request_head("host:81", "/a?b=c", {"Range": "bytes=1-"}) == (
        b"GET /a?b=c HTTP/1.1\r\nHost: host:81\r\nRange: bytes=1-\r\n\r\n"
    )


@pytest.mark.parametrize("target", ["", "/a b", "/a\r\nX: y", "/\n", "/\x7f", "/ü"])
def test_a_target_that_ends_its_line_is_refused(target: str):
    with pytest.raises(InvalidURL):
        request_head("host", target, {})


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "\x00", "\u20ac"])
def test_a_header_that_ends_its_line_is_refused(value: str):
    with pytest.raises(ValueError, match="control"):
        request_head("host", "/", {"If-Range": value})


def test_headers_are_found_in_any_case_and_the_first_counts():
    found = read_headers(io.BytesIO(b'ETag: "a"\r\nLocation: /x\nlocation: /y\r\nX-Long: one\r\n  two\r\n\r\nbody'))
    assert found["etag"] == found["ETag"] == found.get("ETAG") == '"a"'
    assert found["Location"] == "/x"
    assert found["x-long"] == "one two"
    assert "eTag" in found
    assert "Missing" not in found
    assert found.get("Missing", "-") == "-"


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", HTTPException),
        (b"".join(b"X-%d: y\r\n" % number for number in range(101)) + b"\r\n", HTTPException),
        (b"X: " + b"y" * 70_000 + b"\r\n\r\n", LineTooLong),
    ],
)
def test_headers_that_cannot_be_trusted_are_refused(head: bytes, error: type[Exception]):
    with pytest.raises(error):
        read_headers(io.BytesIO(head))


@pytest.mark.parametrize(
    ("start", "error"),
    [
        (b"", RemoteDisconnected),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", BadStatusLine),
        (b"HTTP/1.1 2000 OK\r\n\r\n", BadStatusLine),
        (b"HTTP/1.1 abc OK\r\n\r\n", BadStatusLine),
        (b"HTTP/2 200\r\n\r\n", BadStatusLine),
        (b"HTTP/1.1 200 " + b"O" * 70_000 + b"\r\n\r\n", LineTooLong),
    ],
)
def test_a_first_line_that_is_none(start: bytes, error: type[Exception]):
    with pytest.raises(error):
        answer(start)


@pytest.mark.parametrize(
    ("head", "status", "length", "stays_open"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", 200, 4, True),
        (b"HTTP/1.1 200\r\nContent-Length: 4\r\n\r\nbody", 200, 4, True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 206 Partial\r\nContent-Length: 4\r\n\r\nbody", 206, 4, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: Close\r\n\r\nbody", 200, 4, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", 200, 4, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\nbody", 200, 4, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nbody", 200, None, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\nbody", 200, None, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nbody", 200, None, False),
        (b"HTTP/1.1 200 OK\r\n\r\nbody", 200, None, False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", 200, None, True),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
            200,
            None,
            True,
        ),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", 304, 0, True),
    ],
)
def test_an_answer(head: bytes, status: int, length: int | None, stays_open: bool):
    response = answer(head)
    assert (response.status, response.length, not response.will_close) == (status, length, stays_open)
    assert body(response) == (b"" if status == 304 else b"body")
