"""SPARC datasets become JSON for Gen3."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from jsonschema import Draft4Validator
from openpyxl import load_workbook
from sds_folder import (
    convert,
    make_dataset,
    manifest_row,
    refused,
    sample_row,
    subject_row,
    write_csv,
    write_table,
    write_workbook,
)

from hca_core.errors import ArgumentError
from hca_gen3.convertor import Gen3Convertor
from hca_gen3.dictionary import Dictionary
from hca_gen3.rows import SheetError

LINK = [{"submitter_id": "demo_ds"}]
NAMES = ["experiment.json", "dataset_description.json", "subjects.json", "manifest.json"]
NODES = {
    "experiment": "experiment",
    "dataset_description": "dataset_description",
    "subjects": "case",
    "manifest": "manifest",
}


@pytest.fixture
def dataset(tmp_path):
    return tmp_path / "dataset"


def test_a_dataset_becomes_four_files_that_the_dictionary_wants(dataset):
    found = convert(make_dataset(dataset))
    assert set(found) == {"experiment", "dataset_description", "subjects", "manifest"}
    for name, content in found.items():
        schema = Dictionary().node(NODES[name]).schema
        for record in content if isinstance(content, list) else [content]:
            assert list(Draft4Validator(schema).iter_errors(record)) == []


def test_the_experiment_is_linked_to_the_project_and_all_else_to_the_experiment(dataset):
    found = convert(make_dataset(dataset))
    assert found["experiment"] == {"type": "experiment", "submitter_id": "demo_ds", "projects": [{"code": "12L"}]}
    assert found["dataset_description"]["experiments"] == LINK
    assert [record["experiments"] for record in found["subjects"] + found["manifest"]] == [LINK] * 4


def test_submitter_ids_are_as_they_always_were(dataset):
    found = convert(make_dataset(dataset))
    assert found["dataset_description"]["submitter_id"] == "demo_ds-dataset_description"
    assert [record["submitter_id"] for record in found["subjects"]] == [
        "demo-ds-subjects-sub-1",
        "demo-ds-subjects-sub-2",
    ]
    assert found["manifest"][0]["submitter_id"] == "demo-ds-manifest-sub-1-sam-1-1.dcm"


def test_five_thousand_files_in_several_manifests(dataset):
    manifests = {
        f"primary/sub-{subject}": [manifest_row(f"sam-{subject}/{number}-肺.dcm") for number in range(1000)]
        for subject in range(5)
    }
    found = convert(make_dataset(dataset, manifests=manifests))["manifest"]
    assert len({record["submitter_id"] for record in found}) == len(found) == 5000
    assert found[4999]["filename"] == "sam-4/999-肺.dcm"


def test_sheets_may_be_text(dataset):
    make_dataset(dataset)
    expected = convert(dataset, dataset.parent / "expected")
    for path in list(dataset.rglob("*.xlsx")):
        rows = load_workbook(path).worksheets[0].iter_rows(values_only=True)
        write_csv(path.with_suffix(".tsv"), rows, separator="\t")
        path.unlink()
    assert convert(dataset) == expected


def test_version_1_2_3_gets_the_names_of_2_0_0(dataset):
    make_dataset(dataset)
    elements = [
        ["Metadata element", "Description", "Example", "Value", "Value 2"],
        ["Metadata Version DO NOT CHANGE", "", "", "1.2.3"],
        ["Name", "", "", "A title"],
        ["Description", "", "", "A subtitle"],
        ["Keywords", "", "", "lung", "mouse"],
        ["Contributors", "", "", "Doe, Jane", "Roe, Max"],
        ["Contributor ORCID ID", "", "", None, "https://orcid.org/2"],
        ["Is Contact Person", "", "", "Yes"],
        ["Acknowledgements", "", "", "Thanks"],
    ]
    write_workbook(dataset / "dataset_description.xlsx", elements)
    columns = ["subject_id", "experimental group", "experimental log file name", "protocol.io location", "Age"]
    write_workbook(dataset / "subjects.xlsx", [columns, ["sub-1", "control", "log.txt", "somewhere", 3]])
    found = convert(dataset, version="1.2.3")
    description, [subject] = found["dataset_description"], found["subjects"]
    assert {name: description[name] for name in ("metadata_version", "title", "subtitle", "keywords")} == {
        "metadata_version": ["1.2.3"],
        "title": ["A title"],
        "subtitle": ["A subtitle"],
        "keywords": ["lung", "mouse"],
    }
    assert (description["contributor_orcid"], description["acknowledgments"]) == (
        ["NA", "https://orcid.org/2"],
        ["Thanks"],
    )
    assert description["study_purpose"] == []
    assert (subject["subject_experimental_group"], subject["experimental_log_file_path"]) == ("control", "log.txt")
    assert (subject["age"], subject["sex"]) == ("3", "NA")


def test_an_unknown_version_is_refused():
    with pytest.raises(ArgumentError, match=r"^Version '3\.0\.0' of the SPARC dataset structure is not supported\.$"):
        Gen3Convertor("12L", "demo_ds", "3.0.0")


@pytest.mark.parametrize(("project", "experiment", "what"), [("", "a", "project"), ("a", " ", "experiment")])
def test_a_name_that_is_empty_is_refused(project, experiment, what):
    with pytest.raises(ArgumentError, match=f"^The {what} needs a name"):
        Gen3Convertor(project, experiment)


def test_samples_are_converted_only_if_they_are_wanted(dataset, tmp_path):
    make_dataset(dataset)
    write_table(dataset / "samples.xlsx", "samples", [sample_row("sam-1", "sub-1")])
    assert set(convert(dataset)) == {Path(name).stem for name in NAMES}
    found = Gen3Convertor("12L", "demo_ds").convert(dataset, tmp_path / "gen3", samples=True)
    assert [(path.name, count) for path, count in found.records.items()][4:] == [("samples.json", 1)]


def test_samples_that_are_wanted_need_a_sheet_and_a_node(dataset, tmp_path):
    make_dataset(dataset)
    with pytest.raises(ArgumentError, match=r"/dataset has no samples\.xlsx, nor \.csv or \.tsv\.$"):
        convert(dataset, samples=True)
    write_table(dataset / "samples.xlsx", "samples", [sample_row("sam-1", "sub-1")])
    with pytest.raises(ArgumentError, match=r"has no sample\.yaml\.$"):
        convert(dataset, samples=True, schema=copy_of_ours(tmp_path, "sample"))


def copy_of_ours(tmp_path, *without, **instead):
    folder = tmp_path / "dictionary"
    folder.mkdir()
    for path in Dictionary().folder.iterdir():
        if path.stem not in without:
            (folder / path.name).write_text(instead.get(path.stem) or path.read_text())
    return folder


def test_a_dictionary_of_a_commons_decides_on_types_and_properties(dataset, tmp_path):
    case = """
        additionalProperties: false
        required: [subject_id, age, sex, species]
        properties:
          type: {type: string}
          submitter_id: {type: [string, "null"]}
          experiments: {type: array}
          subject_id: {type: string}
          age: {type: integer}
          sex: {enum: [female, male, NA]}
          species: {type: array, items: {type: string}}
          shoe_size: {type: number}
    """
    make_dataset(dataset)
    rows = [["subject id", "age", "sex", "species", "Shoe size"], ["sub-1", 3.0, "Female", "mouse", "43.5"]]
    write_workbook(dataset / "subjects.xlsx", [*rows, ["sub-2", 4, None, None, None]])
    schema = copy_of_ours(tmp_path, "experiment", case=case)
    first, second = convert(dataset, schema=schema)["subjects"]
    assert (first["age"], first["sex"], first["species"], first["shoe_size"]) == (3, "female", ["mouse"], 43.5)
    assert (second["sex"], second["species"]) == ("NA", ["NA"])


@pytest.mark.parametrize("missing", ["dataset_description", "case", "manifest"])
def test_a_dictionary_without_one_of_the_nodes_is_refused_at_once(tmp_path, missing):
    with pytest.raises(ArgumentError, match=rf"has no {missing}\.yaml\.$"):
        Gen3Convertor("12L", "demo_ds").set_schema_dir(str(copy_of_ours(tmp_path, missing)))


def test_an_experiment_that_the_dictionary_does_not_want_is_refused(dataset, tmp_path):
    schema = copy_of_ours(tmp_path, experiment="properties: {projects: {type: string}}")
    with pytest.raises(ArgumentError, match="The record of the experiment is not as the dictionary wants it"):
        convert(make_dataset(dataset), schema=schema)


def test_text_and_paths_are_fine_and_nothing_is_returned(dataset, tmp_path):
    make_dataset(dataset)
    assert Gen3Convertor("12L", "demo_ds").execute(str(dataset), str(tmp_path / "a" / "b")) is None
    assert Gen3Convertor("12L", "demo_ds").execute(dataset, tmp_path / "c") is None
    assert sorted(os.listdir(tmp_path / "a" / "b")) == sorted(os.listdir(tmp_path / "c")) == sorted(NAMES)


def test_convert_tells_what_was_written_in_the_order_for_gen3(dataset, tmp_path):
    found = Gen3Convertor("12L", "demo_ds").convert(make_dataset(dataset), tmp_path / "gen3")
    assert [(path.name, count) for path, count in found.records.items()] == [*zip(NAMES, [1, 1, 2, 2], strict=True)]


def test_a_failure_leaves_what_was_there_and_nothing_else(dataset, tmp_path):
    make_dataset(dataset)
    convert(dataset)
    before = {path.name: path.read_bytes() for path in (tmp_path / "gen3").iterdir()}
    files = [manifest_row(f"{number}.dcm") for number in range(1000)]
    make_dataset(dataset, subjects=[subject_row("other")], manifests={"primary": [*files, manifest_row(None)]})
    with pytest.raises(SheetError, match=r"^primary/manifest\.xlsx, row 1002, column A \(filename\): it is empty\.$"):
        convert(dataset)
    assert {path.name: path.read_bytes() for path in (tmp_path / "gen3").iterdir()} == before


def test_a_destination_that_is_a_file_is_refused(dataset, tmp_path):
    (tmp_path / "gen3").write_text("here I am")
    with pytest.raises(ArgumentError, match=r"gen3 cannot be written to: "):
        convert(make_dataset(dataset))
    assert (tmp_path / "gen3").read_text() == "here I am"


def test_a_folder_where_a_file_should_go_is_noticed_before_anything_is_written(dataset, tmp_path):
    (tmp_path / "gen3" / "manifest.json").mkdir(parents=True)
    with pytest.raises(ArgumentError, match=r"gen3 cannot be written to: manifest\.json is a folder\.$"):
        convert(make_dataset(dataset))
    assert os.listdir(tmp_path / "gen3") == ["manifest.json"]


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("dataset_description.xlsx", r"/dataset has no dataset_description\.xlsx, nor \.csv or \.tsv\.$"),
        ("subjects.xlsx", r"/dataset has no subjects\.xlsx, nor \.csv or \.tsv\.$"),
        ("primary/manifest.xlsx", r"^No folder of .*/dataset has a manifest"),
    ],
)
def test_a_sheet_that_is_missing_is_named(dataset, missing, said):
    (make_dataset(dataset) / missing).unlink()
    assert re.search(said, refused(dataset))


def test_a_source_that_is_not_there_is_named(dataset):
    assert re.search(r"/dataset cannot be read: No such file", refused(dataset))


def test_a_sheet_that_is_no_workbook_is_refused(dataset):
    (make_dataset(dataset) / "subjects.xlsx").write_text("subject id,age\n")
    assert refused(dataset) == "subjects.xlsx: it is no workbook (.xlsx), or damaged."


def test_text_that_is_not_utf8_is_refused(dataset):
    make_dataset(dataset)
    (dataset / "subjects.xlsx").unlink()
    write_csv(dataset / "subjects.csv", [["subject id"], ["süb"]], encoding="latin-1")
    assert refused(dataset) == "subjects.csv, row 2: it is not text in UTF-8."
