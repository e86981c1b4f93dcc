from __future__ import annotations

from typing import Any

import pytest

from hca_local.auth.conditions import Condition, holds, read
from hca_local.auth.patterns import UnknownKey

CONTEXT = {
    "email": "ada@x",
    "groups": ["red", "green"],
    "empty": [],
    "n": "7",
    "epoch": "1714564800",
    "yes": "True",
    "at": "2024-05-01T12:00:00Z",
}


def test_reads_conditions() -> None:
    document = {
        "StringLike": {"email": ["a*", "b*"]},
        "ForAnyValue:StringEqualsIfExists": {"groups": "red"},
        "NumericLessThan": {"n": 8},
        "Bool": {"yes": True},
    }
    assert read(document) == (
        Condition("StringLike", "email", ("a*", "b*")),
        Condition("StringEquals", "groups", ("red",), "ForAnyValue", True),
        Condition("NumericLessThan", "n", ("8",)),
        Condition("Bool", "yes", ("true",)),
    )
    assert read({}) == ()


def check(operator: str, key: str, values: Any) -> bool:
    (condition,) = read({operator: {key: values}})
    return holds(condition, CONTEXT)


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringEquals", "email", "ada@x", True),
        ("StringEquals", "EMAIL", "ada@x", True),
        ("StringEquals", "email", "Ada@x", False),
        ("StringEquals", "email", ["bob", "ada@x"], True),
        ("StringEquals", "email", "*", False),
        ("StringEquals", "email", "${email}", True),
        ("StringEquals", "missing", "x", False),
        ("StringNotEquals", "email", "ada@x", False),
        ("StringNotEquals", "email", ["bob", "ada@x"], False),
        ("StringNotEquals", "email", "bob", True),
        ("StringNotEquals", "missing", "x", True),
        ("StringEqualsIgnoreCase", "email", "ADA@x", True),
        ("StringEqualsIgnoreCase", "email", "ADA@y", False),
        ("StringNotEqualsIgnoreCase", "email", "ADA@x", False),
        ("StringNotEqualsIgnoreCase", "email", "ADA@y", True),
        ("StringLike", "email", "a?a@*", True),
        ("StringLike", "email", "A*", False),
        ("StringLike", "email", "${*}", False),
        ("StringNotLike", "email", "a*", False),
        ("StringNotLike", "email", "b*", True),
        ("StringEquals", "groups", "green", True),
        ("StringNotEquals", "groups", "green", False),
        ("StringNotEquals", "groups", "blue", True),
        ("Bool", "yes", "true", True),
        ("Bool", "yes", False, False),
        ("Bool", "email", "true", False),
        ("Null", "missing", "true", True),
        ("Null", "missing", "false", False),
        ("Null", "email", "true", False),
        ("Null", "email", False, True),
        ("Null", "empty", "true", True),
        ("NumericEquals", "n", "7.0", True),
        ("NumericEquals", "n", [1, 7], True),
        ("NumericNotEquals", "n", 7, False),
        ("NumericNotEquals", "n", 8, True),
        ("NumericLessThan", "n", 7, False),
        ("NumericLessThan", "n", "7.5", True),
        ("NumericLessThanEquals", "n", 7, True),
        ("NumericGreaterThan", "n", -1e3, True),
        ("NumericGreaterThan", "n", 7, False),
        ("NumericGreaterThanEquals", "n", 7, True),
        ("NumericEquals", "email", 7, False),
        ("NumericNotEquals", "email", 7, True),
        ("DateEquals", "at", "2024-05-01T14:00:00+02:00", True),
        ("DateEquals", "at", 1714564800, True),
        ("DateNotEquals", "at", "2024-05-01", True),
        ("DateLessThan", "at", "2024-05-02", True),
        ("DateLessThan", "at", "2024-05-01T12:00:00Z", False),
        ("DateLessThanEquals", "at", "2024-05-01T12:00:00Z", True),
        ("DateGreaterThan", "at", "2024-05-01T11:59:59Z", True),
        ("DateGreaterThanEquals", "at", "2024-05-01T12:00:01Z", False),
        ("DateLessThan", "epoch", "2024-05-02", True),
        ("DateLessThan", "epoch", "2024-05-01", False),
        ("DateLessThan", "email", "2024-05-01", False),
    ],
)
def test_operators(operator: str, key: str, values: Any, expected: bool) -> None:
    assert check(operator, key, values) is expected


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike", "NumericEquals", "DateLessThan", "Bool"])
def test_keys_that_need_not_be_there(operator: str) -> None:
    value = {"NumericEquals": "8", "DateLessThan": "2020-01-01", "Bool": "true"}.get(operator, "x")
    assert check(f"{operator}IfExists", "missing", value)
    assert check(f"{operator}IfExists", "empty", value)
    assert not check(operator, "missing", value)
    assert not check(f"{operator}IfExists", "email", value)


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("ForAnyValue:StringEquals", "groups", ["red", "blue"], True),
        ("ForAnyValue:StringEquals", "groups", "blue", False),
        ("ForAnyValue:StringEquals", "email", "ada@x", True),
        ("ForAnyValue:StringEquals", "missing", "x", False),
        ("ForAnyValue:StringEquals", "empty", "x", False),
        ("ForAnyValue:StringEqualsIfExists", "missing", "x", True),
        ("ForAnyValue:StringNotEquals", "groups", "red", True),
        ("ForAnyValue:StringNotEquals", "groups", ["red", "green"], False),
        ("ForAnyValue:StringNotEquals", "missing", "x", False),
        ("ForAllValues:StringEquals", "groups", ["red", "green", "blue"], True),
        ("ForAllValues:StringEquals", "groups", "red", False),
        ("ForAllValues:StringLike", "groups", "*e*", True),
        ("ForAllValues:StringEquals", "missing", "x", True),
        ("ForAllValues:StringEquals", "empty", "x", True),
        ("ForAllValues:StringNotEquals", "groups", "blue", True),
        ("ForAllValues:StringNotEquals", "groups", "red", False),
    ],
)
def test_keys_with_several_values(operator: str, key: str, values: Any, expected: bool) -> None:
    assert check(operator, key, values) is expected


