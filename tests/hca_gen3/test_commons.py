"""Addresses and answers of a commons."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import DICTIONARY

from hca_core.errors import ApiError, ArgumentError, AuthError, NotFoundError
from hca_core.testing import Answer
from hca_gen3.commons import Commons, check_project, names

LINKS = "the list of programs or projects"
ROOT = "/api/v0/submission"


@pytest.fixture
def asked(commons: FakeCommons) -> Commons:
    return Commons(commons.auth())


@pytest.mark.parametrize("name", ["a/b", "a b", "ä?#", "%2e%2e"])
def test_names_are_one_segment_each(asked: Commons, name: str) -> None:
    url = asked.url("demo", name)
    assert url.removeprefix(asked.url()).count("/") == 2
    assert not set("?# ä") & set(url)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_lead_elsewhere_are_refused(asked: Commons, name: str) -> None:
    with pytest.raises(ArgumentError, match="not the name of a program"):
        asked.url("demo", name)


@pytest.mark.parametrize("slashes", [False, True])
def test_programs_and_projects(commons: FakeCommons, asked: Commons, slashes: bool) -> None:
    commons.slashes = slashes
    assert (asked.programs(), asked.projects("demo")) == (["demo"], ["12L"])


def test_an_unknown_program_is_not_found(asked: Commons) -> None:
    with pytest.raises(NotFoundError, match="program nope not found"):
        asked.projects("nope")


@pytest.mark.parametrize(
    "document", [{}, [], None, {"links": "x"}, {"links": [1]}, {"links": {"a": 1}}, {"message": "hello"}]
)
def test_hostile_lists_are_refused(document: Any) -> None:
    with pytest.raises(ApiError, match="not what a Gen3 commons says"):
        names(document)


def test_names_are_never_empty() -> None:
    assert names({"links": ["/v0/submission/a/", "/", "", "b"]}) == ["a", "b"]


def test_a_page_of_a_proxy_is_no_answer(commons: FakeCommons, asked: Commons) -> None:
    commons.on("GET", f"{ROOT}/", Answer(200, b"<html>Log in!</html>", {"Content-Type": "text/html"}))
    with pytest.raises(ApiError, match="is not JSON but text/html") as caught:
        asked.programs()
    assert "Is the endpoint" in (caught.value.hint or "")


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", r"line 1, column 2"),
        (DEEP, "it is nested too deeply"),
        (b"\xff\xfe\xfd", "it is not UTF-8 text"),
        pytest.param(
            b"[" + b"1" * 5000 + b"]",
            "a number in it has too many digits",
            marks=pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="this Python reads any number"),
        ),
    ],
)
def test_json_that_cannot_be_read_is_told_as_that(
    commons: FakeCommons, asked: Commons, body: bytes, words: str
) -> None:
    commons.on("GET", f"{ROOT}/", Answer(200, body, {"Content-Type": "application/json"}))
    with pytest.raises(ApiError, match=f"/submission/ is JSON that cannot be read: .*{words}"):
        asked.programs()


def test_what_an_error_keeps_of_an_answer_has_no_secrets(commons: FakeCommons, asked: Commons) -> None:
    secret = "eyJhbGciOi.eyJzdWIi.c2lnbmVk"
    for answer in (Answer.json({"links": secret}), Answer(200, b"Bearer " + secret.encode())):
        commons.on("GET", f"{ROOT}/", answer)
        with pytest.raises(ApiError) as caught:
            asked.programs()
        assert caught.value.details
        assert secret not in repr(vars(caught.value))


def test_the_status_comes_before_the_content(commons: FakeCommons, asked: Commons) -> None:
    commons.on("GET", f"{ROOT}/", Answer.json({"links": ["/v0/submission/fine"]}, 403))
    with pytest.raises(AuthError) as caught:
        asked.programs()
    assert (caught.value.status, caught.value.service) == (403, "gen3")


def test_the_dictionary_asks_for_no_login(commons: FakeCommons, asked: Commons) -> None:
    assert asked.dictionary() == DICTIONARY
    assert asked.schema("case") == DICTIONARY["case"]
    assert [request.headers["Authorization"] for request in commons.requests] == [None, None]


def test_an_unknown_node_type_is_not_found(asked: Commons) -> None:
    with pytest.raises(NotFoundError, match="nope"):
        asked.schema("nope")


@pytest.mark.parametrize("found", [[], "text", {"case": 1}, {"properties": []}])
def test_a_hostile_dictionary(commons: FakeCommons, asked: Commons, found: Any) -> None:
    commons.on("GET", f"{ROOT}/_dictionary/_all", Answer.json(found))
    commons.on("GET", f"{ROOT}/_dictionary/case", Answer.json(found))
    with pytest.raises(ApiError, match="not what a Gen3 commons says"):
        asked.schema("case")
    if isinstance(found, dict):
        assert asked.dictionary() == {}
    else:
        with pytest.raises(ApiError, match="not what a Gen3 commons says"):
            asked.dictionary()


def test_a_project_is_there_or_not(asked: Commons) -> None:
    check_project(asked, "demo", "12L")
    with pytest.raises(NotFoundError, match="The program demo has no project 13L") as caught:
        check_project(asked, "demo", "13L")
    assert caught.value.hint == "Its projects: 12L."
