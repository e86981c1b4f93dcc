"""`hca gen3 programs`, `projects`, `nodes` and `query`, through the front door."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import DICTIONARY, case

from hca_core.testing import Answer, Request, Result

Hca = Callable[..., Result]
PROJECT = ("--program", "demo", "--project", "12L")
ALL = [f"case-{number:02}" for number in range(25)]


@pytest.fixture
def gen3(commons: FakeCommons, hca: Hca) -> Hca:
    commons.put("demo-12L", *(case(name) for name in ALL))
    return lambda *words, **more: hca("gen3", *words, **more)


def test_programs(gen3: Hca) -> None:
    result = gen3("programs")
    assert (result.code, result.json, result.stderr) == (0, ["demo"], "")


def test_projects(commons: FakeCommons, gen3: Hca) -> None:
    commons.add_project("other", "x-y")
    assert gen3("projects", "other").json == [{"program": "other", "project": "x-y"}]
    assert [row["project"] for row in gen3("projects").json] == ["12L", "x-y"]
    assert gen3("projects", "nope").code == 7


def test_forms_of_output(hca: Hca, gen3: Hca) -> None:
    assert hca("--output", "tsv", "gen3", "projects").stdout == "program\tproject\ndemo\t12L\n"
    assert hca("--output", "table", "gen3", "projects").stdout == "program  project\ndemo     12L\n"
    assert hca("--output", "raw", "gen3", "programs").stdout == "demo\n"


def test_another_commons_and_another_key(commons: FakeCommons, hca: Hca, tmp_path: Path, home: Path) -> None:
    (home / ".gen3" / "credentials.json").unlink()
    commons.save_key(tmp_path / "key.json")
    assert hca("gen3", "programs", "--key-file", str(tmp_path / "key.json")).json == ["demo"]
    assert hca("gen3", "programs", "--endpoint", commons.url, "--key-file", str(tmp_path / "key.json")).code == 0


def test_node_types(gen3: Hca) -> None:
    result = gen3("nodes")
    assert [one["node"] for one in result.json] == sorted(DICTIONARY)


def test_all_records_of_a_node(commons: FakeCommons, gen3: Hca) -> None:
    result = gen3("nodes", "case", *PROJECT)
    assert sorted(record["submitter_id"] for record in result.json) == ALL
    assert result.json[0]["species"] == "x"


def test_chosen_fields(hca: Hca, gen3: Hca) -> None:
    [first, *_] = gen3("nodes", "case", *PROJECT, "--fields", "submitter_id, experiments.submitter_id").json
    assert (list(first), first["experiments"]) == (["submitter_id", "experiments"], [{"submitter_id": "experiment-1"}])
    lines = hca(
        "--output", "tsv", "gen3", "nodes", "case", *PROJECT, "--fields", "submitter_id,sex"
    ).stdout.splitlines()
    assert (lines[0], len(lines)) == ("submitter_id\tsex", 26)


def test_settings_name_the_project(hca: Hca, gen3: Hca) -> None:
    result = gen3("nodes", "case")
    assert result.code == 2
    assert "--program" in result.stderr
    hca("config", "set", "gen3.program", "demo")
    assert "--project" in gen3("nodes", "case").stderr
    hca("config", "set", "gen3.project", "12L")
    assert len(gen3("nodes", "case").json) == 25


def test_all_projects(commons: FakeCommons, gen3: Hca) -> None:
    commons.add_project("other", "x")
    assert {row["code"] for row in gen3("nodes", "project", "--all-projects").json} == {"12L", "x"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nodes", "case", "--program", "demo", "--project", "13L"], 7),
        (["nodes", "nope", *PROJECT], 7),
        (["nodes", "case", *PROJECT, "--fields", "a b"], 2),
        (["nodes", "case", *PROJECT, "--fields", "nope"], 6),
        (["query", "{ nope { id } }"], 6),
        (["query", "@missing"], 2),
        (["query", "{ case { id } }", "--variables", "{"], 2),
    ],
)
def test_mistakes(gen3: Hca, words: list[str], code: int) -> None:
    result = gen3(*words)
    assert (result.code, result.stdout) == (code, "")
    assert "Error: " in result.stderr


def test_nobody_known(commons: FakeCommons, gen3: Hca) -> None:
    commons.keys.clear()
    commons.tokens.clear()
    assert gen3("programs").code == 5


def test_a_query(gen3: Hca, tmp_path: Path) -> None:
    text = "query ($name: [String]) { case(submitter_id: $name) { submitter_id } }"
    expected = {"case": [{"submitter_id": "case-03"}]}
    (tmp_path / "query").write_text(text)
    (tmp_path / "values").write_text('{"name": "case-03"}')
    assert gen3("query", text, "--variables", '{"name": ["case-03"]}').json == expected
    assert gen3("query", f"@{tmp_path / 'query'}", "--variables", f"@{tmp_path / 'values'}").json == expected
    assert gen3("query", "-", "--variables", '{"name": "case-03"}', stdin=text).json == expected


def test_a_cut_list_is_told(gen3: Hca) -> None:
    result = gen3("query", "{ experiment { cases { id } } case(first: 10) { id } }")
    assert [len(result.json["experiment"][0]["cases"]), len(result.json["case"])] == [10, 10]
    assert result.stderr.startswith("Warning: experiment[0].cases may be cut: it has 10 records")


def test_several_cut_lists_are_counted(gen3: Hca) -> None:
    assert (
        "Warning: experiment[0].cases and 1 other list may be cut"
        in gen3("query", "{ experiment { cases { id } } case { id } }").stderr
    )


def test_everything_can_be_asked_for(gen3: Hca) -> None:
    result = gen3("query", "{ experiment { cases { id } } case(first: 3) { id } }", "--all")
    assert [len(result.json["experiment"][0]["cases"]), len(result.json["case"])] == [25, 3]
    assert result.stderr == ""


def test_control_characters_of_a_commons_stay_data(commons: FakeCommons, gen3: Hca) -> None:
    commons.on("POST", "/api/v0/submission/graphql", Answer.json({"data": None, "errors": ["\x1b[2Jgone"]}, 400))
    result = gen3("query", "{ case { id } }")
    assert "\x1b" not in result.stderr
    assert "gone" in result.stderr


def test_records_are_printed_as_they_come(commons: FakeCommons, hca: Hca, gen3: Hca) -> None:
    page = {"case": [{"id": "a", "submitter_id": "a"}], "_case_count": 2}
    commons.on("POST", "/api/v0/submission/graphql", Answer.json({"data": page}), Answer(400, b"broken"))
    result = hca("--output", "jsonl", "gen3", "nodes", "case", *PROJECT, "--fields", "submitter_id")
    assert (result.code, json.loads(result.stdout)) == (6, {"submitter_id": "a"})


@pytest.mark.parametrize("form", [[], ["--output", "json"]])
def test_a_token_that_the_commons_repeats_is_not_shown(
    commons: FakeCommons, hca: Hca, gen3: Hca, form: list[str]
) -> None:
    def echo(request: Request) -> Answer:
        return Answer.json(
            {"data": None, "errors": [f"no access for {request.headers['Authorization']}\nHint: x"]}, 400
        )

    commons.on("POST", "/api/v0/submission/graphql", echo)
    result = hca(*form, "gen3", "query", "{ case { id } }")
    assert result.code == 6
    assert "eyJ" not in result.stderr
    assert "\nHint: x" not in result.stderr
    assert "no access for Bearer ***" in result.stderr
