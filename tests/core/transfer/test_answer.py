from __future__ import annotations

import pytest

from hca_core.transfer.answer import Answer, is_slice, may_be_sliced, read_answer


def read(status: int, offset: int = 0, validator: str | None = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_answer(status, named, offset=offset, validator=validator)


def test_a_whole_file() -> None:
    assert read(200, Content_Length="5", ETag='"a"') == Answer(200, 0, 5, validator='"a"')


def test_d13_a_whole_file_although_a_range_was_asked_for_starts_at_zero() -> None:
    assert read(200, offset=3, content_length="5").start == 0


def test_the_rest_of_a_file() -> None:
    assert read(206, offset=3, validator='"a"', Content_Range="bytes 3-4/5", ETag='"a"') == Answer(
        206, 3, 5, validator='"a"'
    )
    assert read(206, offset=3, Content_Range="bytes 3-4/*") == Answer(206, 3, None)


@pytest.mark.parametrize(
    "content_range", ["bytes 2-4/5", "bytes 4-4/5", "bytes */5", "bytes", "", "bytes 3-4/5, 6-7", "items 3-4/5"]
)
def test_bytes_from_elsewhere_are_of_no_use(content_range: str) -> None:
    assert read(206, offset=3, Content_Range=content_range).start is None


def test_an_absurd_number_is_no_range() -> None:
    assert read(206, offset=3, Content_Range=f"bytes 3-4/{'9' * 5000}").start is None
    assert read(200, Content_Length="9" * 5000).total is None


def test_a_range_of_another_version_is_of_no_use() -> None:
    assert read(206, offset=3, validator='"a"', Content_Range="bytes 3-4/5", ETag='"b"').start is None


def test_an_encoded_range_is_of_no_use() -> None:
    assert read(206, offset=3, Content_Range="bytes 3-4/5", Content_Encoding="gzip").start is None


def test_an_encoded_file_cannot_be_continued_and_its_length_is_unknown() -> None:
    assert read(200, Content_Length="5", Content_Encoding="gzip") == Answer(200, 0, None, resumable=False)
    assert read(200, Content_Length="5", Content_Encoding="identity").total == 5


def test_a_weak_etag_proves_nothing() -> None:
    assert read(200, ETag='W/"a"').validator is None


def test_nothing_left_at_the_end_of_the_file() -> None:
    assert read(416, offset=5, Content_Range="bytes */5") == Answer(416, 5, 5, complete=True)
    assert read(416, offset=5) == Answer(416, 5, None, complete=True)


def test_nothing_there_because_the_file_is_shorter() -> None:
    assert read(416, offset=5, Content_Range="bytes */4").start is None
    assert read(416, offset=0).start is None


def test_an_empty_file_may_have_no_range_at_all() -> None:
    assert read(416, offset=0, Content_Range="bytes */0") == Answer(416, 0, 0, complete=True)


@pytest.mark.parametrize("status", [201, 204, 304])
def test_other_answers_are_no_file(status: int) -> None:
    assert read(status).start is None


RIGHT = {"Content-Range": "bytes 10-19/50", "Content-Length": "10", "ETag": '"a"'}


def sliced(status: int = 206, **changes: str | None) -> bool:
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    headers = {name: value for name, value in {**RIGHT, **named}.items() if value is not None}
    return is_slice(status, headers, range(10, 20), total=50, validator='"a"')


def test_a_slice_is_exactly_what_was_asked_for() -> None:
    assert sliced()
    assert sliced(Content_Encoding="identity")
    assert is_slice(206, {key.upper(): value for key, value in RIGHT.items()}, range(10, 20), total=50, validator='"a"')


@pytest.mark.parametrize("status", [200, 204, 304, 403, 412, 416, 503])
def test_another_status_is_no_slice(status: int) -> None:
    assert not sliced(status)


@pytest.mark.parametrize(
    "changes",
    [
        {"Content_Range": None},
        {"Content_Range": "bytes 9-19/50"},
        {"Content_Range": "bytes 10-18/50"},
        {"Content_Range": "bytes 10-49/50"},
        {"Content_Range": "bytes 10-19/51"},
        {"Content_Range": "bytes 10-19/*"},
        {"Content_Length": None},
        {"Content_Length": "9"},
        {"Content_Length": "11"},
        {"ETag": None},
        {"ETag": '"b"'},
        {"ETag": 'W/"a"'},
        {"Content_Encoding": "gzip"},
    ],
)
def test_whatever_is_not_certain_to_be_the_slice_is_none(changes: dict[str, str | None]) -> None:
    assert not sliced(**changes)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {"Accept-Ranges": "bytes", "ETag": '"a"'}, True),
        (200, {"accept-ranges": "Bytes", "etag": '"a"'}, True),
        (206, {"Content-Range": "bytes 0-4/5", "ETag": '"a"'}, True),
        (200, {"ETag": '"a"'}, False),
        (200, {"Accept-Ranges": "none", "ETag": '"a"'}, False),
        (200, {"Accept-Ranges": "bytes"}, False),
        (200, {"Accept-Ranges": "bytes", "ETag": 'W/"a"'}, False),
        (200, {"Accept-Ranges": "bytes", "ETag": '"a"', "Content-Encoding": "gzip"}, False),
    ],
)
def test_slices_are_asked_for_only_where_they_are_offered_and_can_be_told_apart(
    status: int, headers: dict[str, str], expected: bool
) -> None:
    assert may_be_sliced(read_answer(status, headers, offset=0, validator=None), headers) is expected
