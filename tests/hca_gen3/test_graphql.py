"""GraphQL, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fake_commons import FakeCommons
from fake_peregrine import Node
from gen3_dictionary import case, experiment

from hca_core.errors import ApiError, ArgumentError, NotFoundError
from hca_gen3.graphql import QueryError, linked, read_answer, records
from hca_gen3.querier import Querier

PROJECT = {"project_id": "demo-12L"}


@pytest.fixture
def querier(commons: FakeCommons) -> Querier:
    commons.put("demo-12L", *(case(f"case-{number:02}") for number in range(25)))
    return Querier(commons.auth())


def names(found: Any) -> list[str]:
    return sorted(row["submitter_id"] for row in found)


ALL = [f"case-{number:02}" for number in range(25)]


class Scripted:
    """Answers with one page after the other, and remembers what it was asked."""

    def __init__(self, answer: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
        self.answer, self.asked = answer, list[dict[str, Any]]()

    def graphql_query(self, query_string: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self.asked.append({"query": query_string, **(variables or {})})
        return self.answer(variables or {})


@pytest.mark.parametrize("page", [1, 7, 10, 24, 25, 26, 500])
def test_all_records_come_whatever_the_page(querier: Querier, page: int) -> None:
    assert names(records(querier, "case", ["submitter_id"], where=PROJECT, page=page)) == ALL


def test_only_what_was_asked_for_is_in_a_record(querier: Querier) -> None:
    found = list(records(querier, "case", ["submitter_id", "sex"], page=10))
    assert {tuple(row) for row in found} == {("submitter_id", "sex")}
    assert all("id" in row for row in records(querier, "case", ["id"]))


def test_what_is_linked_to_comes_completely(querier: Querier) -> None:
    [found] = records(querier, "experiment", ["submitter_id", "cases.submitter_id", "cases.sex", "projects.code"])
    assert names(found["cases"]) == ALL
    assert found["projects"] == [{"code": "12L"}]


def test_conditions_choose_records(commons: FakeCommons, querier: Querier) -> None:
    commons.add_project("demo", "other")
    commons.put("demo-other", experiment(project="other"))
    assert names(records(querier, "case", ["submitter_id"], where={"submitter_id": ["case-03", "case-04"]})) == [
        "case-03",
        "case-04",
    ]
    assert len(list(records(querier, "experiment", ["id"]))) == 2
    assert len(list(records(querier, "experiment", ["id"], where=PROJECT))) == 1


@pytest.mark.parametrize("value", ['x") { id } case(first: 0', "\\", '"', "${first}", "\n}"])
def test_values_are_no_part_of_the_query(commons: FakeCommons, querier: Querier, value: str) -> None:
    for word in ("harmless", value):
        assert list(records(querier, "case", ["id"], where={"submitter_id": word})) == []
    harmless, sent = (request.json() for request in commons.requests[-2:])
    assert sent["query"] == harmless["query"]
    assert sent["variables"]["submitter_id"] == value


@pytest.mark.parametrize("name", ["", "a b", "case{id}", "case(first:0)", "ä", "1a", "__typename"])
def test_names_are_names(querier: Querier, name: str) -> None:
    for wrong in (
        lambda: records(querier, name, ["id"]),
        lambda: records(querier, "case", [name]),
        lambda: records(querier, "case", ["id"], where={name: "x"}),
        lambda: linked(querier, "experiment", name, ["id"], where=PROJECT),
    ):
        with pytest.raises(ArgumentError, match="is not a name"):
            list(wrong())


def test_only_one_page_is_fetched_ahead(commons: FakeCommons, querier: Querier) -> None:
    before = len(commons.requests)
    found = records(querier, "case", ["id"], page=5)
    for _ in range(5):
        next(found)
    assert len(commons.requests) - before == 1


def test_records_added_meanwhile_are_not_told_twice(commons: FakeCommons, querier: Querier) -> None:
    found = records(querier, "case", ["submitter_id"], page=5)
    told = [next(found) for _ in range(5)]
    # Its id comes before all others, so everything else moves.
    commons.nodes["0"] = Node("0", "case", "demo-12L", {"submitter_id": "early"})
    told += found
    assert names(told) == ALL


def test_records_left_out_because_others_were_removed_are_told(commons: FakeCommons, querier: Querier) -> None:
    found = records(querier, "case", ["id"], page=5)
    first = [next(found) for _ in range(5)]
    del commons.nodes[first[0]["id"]]
    with pytest.raises(ApiError, match="Only 24 of 25 records of case came"):
        list(found)


def test_records_that_do_not_come_are_told() -> None:
    asker = Scripted(lambda given: {"_case_count": 3, "case": [] if given["offset"] else [{"id": "a"}, {"id": "b"}]})
    with pytest.raises(ApiError, match="Only 2 of 3 records of case came"):
        list(records(asker, "case", ["id"], page=2))


def test_the_same_page_for_ever_is_an_error() -> None:
    asker = Scripted(lambda given: {"_case_count": 10**9, "case": [{"id": "a"}, {"id": "b"}]})
    with pytest.raises(ApiError, match="again and again"):
        list(records(asker, "case", ["id"], page=2))
    assert len(asker.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"case": []},
        {"case": [], "_case_count": "many"},
        {"case": None, "_case_count": 0},
        {"case": ["x"], "_case_count": 1},
        {"case": [{"name": "no id"}], "_case_count": 1},
        {"case": [{"id": ["a"]}], "_case_count": 1},
    ],
)
def test_nonsense_is_an_error(answer: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        list(records(Scripted(lambda _: answer), "case", ["id"]))


@pytest.mark.parametrize("page", [7, 25, 500])
def test_what_one_record_links_to(querier: Querier, page: int) -> None:
    where = {"submitter_id": "experiment-1"}
    assert names(linked(querier, "experiment", "cases", ["submitter_id"], where=where, page=page)) == ALL


def test_a_record_that_is_not_there(querier: Querier) -> None:
    with pytest.raises(NotFoundError, match="has no experiment with submitter_id nope"):
        list(linked(querier, "experiment", "cases", ["id"], where={"submitter_id": "nope"}))


def test_a_record_that_is_there_twice(commons: FakeCommons, querier: Querier) -> None:
    commons.add_project("demo", "other")
    commons.put("demo-other", experiment(project="other"))
    where = {"submitter_id": "experiment-1"}
    with pytest.raises(ArgumentError, match="more than one experiment"):
        list(linked(querier, "experiment", "cases", ["id"], where=where))
    assert len(list(linked(querier, "experiment", "cases", ["id"], where={**where, **PROJECT}))) == 25


@pytest.mark.parametrize("told", [["no such field"], "no such field", [{"message": "no such field"}]])
def test_errors_are_told_in_the_words_of_the_commons(told: Any) -> None:
    with pytest.raises(QueryError, match="refuses the query: no such field") as caught:
        read_answer({"data": None, "errors": told}, status=400, url="u")
    assert caught.value.errors == ["no such field"]
    assert caught.value.hint is None


def test_errors_have_no_secrets_and_no_lines() -> None:
    secret = "eyJhbGciOi.eyJzdWIi.c2lnbmVk"
    words = f"no access for Bearer {secret}\nHint: give up"
    for document in ({"errors": [words]}, {"errors": {"message": words}}, {"message": words}):
        with pytest.raises(ApiError, match=r"query: no access for Bearer \*\*\* Hint: give up\.$") as caught:
            read_answer(document, status=400, url="u")
        assert secret not in repr(vars(caught.value))


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_variable_that_should_be_a_list_gets_a_hint(quote: str) -> None:
    words = "Variable '$p' of type 'String' used in position expecting type '[String]'.".replace("'", quote)
    with pytest.raises(QueryError) as caught:
        read_answer({"errors": [words]}, status=400, url="u")
    assert "[String]" in (caught.value.hint or "")


@pytest.mark.parametrize("document", [None, [], {}, {"data": None}, {"data": []}, {"message": "bad"}])
@pytest.mark.parametrize("status", [200, 400])
def test_neither_data_nor_errors(document: Any, status: int) -> None:
    with pytest.raises(ApiError, match="does not answer the query"):
        read_answer(document, status=status, url="u")
