"""`hca gen3 convert`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from sds_folder import make_dataset, sample_row, write_table, write_workbook

from hca_gen3.dictionary import DEFAULT_FOLDER

NAMES = ("experiment", "dataset_description", "subjects", "manifest")
OPTIONS = ("--project", "12L", "--experiment", "demo_ds")


@pytest.fixture
def dataset(tmp_path):
    return make_dataset(tmp_path / "dataset")


def test_what_was_written_is_told_as_data(hca, dataset, tmp_path):
    result = hca("gen3", "convert", str(dataset), str(tmp_path / "gen3"), *OPTIONS)
    counts = zip(NAMES, (1, 1, 2, 2), strict=True)
    assert result.stdout.splitlines() == [f"{tmp_path}/gen3/{name}.json\t{count}" for name, count in counts]
    assert result.stderr == f"Converted {dataset} into 4 files.\n"
    assert result.code == 0
    assert json.loads((tmp_path / "gen3" / "experiment.json").read_text())["projects"] == [{"code": "12L"}]


def test_json_if_somebody_wants_it(hca, dataset, tmp_path):
    result = hca("--output", "json", "gen3", "convert", str(dataset), str(tmp_path / "gen3"), *OPTIONS)
    assert result.json[3] == {"file": f"{tmp_path}/gen3/manifest.json", "records": 2}


def test_a_malformed_sheet_is_one_sentence_and_nothing_is_written(hca, dataset, tmp_path):
    write_workbook(dataset / "subjects.xlsx", [["name"], ["sub-1"]])
    result = hca("gen3", "convert", str(dataset), str(tmp_path / "gen3"), *OPTIONS)
    assert result.code == 2
    assert 'subjects.xlsx, row 1: there is no column "subject id".' in result.stderr
    assert (result.stdout, (tmp_path / "gen3").exists()) == ("", False)


def test_what_is_left_out_is_told(hca, dataset, tmp_path):
    write_workbook(dataset / "subjects.xlsx", [["subject id", "shoe size"], ["sub-1", 43]])
    result = hca("gen3", "convert", str(dataset), str(tmp_path / "gen3"), *OPTIONS)
    assert "Left out: subjects.xlsx, row 1: 'shoe size' is not in version 2.0.0\n" in result.stderr


def test_version_and_dictionary_can_be_chosen(hca, dataset, tmp_path):
    schema = ("--schema-dir", str(DEFAULT_FOLDER), "--sds-version", "1.2.3")
    result = hca("gen3", "convert", str(dataset), str(tmp_path / "gen3"), *OPTIONS, *schema)
    assert result.code == 0
    assert "it says that it is version 2.0.0, not 1.2.3" in result.stderr


def test_samples_can_be_wanted(hca, dataset, tmp_path):
    write_table(dataset / "samples.xlsx", "samples", [sample_row("sam-1", "sub-1")])
    result = hca("gen3", "convert", str(dataset), str(tmp_path / "gen3"), *OPTIONS, "--samples")
    assert result.stdout.splitlines()[4] == f"{tmp_path}/gen3/samples.json\t1"


def test_the_project_can_be_a_setting(hca, dataset, tmp_path):
    assert hca("config", "set", "gen3.project", "12L").code == 0
    result = hca("gen3", "convert", str(dataset), str(tmp_path / "gen3"), "--experiment", "demo_ds")
    assert result.code == 0
    assert json.loads((tmp_path / "gen3" / "experiment.json").read_text())["projects"] == [{"code": "12L"}]


@pytest.mark.parametrize(
    "options", [("--project", "12L"), ("--experiment", "demo_ds"), (*OPTIONS, "--sds-version", "3")]
)
def test_what_is_missing_or_unknown_is_a_usage_error(hca, dataset, tmp_path, options):
    result = hca("gen3", "convert", str(dataset), str(tmp_path / "gen3"), *options)
    assert result.code == 2
    assert not (tmp_path / "gen3").exists()


def test_nothing_heavy_is_imported_before_it_is_needed():
    heavy = ("openpyxl", "pandas", "yaml", "jsonschema")
    program = f"import sys, hca_gen3.convertor, hca_gen3.cli.convert; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
