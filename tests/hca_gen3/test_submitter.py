"""A file of records, submitted as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import case

from hca_core.errors import ApiError, ArgumentError, AuthError, ConfigError
from hca_core.testing import Answer
from hca_gen3.submitter import Gen3Submitter

PROJECT = "/api/v0/submission/demo/12L"


@pytest.fixture
def submitter(commons: FakeCommons, tmp_path: Path) -> Gen3Submitter:
    commons.save_key(tmp_path / "mine.json")
    return Gen3Submitter(commons.url, str(tmp_path / "mine.json"))


def test_the_content_is_sent_and_what_became_of_it_returned(
    commons: FakeCommons, submitter: Gen3Submitter, tmp_path: Path
) -> None:
    (tmp_path / "cases.json").write_text(json.dumps([case("a"), case("b")]))
    found = submitter.submit_record("demo", "12L", str(tmp_path / "cases.json"))
    assert (found["success"], found["created_entity_count"], len(found["entities"])) == (True, 2, 2)
    assert commons.submissions()[-1].json() == [case("a"), case("b")]
    assert sorted(node.name for node in commons.of_type("case")) == ["a", "b"]


def test_a_single_object(commons: FakeCommons, submitter: Gen3Submitter, tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text(json.dumps(case("a")))
    assert submitter.submit_record("demo", "12L", tmp_path / "case.json")["created_entity_count"] == 1


def test_a_table(commons: FakeCommons, submitter: Gen3Submitter, tmp_path: Path) -> None:
    (tmp_path / "e.tsv").write_text("type\t*submitter_id\t*projects.code\nexperiment\te2\t12L\n")
    assert submitter.submit_record("demo", "12L", tmp_path / "e.tsv")["created_entity_count"] == 1
    assert commons.submissions()[-1].headers["Content-Type"] == "text/tab-separated-values"


def test_the_credentials_are_those_that_were_given(
    commons: FakeCommons, submitter: Gen3Submitter, tmp_path: Path
) -> None:
    (tmp_path / "case.json").write_text(json.dumps(case("a")))
    commons.keys = {key for key in commons.keys if key in (tmp_path / "mine.json").read_text()}
    submitter.submit_record("demo", "12L", tmp_path / "case.json")
    with pytest.raises(AuthError):
        Gen3Submitter(commons.url, "credentials").submit_record("demo", "12L", tmp_path / "case.json")


def test_credentials_that_are_not_there(commons: FakeCommons, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, AuthError)):
        Gen3Submitter(commons.url, str(tmp_path / "missing.json")).submit_record("demo", "12L", "x.json")


def test_a_refusal_has_everything(commons: FakeCommons, submitter: Gen3Submitter, tmp_path: Path) -> None:
    (tmp_path / "cases.json").write_text(json.dumps([case("a"), case("b", sex=1), {"type": "nope"}]))
    with pytest.raises(ApiError, match="1 is not of type string; Invalid entity type: nope") as caught:
        submitter.submit_record("demo", "12L", tmp_path / "cases.json")
    error = caught.value
    assert error.status == 400
    assert [entity["errors"][0]["type"] for entity in error.entities] == ["INVALID_VALUE"]  # type: ignore[attr-defined]
    assert error.transactional_errors[0].startswith("Invalid entity type")  # type: ignore[attr-defined]
    assert error.document["entity_error_count"] == 1  # type: ignore[attr-defined]
    assert commons.of_type("case") == []


def test_a_long_refusal_arrives_completely(commons: FakeCommons, submitter: Gen3Submitter, tmp_path: Path) -> None:
    bad = [case(f"bad-{number}", sex=number, age=number, species=number) for number in range(500)]
    (tmp_path / "cases.json").write_text(json.dumps(bad))
    with pytest.raises(ApiError) as caught:
        submitter.submit_record("demo", "12L", tmp_path / "cases.json")
    assert len(caught.value.entities) == 500  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", ["[]", '"text"', "{"])
def test_what_is_no_record_is_not_sent(
    commons: FakeCommons, submitter: Gen3Submitter, tmp_path: Path, content: str
) -> None:
    (tmp_path / "cases.json").write_text(content)
    with pytest.raises(ArgumentError):
        submitter.submit_record("demo", "12L", tmp_path / "cases.json")
    assert commons.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>Hello", {"Content-Type": "text/html"}),
        Answer.json("text"),
        Answer.json({"success": True}),
        Answer.json({"message": "the project is closed"}, 400),
    ],
)
def test_hostile_answers(commons: FakeCommons, submitter: Gen3Submitter, tmp_path: Path, answer: Answer) -> None:
    commons.on("PUT", PROJECT, answer)
    (tmp_path / "case.json").write_text(json.dumps(case("a")))
    with pytest.raises(ApiError):
        submitter.submit_record("demo", "12L", tmp_path / "case.json")
