from uuid import UUID

import pytest

from hca_core.openapi.model import Parameter
from hca_core.openapi.values import coerce, wire_text

UUID_PATTERN = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("boolean", True, True),
        ("boolean", "false", False),
        ("boolean", " True ", True),
        ("integer", 5, 5),
        ("integer", "5", 5),
        ("integer", "-5", -5),
        ("integer", 5.0, 5),
        ("number", "2.5", 2.5),
        ("number", 3, 3),
        ("string", "x", "x"),
        ("string", 20200101, "20200101"),
        ("string", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("array", ("a", "b"), ["a", "b"]),
        ("array", iter([1]), [1]),
        ("object", {"a": 1}, {"a": 1}),
        ("any", None, None),
        ("any", [1, "x"], [1, "x"]),
    ],
)
def test_values_get_the_declared_type(kind: str, value: object, expected: object) -> None:
    result = coerce(Parameter("p", "query", kind), value)
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("boolean", "yes", "must be true or false, not 'yes'"),
        ("boolean", 1, "must be true or false, not 1"),
        ("boolean", [], "must be true or false, not []"),
        ("integer", "5.0", "must be an integer, not '5.0'"),
        ("integer", True, "must be an integer, not True"),
        ("integer", 2.5, "must be an integer, not 2.5"),
        ("integer", float("inf"), "must be an integer, not inf"),
        ("integer", "9" * 101, "must be an integer, not '9999"),
        ("number", "nan", "must be a number, not 'nan'"),
        ("number", False, "must be a number, not False"),
        ("string", True, "must be a string, not True"),
        ("string", b"x", "must be a string, not b'x'"),
        ("string", {}, "must be a string, not {}"),
        ("string", "\ud800", "must be a string, not '\\ud800'"),
        ("array", "ab", "must be a list, not 'ab'"),
        ("array", {"a": 1}, "must be a list"),
        ("array", 5, "must be a list, not 5"),
        ("object", [], "must be an object (a dict), not []"),
        ("object", {1: 2}, "must be an object (a dict)"),
        ("string", ["x" * 1000], "must be a string, not ['xxx"),
    ],
)
def test_misfits_are_named(kind: str, value: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        coerce(Parameter("p", "query", kind), value)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 150


def test_items_have_a_type_too() -> None:
    numbers = Parameter("p", "query", "array", item_type="integer")
    assert coerce(numbers, ["1", 2]) == [1, 2]
    with pytest.raises(ValueError, match="item 2: must be an integer, not 'x'"):
        coerce(numbers, ["1", "x"])


def test_limits() -> None:
    size = Parameter("per_page", "query", "integer", schema={"minimum": 10, "maximum": 500})
    assert coerce(size, "10") == 10
    with pytest.raises(ValueError, match="must be at least 10, not 9"):
        coerce(size, 9)
    with pytest.raises(ValueError, match="must be at most 500, not 501"):
        coerce(size, 501)
    with pytest.raises(ValueError, match="must be one of aws, gcp, not 'azure'"):
        coerce(Parameter("replica", "query", enum=("aws", "gcp")), "azure")


def test_patterns_hold_in_the_path() -> None:
    uuid = Parameter("uuid", "path", schema={"pattern": UUID_PATTERN})
    assert coerce(uuid, "11111111-2222-4333-8444-55555555555A") == "11111111-2222-4333-8444-55555555555A"
    with pytest.raises(ValueError, match="must be a UUID, not 'x'"):
        coerce(uuid, "x")
    with pytest.raises(ValueError, match="does not have the form the service wants: 'x'"):
        coerce(Parameter("n", "path", schema={"pattern": "^[0-9]$"}), "x")
    # A UUID would do, but so would much else.
    with pytest.raises(ValueError, match="does not have the form the service wants: 'x y'"):
        coerce(Parameter("n", "path", schema={"pattern": "^[a-z0-9-]+$"}), "x y")
    assert coerce(Parameter("n", "path", schema={"pattern": r"\p{L}("}), "x") == "x"


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (5, "5"), ("x", "x"), ({"a": [True]}, '{"a":[true]}')]
)
def test_wire_text(value: object, text: str) -> None:
    assert wire_text(value) == text
