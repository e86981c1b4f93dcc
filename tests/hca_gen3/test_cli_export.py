"""`hca gen3 export-node` and `export-record`, through the front door."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import case

from hca_core.testing import Answer, Result

Hca = Callable[..., Result]
PROJECT = ("--program", "demo", "--project", "12L")
NAMES = ["case-0", "case-1", "case-2"]


@pytest.fixture
def gen3(commons: FakeCommons, hca: Hca) -> Hca:
    commons.put("demo-12L", *(case(name) for name in NAMES))
    return lambda *words, **more: hca("gen3", *words, **more)


def uuid(commons: FakeCommons) -> str:
    return next(node.id for node in commons.nodes.values() if node.name == "case-1")


def test_a_node_is_printed_as_the_commons_sends_it(commons: FakeCommons, gen3: Hca) -> None:
    commons.on("GET", "/api/v0/submission/demo/12L/export/", Answer(200, b'{ "data": [{"id" :"a"}] }\n\n'))
    result = gen3("export-node", "case", *PROJECT)
    assert (result.code, result.stdout, result.stderr) == (0, '{ "data": [{"id" :"a"}] }\n\n', "")


def test_a_table_can_be_submitted_again(commons: FakeCommons, gen3: Hca, tmp_path: Path) -> None:
    result = gen3("export-node", "case", *PROJECT, "--format", "tsv", "-o", str(tmp_path / "case.tsv"))
    assert (result.code, result.stdout) == (0, "")
    assert [line.split("\t")[6] for line in (tmp_path / "case.tsv").read_text().splitlines()] == [
        "submitter_id",
        *NAMES,
    ]
    assert gen3("submit", str(tmp_path / "case.tsv"), *PROJECT).json["updated"] == 3


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_in_the_form_that_the_user_chose(hca: Hca, gen3: Hca, form: str) -> None:
    words = ("gen3", "export-node", "case", *PROJECT, "--format", form)
    assert hca("--query", "[].submitter_id", *words).json == NAMES
    assert [json.loads(line)["submitter_id"] for line in hca("--output", "jsonl", *words).stdout.splitlines()] == NAMES
    assert "submitter_id" in hca("--output", "table", *words).stdout.splitlines()[0]


def test_a_file_has_what_the_commons_sends_whatever_the_form(hca: Hca, gen3: Hca, tmp_path: Path) -> None:
    hca("--output", "table", "gen3", "export-node", "case", *PROJECT, "--output-file", str(tmp_path / "x"))
    assert len(json.loads((tmp_path / "x").read_text())["data"]) == 3


def test_a_record(commons: FakeCommons, hca: Hca, gen3: Hca, tmp_path: Path) -> None:
    [found] = gen3("export-record", uuid(commons), *PROJECT).json
    assert found["submitter_id"] == "case-1"
    assert hca("--query", "submitter_id", "gen3", "export-record", uuid(commons), *PROJECT).json == "case-1"
    gen3("export-record", uuid(commons), *PROJECT, "--format", "tsv", "-o", str(tmp_path / "x"))
    assert len((tmp_path / "x").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["export-node", "case", "--program", "demo", "--project", "13L"], 7),
        (["export-node", "nope", *PROJECT], 6),
        (["export-node", "case"], 2),
        (["export-node", "case", *PROJECT, "--format", "xml"], 2),
        (["export-record", "unknown", *PROJECT], 7),
        (["export-record", "a,b", *PROJECT], 2),
    ],
)
def test_mistakes_leave_nothing(gen3: Hca, home: Path, words: list[str], code: int) -> None:
    result = gen3(*words, "-o", "file")
    assert (result.code, result.stdout) == (code, "")
    assert not (home / "file").exists()


def test_a_truncated_export_leaves_nothing(commons: FakeCommons, gen3: Hca, home: Path) -> None:
    commons.on("GET", "/api/v0/submission/demo/12L/export/", Answer(200, b'{"data": [{"id": "a"}, '))
    result = gen3("export-node", "case", *PROJECT, "-o", "file")
    assert result.code == 6
    assert "not a whole JSON document" in result.stderr
    assert not (home / "file").exists()
