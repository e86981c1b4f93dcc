from __future__ import annotations

from typing import Any

import pytest

from hca_core.openapi.model import Operation, Parameter
from hca_local.arguments import Format, RequestCheck, parse_json
from hca_local.problem import Problem

EVEN = {"even": Format(lambda text: len(text) % 2 == 0, "odd_text")}


def parameter(name: str, type: str, location: Any = "query", **more: Any) -> Parameter:
    schema = {"type": type, **more.pop("schema", {})}
    return Parameter(name, location, type, schema=schema, **more)


def check(*parameters: Parameter, **operation: Any) -> RequestCheck:
    return RequestCheck(Operation("get_x", "GET", "/x", parameters=parameters, **operation), EVEN)


def ask(one: Parameter, text: str | None) -> Any:
    given = {"query": {}, "path": {}, "header": {}, one.location: {} if text is None else {one.name: text}}
    return check(one).arguments(given)[one.name]


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("string", "7", "7"),
        ("integer", "-7", -7),
        ("integer", "007", 7),
        ("boolean", "True", True),
        ("boolean", "false", False),
    ],
)
def test_texts_become_values(type: str, text: str, value: Any) -> None:
    found = ask(parameter("a", type), text)
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    ("type", "text"),
    [
        *(("integer", text) for text in ("1.0", "", " 1", "1\n", "1_0", "1" * 19, "٣")),
        *(("boolean", text) for text in ("1", "", "yes")),
    ],
)
def test_other_texts_are_refused(type: str, text: str) -> None:
    with pytest.raises(Problem) as caught:
        ask(parameter("a", type), text)
    assert (caught.value.status, caught.value.code) == (400, "illegal_arguments")
    assert caught.value.title.startswith("a: ")


def test_defaults_and_missing_parameters() -> None:
    assert ask(parameter("a", "integer", default=7), None) == 7
    assert ask(parameter("a", "integer"), None) is None
    with pytest.raises(Problem, match="'a' is missing"):
        ask(parameter("a", "integer", required=True), None)


def test_the_end_of_a_pattern_is_the_end() -> None:
    one = parameter("a", "string", schema={"pattern": "^x+$"})
    assert ask(one, "xx") == "xx"
    with pytest.raises(Problem):
        ask(one, "xx\n")
    assert ask(parameter("a", "string", schema={"pattern": "^x\\$"}), "x$y") == "x$y"


def test_formats_have_codes_of_their_own() -> None:
    one = parameter("a", "string", schema={"format": "even"})
    assert ask(one, "xx") == "xx"
    with pytest.raises(Problem) as caught:
        ask(one, "x")
    assert caught.value.code == "odd_text"


@pytest.mark.parametrize(("format", "limit"), [("int32", 2**31), ("int64", 2**63)])
def test_integers_have_their_size(format: str, limit: int) -> None:
    body = {"type": "object", "properties": {"a": {"type": "integer", "format": format}}}
    checked = check(body_schema=body)
    checked.body({"a": limit - 1})
    checked.body({"a": -limit})
    for value in (limit, -limit - 1):
        with pytest.raises(Problem, match=r"The body\.a"):
            checked.body({"a": value})


def test_a_body_may_be_needed_or_not() -> None:
    check(body_schema={"type": "object"}).body(None)
    with pytest.raises(Problem, match="needs a JSON body"):
        check(body_schema={"type": "object"}, body_required=True).body(None)


def test_titles_stay_short() -> None:
    with pytest.raises(Problem) as caught:
        check(body_schema={"type": "object"}).body("x" * 10_000)
    assert len(caught.value.title) <= 400


@pytest.mark.parametrize(
    "data",
    [b"{", b"\xff", b"NaN", b"-Infinity", b"[1e999]", b'"\\ud800"', b'{"\\uDFFF": 1}', b"[" * 100_000, b"1" * 5000],
)
def test_json_that_nobody_else_could_read(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(data)


def test_json() -> None:
    assert parse_json('{"a": [1, 1.5, "ü", "\\ud83d\\ude00", null]}'.encode()) == {"a": [1, 1.5, "ü", "😀", None]}
