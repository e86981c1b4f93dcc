"""JSON pointers."""

from __future__ import annotations

from typing import Any

import pytest

from hca_local.dss.pointers import PointerError, resolve

# The examples of RFC 6901.
DOCUMENT: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "part"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_leads_to_a_part(pointer: str, part: Any) -> None:
    assert resolve(DOCUMENT, pointer) == part


def test_decodes_each_tilde_once() -> None:
    assert resolve({"~1": "yes"}, "/~01") == "yes"


@pytest.mark.parametrize(
    "pointer",
    [
        "foo",
        "#/foo",
        "/nope",
        "/foo/2",
        "/foo/-",
        "/foo/-1",
        "/foo/00",
        "/foo/\u0660",
        "/foo/0/0",
        "/a~2b",
        "/m~",
        "/foo/1e0",
    ],
)
def test_refuses_what_leads_nowhere(pointer: str) -> None:
    with pytest.raises(PointerError):
        resolve(DOCUMENT, pointer)


def test_refuses_an_index_that_is_too_long_for_a_number() -> None:
    with pytest.raises(PointerError, match="there is no '999"):
        resolve([1], "/" + "9" * 10_000)
