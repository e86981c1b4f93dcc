"""`hca dss`, through the front door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from example_bundle import BUNDLE_UUID, BUNDLE_VERSION, CONTENTS
from fake_dss import FakeDSS

from hca_core.cli.root import hca
from hca_core.testing import Answer
from hca_dss.cli import dss as group
from hca_dss.manifest import LAYOUTS
from hca_dss.plan import EXISTING
from hca_dss.version import check_version

FOLDER = f"{BUNDLE_UUID}.{BUNDLE_VERSION}"


@pytest.fixture
def dss(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDSS]:
    """A DSS that the user's settings point to."""
    with FakeDSS() as server:
        (home / "config.json").write_text(json.dumps({"DSSClient": {"swagger_url": server.swagger_url}}))
        monkeypatch.setenv("HCA_CONFIG_FILE", str(home / "config.json"))
        yield server


def run(*words: str) -> Result:
    return CliRunner().invoke(hca, ["dss", *words])


def download(*words: str) -> Result:
    return run("download", "--bundle-uuid", BUNDLE_UUID, "--replica", "aws", *words)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_layouts_are_those_of_the_library() -> None:
    option = next(param for param in group.commands["download-manifest"].params if param.name == "layout")
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == LAYOUTS


def test_the_words_for_existing_files_are_those_of_the_library() -> None:
    option = next(param for param in group.commands["download"].params if param.name == "existing")
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == EXISTING


@pytest.mark.parametrize(
    "command", ["upload", "download", "download-manifest", "download-collection", "verify", "create-version"]
)
def test_help_is_complete(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    for param in group.commands[command].params:
        if isinstance(param, click.Option):
            assert param.opts[0] in result.stdout


def test_create_version_prints_the_version_alone() -> None:
    result = run("create-version")
    assert result.exit_code == 0
    assert check_version(result.stdout.removesuffix("\n")) + "\n" == result.stdout


def test_download_saves_and_prints_nothing_on_stdout(dss: FakeDSS, tmp_path: Path) -> None:
    result = download("--download-dir", str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"Saved 5 files in {tmp_path / FOLDER}.\n"
    assert names(tmp_path / FOLDER) == CONTENTS.keys() | {"bundle.json"}


@pytest.mark.parametrize(
    "words",
    [
        ["--data-filter", "*.fastq", "*.bam", "--no-metadata"],
        ["--no-metadata", "--data-filter", "*.bam", "--data-filter", "*.fastq"],
        ["--no-metadata", "--data-filter=*.fastq"],
    ],
)
def test_filters_take_one_or_more_patterns(dss: FakeDSS, tmp_path: Path, words: list[str]) -> None:
    result = download(*words, "--download-dir", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert names(tmp_path / FOLDER) == {"reads/r1.fastq", "bundle.json"}


def test_a_filter_and_its_exclusion_contradict_each_other(dss: FakeDSS) -> None:
    result = download("--no-data", "--data-filter", "x")
    assert result.exit_code == 2
    assert "no_data and data_filter" in result.stderr


def test_a_dry_run_prints_json_and_writes_nothing(dss: FakeDSS, tmp_path: Path) -> None:
    result = download("--dry-run", "--download-dir", str(tmp_path))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["bytes_to_fetch"] == 433
    assert names(tmp_path) == set()


def test_a_failed_file_ends_in_exit_code_9_and_is_in_the_report(dss: FakeDSS, tmp_path: Path) -> None:
    dss.on("GET", "/v1/files/0a000000-0000-4000-8000-000000000004", Answer.problem(404, "not_found", "gone"))
    result = download("--download-dir", str(tmp_path), "--report", str(tmp_path / "report"), "--jobs", "2")
    assert (result.exit_code, result.stdout) == (9, "")
    assert "1 of 6 files failed: reads/r1.fastq" in result.stderr
    statuses = {line["name"]: line["status"] for line in map(json.loads, (tmp_path / "report").open())}
    assert statuses["reads/r1.fastq"] == "failed"
    assert statuses["project_0.json"] == "fetched"


def test_an_unknown_bundle_ends_in_exit_code_7(dss: FakeDSS) -> None:
    result = run("download", "--bundle-uuid", "22222222-2222-4333-8444-555555555555", "--replica", "aws")
    assert result.exit_code == 7


@pytest.mark.parametrize(
    "words",
    [
        ["download", "--replica", "aws"],
        ["download", "--bundle-uuid", BUNDLE_UUID, "--replica", "azure"],
        ["download", "--bundle-uuid", BUNDLE_UUID, "--replica", "aws", "--existing", "maybe"],
        ["upload", "--replica", "aws", "--src-dir", "."],
    ],
)
def test_usage_errors_end_in_exit_code_2(words: list[str]) -> None:
    assert run(*words).exit_code == 2


def test_an_upload_of_nothing_is_a_sentence(dss: FakeDSS, tmp_path: Path) -> None:
    result = run("upload", "--src-dir", str(tmp_path), "--replica", "aws", "--staging-bucket", "b", "--no-progress")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"nothing to upload: {tmp_path} has no files" in result.stderr
