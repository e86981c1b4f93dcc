"""JMESPath expressions, kind and hostile ones."""

from __future__ import annotations

import pytest

from hca_local.dss.expressions import MAX_ATTACHMENTS, ExpressionError, attachments, check, evaluate, matches

DOCUMENT = {"event_type": "CREATE", "n": [1, 2], "name": "é"}


@pytest.mark.parametrize("expression", ["event_type=='CREATE'", "n[0]", "n[?@ > `1`]", "length(n)"])
def test_matches_what_is_true(expression: str) -> None:
    check(expression)
    assert matches(expression, DOCUMENT)


@pytest.mark.parametrize("expression", ["event_type=='TOMBSTONE'", "nope", "n[?@ > `2`]", "'' ", "`false`", "no[0].x"])
def test_matches_nothing_else(expression: str) -> None:
    check(expression)
    assert not matches(expression, DOCUMENT)


@pytest.mark.parametrize("expression", ["", "a b", "this is not valid", "[", "@@", "a[", '"\\ud800', "[" * 5000])
def test_refuses_what_is_no_expression(expression: str) -> None:
    with pytest.raises(ExpressionError):
        check(expression)


@pytest.mark.parametrize("expression", ["length(`1`)", "n[::0]", "nope()", "sort_by(n, &@.x.y)"])
def test_tells_what_cannot_be_evaluated(expression: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(expression, DOCUMENT)
    assert str(caught.value)


def test_attachments_are_what_the_expressions_find() -> None:
    found = attachments({"type": "event_type", "none": "nope", "all": "@"}, DOCUMENT)
    assert found == {"type": "CREATE", "none": None, "all": DOCUMENT}


def test_attachments_that_fail_are_named() -> None:
    found = attachments({"good": "n", "bad": "length(`1`)", "nan": "to_number('NaN')", "code": "&n"}, DOCUMENT)
    errors = found.pop("_errors")
    assert found == {"good": [1, 2]}
    assert set(errors) == {"bad", "nan", "code"}
    assert "length" in errors["bad"]


def test_attachments_have_a_limit() -> None:
    # {"a": "xxx"} is nine bytes longer than the text in it
    text = "x" * (MAX_ATTACHMENTS - 9)
    assert attachments({"a": "@"}, text) == {"a": text}
    assert attachments({"a": "@"}, text + "x") == {"_errors": "Attachments too large (more than 131072 bytes)"}


def test_attachments_that_multiply_what_they_find_end() -> None:
    expression = " | ".join(["[@, @]"] * 60)
    assert list(attachments({"a": expression}, DOCUMENT)) == ["_errors"]
