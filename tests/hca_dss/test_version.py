"""DSS_VERSION timestamps."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from hca_core.errors import ArgumentError
from hca_dss.version import Versions, check_version, create_version


def test_a_version_is_utc_now_in_25_characters() -> None:
    moment = datetime(2024, 5, 1, 12, 1, 0, 123, tzinfo=timezone.utc)
    assert Versions(lambda: moment)() == "2024-05-01T120100.000123Z"
    assert abs(datetime.now(timezone.utc) - _parsed(create_version())) < timedelta(minutes=1)


def _parsed(version: str) -> datetime:
    return datetime.strptime(version, "%Y-%m-%dT%H%M%S.%f%z")


def test_versions_grow_even_when_the_clock_is_set_back() -> None:
    moments = iter([datetime(2024, 5, 1, 12, tzinfo=timezone.utc), datetime(2024, 5, 1, 11, tzinfo=timezone.utc)])
    versions = Versions(lambda: next(moments))
    assert [versions(), versions()] == ["2024-05-01T120000.000000Z", "2024-05-01T120000.000001Z"]


def test_check_version_returns_a_good_one() -> None:
    assert check_version("2024-02-29T235959.999999Z") == "2024-02-29T235959.999999Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-02-30T000000.000000Z",
        "2024-05-01T12:00:00.000000Z",
        "2024-05-01T120000.0Z",
        "../x",
        "٢024-05-01T120000.000000Z",
    ],
)
def test_check_version_names_a_bad_one(text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        check_version(text)
    assert repr(text) in caught.value.message
