from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hca_local.auth.patterns import Patterns, UnknownKey, check_variables, literal, plain, tokens

CONTEXT = {"fus:user_email": "a*?@x", "fus:groups": ["g"], "star": "*"}


def matches(pattern: str, text: str) -> bool:
    return Patterns([tokens(pattern, CONTEXT)]).match(text)


def naive(pattern: str, text: str) -> bool:
    """The definition, which takes forever for longer texts."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


@given(st.text("ab*?", max_size=8), st.text("ab*?", max_size=8))
def test_stars_and_question_marks(pattern: str, text: str) -> None:
    assert Patterns([plain(pattern)]).match(text) == naive(pattern, text)


@given(st.lists(st.text("ab*?", max_size=5), max_size=4), st.text("ab", max_size=6))
def test_any_of_several(patterns: list[str], text: str) -> None:
    assert Patterns([plain(one) for one in patterns]).match(text) == any(naive(one, text) for one in patterns)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("a", "A", False),
        ("*", "a\nb😀", True),
        ("?", "😀", True),
        ("[a]", "[a]", True),
        ("a.c", "abc", False),
        ("\\*", "\\x", True),
        ("user/${fus:user_email}/*", "user/a*?@x/policy", True),
        ("user/${fus:user_email}/*", "user/abb@x/policy", False),
        ("${FUS:User_Email}", "a*?@x", True),
        ("${star}", "*", True),
        ("${star}", "x", False),
        ("${*}${?}${$}", "*?$", True),
        ("${*}", "x", False),
        ("$x{y}", "$x{y}", True),
    ],
)
def test_texts_and_variables(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


def test_literal_texts() -> None:
    assert literal("a*${fus:user_email}${*}?", CONTEXT) == "a*a*?@x*?"


@pytest.mark.parametrize("key", ["fus:group_id", "fus:groups", ""])
def test_unknown_keys(key: str) -> None:
    for use in (lambda: list(tokens(f"x${{{key}}}", CONTEXT)), lambda: literal(f"${{{key}}}", CONTEXT)):
        with pytest.raises(UnknownKey) as caught:
            use()
        assert caught.value.key == key


@pytest.mark.parametrize(
    "text", ["", "a", "$", "{}", "$a", "${a}", "x${fus:user_email}/${*}", "${aws:Tag/x-y.z}", "a}$"]
)
def test_texts_with_proper_variables(text: str) -> None:
    check_variables(text)


@pytest.mark.parametrize("text", ["${", "${}", "${a", "${a b}", "${a, 'x'}", "${${a}}", "${a}${", "${ü}", "${**}"])
def test_texts_with_broken_variables(text: str) -> None:
    with pytest.raises(ValueError, match="no variable"):
        check_variables(text)


def test_the_time_does_not_depend_on_the_pattern() -> None:
    """Anything that tries one way after the other would need longer than the universe is old."""
    for pattern in ("*a" * 3000 + "b", "*a?" * 3000 + "b", "*" * 10_000 + "b"):
        assert not Patterns([plain(pattern)]).match("a" * 10_000)
    assert Patterns([plain("*a" * 3000)]).match("a" * 10_000)
    assert not Patterns([plain(f"*{n}x*") for n in range(3000)]).match("a" * 10_000)
