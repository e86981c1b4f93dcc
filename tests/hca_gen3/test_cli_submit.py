"""`hca gen3 submit`, through the front door."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import case, experiment
from sds_folder import make_dataset

from hca_core.testing import Answer, Request, Result

Hca = Callable[..., Result]
PROJECT = ("--program", "demo", "--project", "12L")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two files, the first of which links to the second; one record is bad."""
    new = [case("a", experiments=[{"submitter_id": "e"}]), case("b", sex=5), case("c")]
    (tmp_path / "case.json").write_text(json.dumps(new))
    (tmp_path / "experiment.json").write_text(json.dumps(experiment("e")))
    return [str(tmp_path / "case.json"), str(tmp_path / "experiment.json")]


def test_what_became_of_the_records(commons: FakeCommons, hca: Hca, files: list[str], tmp_path: Path) -> None:
    result = hca("gen3", "submit", *files, *PROJECT, "--chunk-size", "2")
    assert result.code == 9
    found = result.json
    assert [found[key] for key in ("project", "records", "created", "refused", "unsent")] == ["demo-12L", 4, 3, 1, 0]
    assert found["refusals"] == [
        {
            "file": files[0],
            "record": 2,
            "submitter_id": "b",
            "errors": [{"type": "INVALID_VALUE", "keys": ["sex"], "message": "5 is not of type string"}],
        }
    ]
    assert f"in {tmp_path / 'case.failed.json'}" in result.stderr
    assert "1 of 4 records were refused: b (case.json, record 2): 5 is not of type string" in result.stderr
    assert [record["submitter_id"] for record in json.loads((tmp_path / "case.failed.json").read_text())] == ["b"]
    assert sorted(node.name for node in commons.of_type("case")) == ["a", "c"]


def test_everything_is_fine(commons: FakeCommons, hca: Hca, files: list[str]) -> None:
    result = hca("gen3", "submit", files[1], *PROJECT)
    assert (result.code, result.stderr, result.json["created"]) == (0, "", 1)
    assert hca("gen3", "submit", files[1], *PROJECT, "--create-only").code == 9


def test_a_dry_run(commons: FakeCommons, hca: Hca, files: list[str], tmp_path: Path) -> None:
    result = hca("gen3", "submit", *files, *PROJECT, "--dry-run")
    assert result.code == 9
    assert [result.json[key] for key in ("dry_run", "created", "pending", "refused")] == [True, 2, 1, 1]
    assert commons.of_type("case") == []
    assert not (tmp_path / "case.failed.json").exists()


def test_failures_are_data_too(hca: Hca, commons: FakeCommons, files: list[str]) -> None:
    result = hca("--query", "refusals[].submitter_id", "--output", "raw", "gen3", "submit", *files, *PROJECT)
    assert (result.code, result.stdout) == (9, "b\n")


def test_the_report_comes_even_if_it_is_stopped(
    hca: Hca, commons: FakeCommons, files: list[str], tmp_path: Path
) -> None:
    answer = Answer.json({"message": "user is unauthorized"}, 403)
    commons.on("PUT", "/api/v0/submission/demo/12L", answer)
    result = hca("gen3", "submit", *files, *PROJECT, "--failed-dir", str(tmp_path))
    assert (result.code, result.json["unsent"]) == (5, 4)
    assert "user is unauthorized" in result.stderr
    assert "case.failed.json" in result.stderr


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--output", "json"]])
def test_an_interrupted_submission_says_how_far_it_is(
    hca: Hca, commons: FakeCommons, tmp_path: Path, options: list[str]
) -> None:
    def interrupt(request: Request) -> Answer:
        if commons.count("PUT", request.path) < 3:
            return commons._submit(request, "demo", "12L")
        os.kill(os.getpid(), signal.SIGINT)
        return Answer.json({}, 500)

    commons.on("PUT", "/api/v0/submission/demo/12L", interrupt)
    (tmp_path / "case.json").write_text(json.dumps([case(f"case-{number}") for number in range(6)]))
    result = hca(*options, "gen3", "submit", str(tmp_path / "case.json"), *PROJECT, "--chunk-size", "2")
    assert (result.code, result.stdout) == (130, "")
    assert f"4 of 6 records were accepted. What was not accepted is in {tmp_path / 'case.failed.json'}" in result.stderr
    assert "Interrupted." in result.stderr
    assert len(json.loads((tmp_path / "case.failed.json").read_text())) == 2


@pytest.mark.parametrize(
    "words", [[], ["a.xlsx"], ["missing.json"], ["FILE", "--chunk-size", "0"], ["FILE", "--failed-dir", "missing"]]
)
def test_mistakes(commons: FakeCommons, hca: Hca, files: list[str], words: list[str]) -> None:
    result = hca("gen3", "submit", *(files[1] if word == "FILE" else word for word in words), *PROJECT)
    assert (result.code, result.stdout) == (2, "")
    assert commons.submissions() == []


def test_what_convert_makes_of_a_dataset_is_accepted(commons: FakeCommons, hca: Hca, tmp_path: Path) -> None:
    make_dataset(tmp_path / "dataset")
    hca("gen3", "convert", str(tmp_path / "dataset"), str(tmp_path / "json"), "--project", "12L", "--experiment", "e2")
    files = sorted(str(path) for path in (tmp_path / "json").iterdir())
    result = hca("gen3", "submit", *files, *PROJECT)
    assert result.code == 0, result.stderr
    assert result.json["created"] == result.json["records"] > 4
    found = hca("gen3", "query", '{ experiment(submitter_id: "e2") { _cases_count _manifests_count } }').json
    assert found["experiment"][0]["_cases_count"] == len(commons.of_type("case"))
