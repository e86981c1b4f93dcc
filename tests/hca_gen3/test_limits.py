"""Where a query leaves the number of records to the commons."""

from __future__ import annotations

import pytest
from graphql import parse

from hca_gen3.limits import cut, open_fields, unlimited

QUERIES = {
    "{ case { id } }": "{ case(first: 0) { id } }",
    "{case{id}}": "{case(first: 0){id}}",
    "{ case(first: 5) { id } }": None,
    "{ case (offset: 5) { id } }": "{ case (first: 0, offset: 5) { id } }",
    "{ case() { id } }": None,
    '{ case(a: ["first: 1"], b: {first: 1}) { id } }': '{ case(first: 0, a: ["first: 1"], b: {first: 1}) { id } }',
    "{ _case_count case(first: $n) { a { b } } }": "{ _case_count case(first: $n) { a(first: 0) { b } } }",
    "query Q($first: Int = 3, $o: In = {a: [1]}) @d(first: 1) { case @skip(if: $x) { id } }": (
        "query Q($first: Int = 3, $o: In = {a: [1]}) @d(first: 1) { case(first: 0) @skip(if: $x) { id } }"
    ),
    "{ mine: case { id } }": "{ mine: case(first: 0) { id } }",
    "# { case { id } }\n{ case { id # }\n } }": "# { case { id } }\n{ case(first: 0) { id # }\n } }",
    '{ case(id: """ } " { """) { id } }': '{ case(first: 0, id: """ } " { """) { id } }',
    '{ case(id: "}\\" {") { id } }': '{ case(first: 0, id: "}\\" {") { id } }',
    "{ node { ... on case { a { b } } ...F ... @include(if: $x) { c { d } } } } fragment F on case { e { f } }": (
        "{ node(first: 0) { ... on case { a(first: 0) { b } } ...F ... @include(if: $x) "
        "{ c(first: 0) { d } } } } fragment F on case { e(first: 0) { f } }"
    ),
    "{ s: __schema { types { name } } case { id } }": "{ s: __schema { types { name } } case(first: 0) { id } }",
}


@pytest.mark.parametrize("query", QUERIES)
def test_queries_ask_for_everything(query: str) -> None:
    changed = unlimited(query)
    assert changed == (QUERIES[query] or changed)
    assert open_fields(changed) == []
    if "()" not in query:
        parse(changed)


def test_a_limit_of_the_user_stays() -> None:
    assert unlimited("{ case(first: 5) { id } }") == "{ case(first: 5) { id } }"


@pytest.mark.parametrize("query", ["", "{", "{ case", "{ case(", "}", "{ case { id }", "query", '"', "{ ... ", "{ a: "])
def test_what_is_no_query_is_left_alone(query: str) -> None:
    assert unlimited(query) == query


def test_lists_as_long_as_the_limit_may_be_cut() -> None:
    ten, nine = [{"id": "a"}] * 10, [{"id": "a"}] * 9
    data = {"case": ten, "count": ten, "experiment": [{"cases": nine}, {"cases": ten, "texts": ["a"] * 10}]}
    assert list(cut(data, {"case", "cases", "experiment"})) == ["case", "experiment[1].cases"]


@pytest.mark.parametrize("data", [None, [], "text", {"case": None}, {"case": "x" * 10}])
def test_other_answers_are_not_cut(data: object) -> None:
    assert list(cut(data, {"case"})) == []
