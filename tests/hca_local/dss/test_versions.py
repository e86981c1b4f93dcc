from __future__ import annotations

from datetime import datetime, timezone

import pytest

from hca_local.dss.versions import Versions, format_version, is_version


@pytest.mark.parametrize(
    "text", ["2024-05-01T120000.000000Z", "0001-01-01T000000.000001Z", "9999-12-31T235959.999999Z"]
)
def test_versions(text: str) -> None:
    assert is_version(text)


@pytest.mark.parametrize(
    "text",
    ["", "2024-05-01", "2024-05-01T12:00:00.000000Z", "2024-05-01T120000.00000Z", "2024-05-01T120000.0000000Z",
     "2024-02-30T120000.000000Z", "2024-05-01T240000.000000Z", "0000-05-01T120000.000000Z",
     "2024-05-01T120000.000000Z\n", "2024-05-01t120000.000000z", "٢٠٢٤-05-01T120000.000000Z"],
)  # fmt: skip
def test_no_versions(text: str) -> None:
    assert not is_version(text)


def test_years_have_four_digits() -> None:
    assert format_version(datetime(303, 2, 1, 4, 5, 6, 7)) == "0303-02-01T040506.000007Z"


def test_new_versions_grow_even_if_the_clock_does_not() -> None:
    first, earlier = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (2024, 2023))
    times = iter([first, first, earlier])
    new_version = Versions(lambda: next(times))
    assert [new_version() for _ in range(3)] == [f"2024-01-01T000000.{tick:06d}Z" for tick in range(3)]
