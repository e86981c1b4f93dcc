from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hca_core.errors import NetworkError
from hca_core.transfer.piece import Piece, RefusedError

BROKEN = NetworkError("broken", attempts=1)
RIGHT = {"Content-Range": "bytes 10-15/50", "Content-Length": "6", "ETag": '"a"'}


class Stream:
    """Gives the pieces of a body, and raises what is no bytes."""

    url = "http://127.0.0.1/"

    def __init__(self, *body: bytes | Exception, status: int = 206, headers: Mapping[str, str] = RIGHT) -> None:
        self.body, self.status, self.headers = list(body), status, headers
        self.closed = False

    def readinto(self, buffer: memoryview) -> int:
        given = self.body.pop(0) if self.body else b""
        if isinstance(given, Exception):
            raise given
        buffer[: len(given)] = given
        return len(given)

    def close(self) -> None:
        self.closed = True


def fetch(stream: Stream | Exception, piece: Piece | None = None) -> Piece:
    piece = piece or new()

    def opener(start: int, stop: int, validator: str) -> Any:
        assert (start, stop, validator) == (10, 16, '"a"')
        if isinstance(stream, Exception):
            raise stream
        return stream

    def arrived(count: int) -> None:
        piece.filled += count

    try:
        piece.fetch(opener, 50, '"a"', arrived)
    finally:
        assert isinstance(stream, Exception) or stream.closed
    return piece


def new() -> Piece:
    return Piece(10, 16, memoryview(bytearray(8)))


def test_a_piece_is_read_to_its_end() -> None:
    piece = fetch(Stream(b"abc", b"def", b"more than was asked for"))
    assert piece.memory.tobytes() == b"abcdef\0\0"
    assert piece.over


@pytest.mark.parametrize(("status", "final"), [(200, True), (412, True), (416, True), (403, False), (503, False)])
def test_another_answer_is_a_refusal(status: int, final: bool) -> None:
    piece = new()
    with pytest.raises(RefusedError) as caught:
        fetch(Stream(b"abcdef", status=status), piece)
    assert caught.value.final is final
    assert not piece.filled


def test_a_piece_of_another_object_is_refused_for_good() -> None:
    with pytest.raises(RefusedError) as caught:
        fetch(Stream(b"abcdef", headers={**RIGHT, "ETag": '"b"'}))
    assert caught.value.final


@pytest.mark.parametrize("stream", [BROKEN, Stream(BROKEN), Stream()], ids=["no answer", "no byte", "empty"])
def test_who_gets_nothing_may_have_been_too_many(stream: Stream | Exception) -> None:
    with pytest.raises(RefusedError) as caught:
        fetch(stream)
    assert not caught.value.final


@pytest.mark.parametrize("stream", [Stream(b"abc", BROKEN), Stream(b"abc")], ids=["broken", "short"])
def test_what_breaks_off_is_a_failure_of_the_network(stream: Stream) -> None:
    piece = new()
    with pytest.raises(NetworkError):
        fetch(stream, piece)
    assert piece.memory[: piece.filled] == b"abc"


def test_a_piece_that_nobody_needs_any_more_is_not_read_further() -> None:
    piece = new()
    piece.used.set()
    stream = Stream(b"abc", b"def")
    fetch(stream, piece)
    assert stream.body == [b"abc", b"def"]
