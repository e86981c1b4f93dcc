"""Schemas: what the quick check lets through is what the thorough one lets through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hca_local.schemas import Schema

ENTRY = {
    "type": "object",
    "required": ["name", "size"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 1},
        "size": {"type": "integer", "format": "int64"},
        "small": {"type": "integer", "format": "int32", "minimum": 0},
        "version": {"type": "string", "format": "EVEN"},
        "email": {"type": "string", "format": "email"},
        "kind": {"enum": ["a", "b"]},
        "format": {"type": "string", "default": "x"},
        "more": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "additionalProperties": False,
}
SCHEMA = {"type": "array", "items": ENTRY, "maxItems": 3}
FORMATS = {"EVEN": lambda text: len(text) % 2 == 0}
GOOD = {"name": "a", "size": 1}


def is_valid(value: Any) -> bool:
    return Schema(SCHEMA, FORMATS).error(value) is None


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"size": 2**63 - 1},
        {"small": 2**31 - 1},
        {"version": "ab"},
        {"email": "a format that is not named is not checked"},
        {"kind": "b"},
        {"format": "y"},
        {"more": {"x": "y"}},
    ],
)
def test_what_fits(more: dict[str, Any]) -> None:
    assert is_valid([{**GOOD, **more}])


@pytest.mark.parametrize(
    "more",
    [
        {"name": "a\n"},
        {"name": ""},
        {"size": 2**63},
        {"size": 1.0},
        {"size": True},
        {"small": 2**31},
        {"small": -1},
        {"version": "abc"},
        {"kind": "c"},
        {"more": {"x": 1}},
        {"other": 1},
    ],
)
def test_what_does_not_fit(more: dict[str, Any]) -> None:
    assert not is_valid([{**GOOD, **more}])


def test_an_error_tells_where_and_why() -> None:
    error = Schema(SCHEMA, FORMATS).error([GOOD, {**GOOD, "version": "abc"}])
    assert error is not None
    assert list(error.absolute_path) == [1, "version"]
    assert (error.validator, error.validator_value) == ("format", "EVEN")


def test_values_are_left_alone() -> None:
    value = [dict(GOOD)]
    assert is_valid(value)
    assert value == [GOOD]


def test_a_schema_that_cannot_be_compiled_is_still_checked() -> None:
    odd = Schema({"type": "object", "properties": {"a": {"type": "integer"}}, "required": "a"}, {})
    assert odd.error({"a": "x"}) is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ENTRIES = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b\n", "B", ""]) | VALUES, "size": st.integers() | VALUES},
    optional={name: VALUES for name in ENTRY["properties"] if name not in ("name", "size")},  # type: ignore[attr-defined]
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(ENTRIES, max_size=4) | VALUES)
def test_both_checks_agree(value: Any) -> None:
    thorough = Schema(SCHEMA, FORMATS)
    assert is_valid(value) == (next(thorough._validator.iter_errors(value), None) is None)


def test_a_dollar_sign_between_brackets_is_no_end() -> None:
    schema = Schema({"properties": {"id": {"type": "string", "pattern": "^[a-z$,]{1,3}$"}}}, {})
    assert schema.error({"id": "a$,"}) is None
    assert schema.error({"id": "a$,b"}) is not None
    assert schema.error({"id": "a\n"}) is not None
