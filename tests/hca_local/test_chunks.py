"""The chunked transfer coding, sound and broken."""

from __future__ import annotations

import io

import pytest

from hca_local.chunks import ChunkedBody
from hca_local.guard import BodyTooLarge

MAX_BODY = 100_000


class Metered(io.BytesIO):
    """Bytes that know how many of them were asked for at once."""

    largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.largest = max(self.largest, size or 0)
        return super().read(size)


def test_a_large_chunk_is_read_in_pieces() -> None:
    source = Metered(b"186a0\r\n" + b"x" * 100_000 + b"\r\n0\r\n\r\n")
    body = ChunkedBody(source, MAX_BODY)
    pieces = list(iter(lambda: body.read(1000), b""))
    assert b"".join(pieces) == b"x" * 100_000
    assert source.largest == 1000


def test_a_chunked_body_can_be_read_as_a_whole() -> None:
    assert ChunkedBody(io.BytesIO(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), MAX_BODY).read() == b"abc"


@pytest.mark.parametrize(
    "data",
    [b"", b"x\r\n", b"-1\r\n", b"1\na\n", b"2\r\na", b"1\r\nabc", b"1" * 5000, b"0\r\n" + b"a: b\r\n" * 101],
)
def test_what_is_not_chunked_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        ChunkedBody(io.BytesIO(data), MAX_BODY).read()


def test_chunks_have_a_limit_together() -> None:
    with pytest.raises(BodyTooLarge):
        ChunkedBody(io.BytesIO(b"2\r\nab\r\n2\r\ncd\r\n"), 3).read()
