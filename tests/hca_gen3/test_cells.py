"""What is in a cell, and what a property makes of it."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hca_gen3.cells import Unreadable, fit, kinds, text

VALUES = st.one_of(
    st.none(),
    st.text(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.sampled_from(["#REF!", "N/A", "TRUE", "1.0", "a\nb", "1e999"]),
)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "array"])
SCHEMAS = st.one_of(
    st.builds(lambda kind: {"type": kind}, TYPES),
    st.builds(lambda found: {"type": sorted(found)}, st.sets(TYPES)),
    st.builds(lambda kind: {"type": "array", "items": {"type": kind}}, TYPES),
    st.builds(lambda choices: {"enum": choices}, st.lists(st.text())),
    st.just({"oneOf": [{"type": "string"}, {"type": "array"}]}),
    st.dictionaries(
        st.sampled_from(["type", "enum", "items", "anyOf"]), st.one_of(st.none(), st.integers(), st.text())
    ),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("  sub-1\u00a0 ", "sub-1"),
        ("N/A", ""),
        ("na", ""),
        (1, "1"),
        (1.0, "1"),
        (0.1 + 0.2, "0.3"),
        (-2.50, "-2.5"),
        (True, "TRUE"),
        (False, "FALSE"),
        (datetime(2023, 7, 1), "2023-07-01"),
        (datetime(2023, 7, 1, 12, 30), "2023-07-01T12:30:00"),
        (date(2023, 7, 1), "2023-07-01"),
        (time(12, 30), "12:30:00"),
        (timedelta(hours=26, seconds=5), "26:00:05"),
        ('a "quoted" word', 'a "quoted" word'),
        ("x", "x"),
        ("a_x000D_\nb", "a\nb"),
    ],
)
def test_text_is_what_people_see(value, expected):
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("#REF!", "it shows the formula error #REF!"),
        (" #N/A", "it shows the formula error #N/A"),
        (float("inf"), "not a finite number"),
        (float("nan"), "not a finite number"),
        (1234567890123456, "more than 15 digits"),
        (Unreadable("it is merged with A2"), "merged with A2"),
    ],
)
def test_a_value_that_cannot_be_trusted_is_refused(value, reason):
    with pytest.raises(ValueError, match=reason):
        text(value)


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        (1.0, {"type": "string"}, "1"),
        ("12", {"type": "integer"}, 12),
        ("1.5", {"type": ["number", "null"]}, 1.5),
        ("1.5", {"oneOf": [{"type": "string"}, {"type": "number"}]}, "1.5"),
        ("1_000", {"type": "integer"}, "1_000"),
        ("many", {"type": "integer"}, "many"),
        (True, {"type": "boolean"}, True),
        ("False", {"type": "boolean"}, False),
        (True, {"type": "string"}, "TRUE"),
        ("Disease", {"enum": ["disease", "disorder"]}, "disease"),
        ("flu", {"enum": ["disease", "disorder"]}, "flu"),
        ("a\nb", {"type": "string"}, "a\nb"),
        ("a\r\n\n b ", {"type": ["string", "array"]}, ["a", "b"]),
        ("a", {"type": ["string", "array"]}, "a"),
        ("a", {"type": "array"}, ["a"]),
        ("1\n2", {"type": "array", "items": {"type": "integer"}}, [1, 2]),
        ("n/a", {"type": "string"}, None),
        ("a", {}, "a"),
    ],
)
def test_a_value_takes_the_type_that_the_property_wants(value, schema, expected):
    found = fit(value, schema)
    assert (found, type(found)) == (expected, type(expected))


def test_kinds_looks_into_alternatives():
    schema = {"anyOf": [{"type": "array"}, {"oneOf": [{"type": ["string", "null"]}]}, True]}
    assert kinds(schema) == {"array", "string", "null"}


@given(VALUES, SCHEMAS)
def test_any_value_becomes_json_or_is_refused_with_a_reason(value, schema):
    reason = "it "
    try:
        json.dumps(fit(value, schema), allow_nan=False)
    except ValueError as error:
        reason = str(error)
    assert reason.startswith("it ")
