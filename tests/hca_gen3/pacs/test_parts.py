"""Multipart answers, however they are cut into pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hca_gen3.pacs.faults import BrokenError
from hca_gen3.pacs.parts import boundary_of, read_parts

CONTENTS = [b"one\r\n--x\r\n\r\n--bound", b"", b"\r\n", b"two" * 1000]
BODY = b"".join(b"\r\n--bound!\r\nContent-Type: application/dicom\r\n\r\n" + content for content in CONTENTS)
BODY = BODY + b"\r\n--bound!--\r\nepilogue"


def cut(body: bytes, size: int) -> Iterator[bytes]:
    yield from (body[start : start + size] for start in range(0, len(body), size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
@pytest.mark.parametrize("before", [b"", b"preamble", b"\r\n"])
def test_parts(size: int, before: bytes) -> None:
    parts = read_parts(cut(before + BODY, size), b"bound!")
    assert [b"".join(part) for part in parts] == CONTENTS


def test_the_first_boundary_may_come_first() -> None:
    assert [b"".join(part) for part in read_parts(cut(BODY[2:], 5), b"bound!")] == CONTENTS


def test_parts_without_headers() -> None:
    assert [b"".join(part) for part in read_parts([b"--b\r\n\r\nx\r\n--b--"], b"b")] == [b"x"]


def test_a_part_that_nobody_reads_is_skipped() -> None:
    assert len(list(read_parts(cut(BODY, 50), b"bound!"))) == len(CONTENTS)


def test_pieces_go_on_as_they_come() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"--b\r\n\r\n" + b"x" * 100
        raise AssertionError("more was read than needed")

    assert next(next(read_parts(pieces(), b"b"))).startswith(b"xxx")


@pytest.mark.parametrize("length", [0, 3, 10, 30, 60, len(BODY) - 12])
def test_an_answer_that_ends_early(length: int) -> None:
    with pytest.raises(BrokenError, match="ended in the middle"):
        list(map(b"".join, read_parts([BODY[:length]], b"bound!")))


def test_an_answer_of_something_else() -> None:
    with pytest.raises(BrokenError, match="not made of parts"):
        list(read_parts([b"--bXX"], b"b"))


def test_headers_that_do_not_end() -> None:
    with pytest.raises(BrokenError, match="do not end"):
        list(read_parts([b"--b\r\n" + b"X: y\r\n" * 100_000], b"b"))


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary="a b"', b"a b"),
        ("multipart/related; boundary=xyz", b"xyz"),
        ("multipart/related", None),
        ("application/dicom; boundary=x", None),
        ("", None),
    ],
)
def test_the_boundary(header: str, boundary: bytes | None) -> None:
    assert boundary_of(header) == boundary
