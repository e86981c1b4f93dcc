"""Which values a setting takes."""

from __future__ import annotations

from typing import Any

import pytest

from hca_core.records import SettingSpec
from hca_core.settings.kinds import kind_of, mismatch

LEVEL = SettingSpec("level", "INFO", "", choices=("INFO", "ERROR"))
SECONDS = SettingSpec("seconds", 20.0, "", minimum=0.5)
JOBS = SettingSpec("jobs", None, "", kind="integer", minimum=1)
ANYTHING = SettingSpec("anything", None, "")
WORDS = SettingSpec("words", None, "", kind="list")


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        *((LEVEL, value) for value in ("INFO", "error", "Error")),
        *((SECONDS, value) for value in (0.5, 1, 1e9)),
        *((JOBS, value) for value in (1, 64, None)),
        *((ANYTHING, value) for value in (1, "x", None, {})),
        (WORDS, ["a"]),
        (SettingSpec("x", None, "", kind="of a later version"), "x"),
    ],
)
def test_what_fits(spec: SettingSpec, value: Any) -> None:
    assert mismatch(value, spec) is None


@pytest.mark.parametrize(
    ("spec", "value", "wanted"),
    [
        (LEVEL, "BLAH", "one of INFO, ERROR"),
        (LEVEL, 5, "text"),
        (LEVEL, None, "text"),
        (SECONDS, 0, "at least 0.5"),
        (SECONDS, -1.5, "at least 0.5"),
        (SECONDS, float("nan"), "a number that can be counted to"),
        (SECONDS, float("inf"), "a number that can be counted to"),
        (SECONDS, "20", "a number"),
        (SECONDS, True, "a number"),
        (JOBS, "lots", "a whole number"),
        (JOBS, 2.5, "a whole number"),
        (JOBS, 0, "at least 1"),
        (JOBS, False, "a whole number"),
        (WORDS, "a", "a list"),
    ],
)
def test_what_does_not_fit(spec: SettingSpec, value: Any, wanted: str) -> None:
    assert mismatch(value, spec) == wanted


@pytest.mark.parametrize(
    ("value", "name"),
    [(True, "boolean"), (1, "integer"), (1.0, "number"), ("", "text"), ([], "list"), ({}, "object"), (None, "")],
)
def test_kinds(value: Any, name: str) -> None:
    assert kind_of(value) == name