@pytest.mark.parametrize("operator", ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotEquals"])
def test_unknown_variables(operator: str) -> None:
    for key in ("missing", "groups"):
        with pytest.raises(UnknownKey):
            check(operator, "email", f"${{{key}}}")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "object of operators"),
        ("x", "object of operators"),
        ({"Equals": {"a": "b"}}, "'Equals' is not known"),
        ({"stringequals": {"a": "b"}}, "not known"),
        ({"": {"a": "b"}}, "not known"),
        ({"ForSome:StringEquals": {"a": "b"}}, "not known"),
        ({"NullIfExists": {"a": "true"}}, "not known"),
        ({"ForAnyValue:Null": {"a": "true"}}, "not known"),
        ({"StringEqualsIfExistsIfExists": {"a": "true"}}, "not known"),
        ({"StringEquals": []}, "object of keys"),
        ({"StringEquals": {}}, "object of keys"),
        ({"StringEquals": {"a": []}}, "of 'a': it needs a text"),
        ({"StringEquals": {"a": None}}, "of 'a': it needs a text"),
        ({"StringEquals": {"a": ["x", {}]}}, "of 'a': it needs a text"),
        ({"StringEquals": {"a": {"b": "c"}}}, "of 'a': it needs a text"),
        ({"StringEquals": {"a": "${"}}, "no variable"),
        *(({"NumericEquals": {"a": text}}, "no number") for text in ("", "x", "1_0", "nan", "inf", "٣", "${n}", True)),
        *(({"DateEquals": {"a": text}}, "no date") for text in ("", "today", "2024", "2024-13-01", "1" * 13)),
        ({"Bool": {"a": "yes"}}, "neither true nor false"),
        ({"Null": {"a": 1}}, "neither true nor false"),
    ],
)
def test_what_cannot_be_understood_is_refused(document: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(document)
