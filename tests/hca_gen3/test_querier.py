"""Questions to a commons."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import DICTIONARY, case

from hca_core.errors import ApiError, ArgumentError, AuthError, NetworkError, NotFoundError
from hca_core.testing import Answer
from hca_gen3.auth import Auth
from hca_gen3.graphql import QueryError
from hca_gen3.querier import Querier

GRAPHQL = "/api/v0/submission/graphql"


@pytest.fixture
def querier(commons: FakeCommons) -> Querier:
    commons.put("demo-12L", *(case(f"case-{number:02}") for number in range(25)))
    return Querier(commons.auth())


def test_nothing_is_sent_before_it_is_needed(commons: FakeCommons) -> None:
    Querier(commons.auth())
    assert commons.requests == []


@pytest.mark.parametrize("slashes", [False, True])
def test_programs_and_projects(commons: FakeCommons, querier: Querier, slashes: bool) -> None:
    commons.slashes = slashes
    assert querier.get_programs() == ["demo"]
    assert querier.get_projects("demo") == ["12L"]


def test_programs_need_a_login(commons: FakeCommons) -> None:
    with pytest.raises(AuthError, match="Authentication Error"):
        Querier(Auth(commons.url, access_token="somebody-else")).get_programs()


def test_an_api_key_is_enough(commons: FakeCommons, querier: Querier) -> None:
    assert Querier(Auth()).get_programs() == ["demo"]


def test_a_token_that_was_revoked_is_replaced(commons: FakeCommons) -> None:
    querier = Querier(Auth())
    querier.get_programs()
    commons.tokens.clear()
    assert querier.graphql_query("{ experiment { submitter_id } }") == {
        "experiment": [{"submitter_id": "experiment-1"}]
    }


def test_the_records_of_a_node(querier: Querier) -> None:
    found = querier.get_node_records("case", "demo", "12L")
    assert sorted(record["submitter_id"] for record in found) == [f"case-{number:02}" for number in range(25)]
    assert found[0]["experiments"][0]["submitter_id"] == "experiment-1"
    assert None not in found[0].values()


def test_a_node_without_records_is_empty(querier: Querier) -> None:
    assert querier.get_node_records("sample", "demo", "12L") == []
    assert list(querier.records("sample", "demo", "12L")) == []


@pytest.mark.parametrize(("program", "project"), [("demo", "13L"), ("nope", "12L")])
def test_a_project_that_is_not_there_is_not_empty(querier: Querier, program: str, project: str) -> None:
    with pytest.raises(NotFoundError):
        querier.get_node_records("case", program, project)
    with pytest.raises(NotFoundError):
        next(querier.records("case", program, project))


def test_an_unknown_node_type(querier: Querier) -> None:
    with pytest.raises(ApiError, match="nope"):
        querier.get_node_records("nope", "demo", "12L")
    with pytest.raises(NotFoundError, match="nope"):
        next(querier.records("nope", "demo", "12L"))


def test_a_query_gives_its_data(querier: Querier) -> None:
    query = "query ($name: [String]) { case(submitter_id: $name) { sex experiments { submitter_id } } }"
    expected = {"case": [{"sex": "x", "experiments": [{"submitter_id": "experiment-1"}]}]}
    assert querier.graphql_query(query, {"name": ["case-03"]}) == expected
    assert querier.graphql_query(query, {"name": "case-03"}) == expected


def test_a_query_is_cut_like_that_of_everybody(querier: Querier) -> None:
    assert len(querier.graphql_query("{ case { id } }")["case"]) == 10
    assert len(querier.graphql_query("{ case(first: 0) { id } }")["case"]) == 25


@pytest.mark.parametrize(
    "query", ["{ case { nope } }", "{ case {", "", "query ($p: String) { case(project_id: $p) {id} }"]
)
def test_a_bad_query_is_told_in_the_words_of_the_commons(querier: Querier, query: str) -> None:
    with pytest.raises(QueryError, match="The commons refuses the query: ") as caught:
        querier.graphql_query(query)
    assert caught.value.status == 400
    assert caught.value.errors
    assert caught.value.errors[0].rstrip(".") in caught.value.message


def test_many_errors_arrive_completely(commons: FakeCommons, querier: Querier) -> None:
    errors = [f"error number {number}" for number in range(10_000)]
    commons.on("POST", GRAPHQL, Answer.json({"data": None, "errors": errors}, 400))
    with pytest.raises(QueryError) as caught:
        querier.graphql_query("{ case { id } }")
    assert caught.value.errors == errors
    assert len(caught.value.message) < 1200


@pytest.mark.parametrize("status", [200, 400])
def test_a_page_is_no_answer(commons: FakeCommons, querier: Querier, status: int) -> None:
    commons.on("POST", GRAPHQL, Answer(status, b"<html>Hello!", {"Content-Type": "text/html"}))
    with pytest.raises(ApiError, match="not JSON but text/html") as caught:
        querier.graphql_query("{ case { id } }")
    assert caught.value.status == status


def test_a_query_is_repeated_when_the_commons_is_busy(commons: FakeCommons, querier: Querier) -> None:
    commons.on("POST", GRAPHQL, Answer(503, headers={"Retry-After": "0"}), Answer.json({"data": {"case": []}}))
    assert querier.graphql_query("{ case { id } }") == {"case": []}


def test_a_commons_that_is_not_there(home: object) -> None:
    with FakeCommons() as server:
        auth = server.auth()
    with pytest.raises(NetworkError):
        Querier(auth).get_programs()


def test_all_properties_but_the_links_come_by_default(querier: Querier) -> None:
    found = list(querier.records("case", "demo", "12L", page=10))
    assert len(found) == 25
    assert list(found[0])[:2] == ["id", "submitter_id"]
    assert set(found[0]) == DICTIONARY["case"]["properties"].keys() - {"experiments"}


def test_records_are_fetched_as_they_are_needed(commons: FakeCommons, querier: Querier) -> None:
    found: Iterator[object] = querier.records("case", fields=["submitter_id"], page=5)
    assert next(found) == {"submitter_id": min(commons.of_type("case"), key=lambda node: node.id).name}
    assert len(commons.requests) == 1


def test_without_a_project_it_is_all_of_them(commons: FakeCommons, querier: Querier) -> None:
    commons.add_project("demo", "other")
    assert [row["code"] for row in querier.records("project", fields=["code"])] in (["12L", "other"], ["other", "12L"])


def test_names_are_no_part_of_a_query(commons: FakeCommons, querier: Querier) -> None:
    with pytest.raises(ArgumentError):
        next(querier.records("case{id}", "demo", "12L", ["id"]))
    with pytest.raises(NotFoundError):
        next(querier.records("case", "demo", '12L") { id } case(first: 0', ["id"]))


def test_the_node_types(querier: Querier) -> None:
    found = {one["node"]: one for one in querier.node_types()}
    assert list(found) == sorted(DICTIONARY)
    assert found["sample"] == {"node": "sample", "category": "biospecimen", "title": "Sample", "links": ["cases"]}


def test_links_may_be_in_groups(commons: FakeCommons, querier: Querier) -> None:
    inner = [{"name": "cases"}, {"subgroup": [{"name": "samples"}]}, "nonsense", {"name": None}]
    schema = {"properties": {"a": {}, "cases": {}, "samples": {}}, "links": [{"exclusive": True, "subgroup": inner}]}
    commons.on("GET", "/api/v0/submission/_dictionary/_all", Answer.json({"odd": schema, "_terms": schema}))
    assert [(one["node"], one["links"]) for one in querier.node_types()] == [("odd", ["cases", "samples"])]
