"""Rows of tables become records."""

from __future__ import annotations

import json
import logging
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from openpyxl import Workbook, load_workbook
from sds_folder import (
    convert,
    description_rows,
    make_dataset,
    manifest_row,
    refused,
    sample_row,
    subject_row,
    table_rows,
    write_csv,
    write_table,
    write_workbook,
)

from hca_gen3.dictionary import Dictionary
from hca_gen3.mapping import PROPERTIES
from hca_gen3.rows import SheetError


@pytest.fixture
def dataset(tmp_path):
    return tmp_path / "dataset"


def test_an_empty_cell_is_na_if_required_and_else_not_there(dataset):
    subjects = [subject_row("sub-1", age=None, sex="N/A", genotype=None, phenotype="n/a")]
    [found] = convert(make_dataset(dataset, subjects=subjects))["subjects"]
    assert (found["age"], found["sex"]) == ("NA", "NA")
    assert not {"genotype", "phenotype"} & set(found)


def test_numbers_dates_and_truths_become_text(dataset):
    subjects = [
        subject_row(1.0, age=12, also_in_dataset=True, date_of_birth=datetime(2023, 7, 1), body_mass=0.1 + 0.2),
        subject_row(2, experiment_date=datetime(2023, 7, 1, 12, 30)),
    ]
    first, second = convert(make_dataset(dataset, subjects=subjects))["subjects"]
    assert (first["submitter_id"], first["subject_id"]) == ("demo-ds-subjects-1", "1")
    assert (first["age"], first["also_in_dataset"], first["date_of_birth"]) == ("12", "TRUE", "2023-07-01")
    assert first["body_mass"] == "0.3"
    assert (second["subject_id"], second["experiment_date"]) == ("2", "2023-07-01T12:30:00")


def test_lines_are_a_list_where_the_dictionary_allows_one(dataset):
    row = manifest_row("a.dcm", is_derived_from="b.dcm\nc.dcm", is_source_of="d.dcm", description="two\nlines")
    [found] = convert(make_dataset(dataset, manifests={"primary": [row]}))["manifest"]
    assert (found["is_derived_from"], found["is_source_of"]) == (["b.dcm", "c.dcm"], "d.dcm")
    assert found["description"] == "two\nlines"


def test_a_value_of_one_letter_and_one_with_quotation_marks_stay_as_they_are(dataset):
    row = manifest_row("a.dcm", description="x", supplemental_json_metadata='{"a": "b"}')
    [found] = convert(make_dataset(dataset, manifests={"primary": [row]}))["manifest"]
    assert found["description"] == "x"
    assert json.loads(found["supplemental_json_metadata"]) == {"a": "b"}


def test_columns_for_which_gen3_has_nothing_are_told(dataset, caplog):
    make_dataset(dataset)
    write_workbook(dataset / "subjects.xlsx", [["subject id", "Shoe size", None], ["sub-1", 43, "a note"]])
    write_workbook(dataset / "primary" / "manifest.xlsx", [["filename", "species", "organ"], ["a", "mouse", "lung"]])
    with caplog.at_level(logging.WARNING):
        found = convert(dataset)
    assert (found["subjects"][0]["subject_id"], found["subjects"][0]["age"]) == ("sub-1", "NA")
    assert caplog.messages == ["subjects.xlsx, row 1: 'Shoe size' is not in version 2.0.0"]


def test_a_name_that_two_folders_have_is_refused(dataset):
    names = [manifest_row("./1.dcm"), manifest_row("2.dcm")]
    make_dataset(dataset, manifests={"derivative": names, "primary": names[1:]})
    words = (
        r"^primary/manifest\.xlsx, row 2, column A \(filename\): its submitter id would be demo-ds-manifest-2\.dcm, "
        r"which is that of row 3 of derivative/manifest\.xlsx already\.$"
    )
    with pytest.raises(SheetError, match=words) as caught:
        convert(dataset)
    assert caught.value.hint == "Name files that several folders have with their folder: primary/2.dcm."


def test_the_id_of_a_file_is_the_same_whatever_is_beside_it(dataset):
    primary = {"primary": [manifest_row("README.txt"), manifest_row("./1.dcm")]}
    alone = convert(make_dataset(dataset, manifests=primary))["manifest"]
    derivative = {"derivative": [manifest_row("derivative/README.txt")]}
    found = convert(make_dataset(dataset, manifests=primary | derivative))["manifest"]
    assert [record["submitter_id"] for record in alone] == ["demo-ds-manifest-README.txt", "demo-ds-manifest-1.dcm"]
    assert [record for record in found if record["filename"] != "derivative/README.txt"] == alone
    assert "demo-ds-manifest-derivative-README.txt" in {record["submitter_id"] for record in found}


def test_blank_rows_and_columns_do_not_matter(dataset):
    make_dataset(dataset)
    expected = convert(dataset, dataset.parent / "expected")
    header, *rows = table_rows("subjects", [subject_row("sub-1"), subject_row("sub-2")])
    spread = [[], [*header, *[None] * 900], rows[0], [], [" ", None], rows[1], *[[""] for _ in range(900)]]
    write_workbook(dataset / "subjects.xlsx", spread)
    assert convert(dataset) == expected


def test_samples_are_linked_to_their_subjects(dataset):
    make_dataset(dataset)
    samples = [sample_row("sam-1", "sub_1", wasDerivedFromSample=None), sample_row("sam-1", "sub-2")]
    write_table(dataset / "subjects.xlsx", "subjects", [subject_row("sub_1"), subject_row("sub-2")])
    write_table(dataset / "samples.xlsx", "samples", samples)
    found = convert(dataset, samples=True)["samples"]
    assert [record["submitter_id"] for record in found] == [
        "demo-ds-samples-sub-1-sam-1",
        "demo-ds-samples-sub-2-sam-1",
    ]
    assert [record["cases"] for record in found] == [
        [{"submitter_id": "demo-ds-subjects-sub-1"}],
        [{"submitter_id": "demo-ds-subjects-sub-2"}],
    ]
    assert found[0]["wasDerivedFromSample"] == "NA"
    assert "experiments" not in found[0]


def test_a_sample_of_a_subject_that_is_not_there_is_refused(dataset):
    make_dataset(dataset)
    write_table(dataset / "samples.xlsx", "samples", [sample_row("sam-1", "sub-3")])
    with pytest.raises(
        SheetError, match=r"^samples\.xlsx, row 2, column B \(subject id\): there is no subject 'sub-3'"
    ):
        convert(dataset, samples=True)


NEVER_CALCULATED = "its formula was never calculated; open and save it in a spreadsheet program"

TOO_LONG = "it is a number of more than 15 digits, the last of which spreadsheets lose; make it text"

TAKEN = (
    "subjects.xlsx, row {}, column A (subject id): its submitter id would be demo-ds-subjects-sub-1, "
    "which is that of row 2 already."
)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "subjects.xlsx: it is empty."),
        ([["name"], ["sub-1"]], 'subjects.xlsx, row 1: there is no column "subject id".'),
        (
            [["subject id", "age", "Subject_ID"]],
            "subjects.xlsx, row 1, column C: column 'subject id' is there twice.",
        ),
        (
            [["subject id", "age"], ["sub-1", 3], [None, 4]],
            "subjects.xlsx, row 3, column A (subject id): it is empty.",
        ),
        (
            [["subject id"], ["sub-1"], ["sub-2"], [], ["sub-1"]],
            TAKEN.format(5),
        ),
        (
            [["subject id"], ["sub-1"], ["sub_1"]],
            TAKEN.format(3),
        ),
        (
            [["subject id"], ["sub-1\nsub-2"]],
            "subjects.xlsx, row 2, column A (subject id): it has more than one line.",
        ),
        (
            [["subject id", "age"], ["sub-1", "#REF!"]],
            "subjects.xlsx, row 2, column B (age): it shows the formula error #REF!.",
        ),
        (
            [["subject id", "age"], ["sub-1", "=A1"]],
            f"subjects.xlsx, row 2, column B (age): {NEVER_CALCULATED}.",
        ),
        (
            [["subject id"], [1e300]],
            f"subjects.xlsx, row 2, column A (subject id): {TOO_LONG}.",
        ),
        (
            [["subject id", "disease or disorder"], ["sub-1", "flu"]],
            "subjects.xlsx, row 2, column B (disease or disorder): 'flu' is none of disease, disorder.",
        ),
    ],
)
def test_a_malformed_table_is_refused_with_sheet_row_and_column(dataset, rows, said):
    make_dataset(dataset)
    write_workbook(dataset / "subjects.xlsx", rows)
    assert refused(dataset) == said


def test_merged_cells_are_refused_where_they_hide_values(dataset):
    make_dataset(dataset)
    book = load_workbook(dataset / "subjects.xlsx")
    book.worksheets[0].merge_cells("E2:E3")
    book.save(dataset / "subjects.xlsx")
    assert refused(dataset) == (
        "subjects.xlsx, row 3, column E (sex): it is merged with E2; a merged cell has no value of its own."
    )


def test_two_columns_of_one_meaning_are_refused(dataset):
    make_dataset(dataset)
    columns = ["subject id", "experimental group", "subject experimental group"]
    write_workbook(dataset / "subjects.xlsx", [columns, ["sub-1", "a", "b"]])
    with pytest.raises(SheetError, match=r"row 1, column C: columns 'experimental group' and 'subject experimental g"):
        convert(dataset, version="1.2.3")


def test_a_separator_that_is_not_quoted_is_refused(dataset):
    make_dataset(dataset)
    (dataset / "subjects.xlsx").unlink()
    (dataset / "subjects.csv").write_text("subject id,age,sex\nsub-1,3 weeks,f\nsub-2,3 weeks, 2 days,f\n")
    assert refused(dataset) == "subjects.csv, row 3, column D: there is a value, but no header above it."


CELLS = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t")),
    st.integers(-(10**16), 10**16),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.datetimes(datetime(1901, 1, 1), datetime(9000, 1, 1)),
    st.sampled_from(["#REF!", "NA", "disease", "=1+1", "sub-1", "sub_1"]),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(CELLS, min_size=27, max_size=27), max_size=4))
def test_whatever_is_in_a_sheet_the_output_is_valid_or_the_sheet_is_refused(rows):
    validator = Draft4Validator(Dictionary().node("case").schema)
    with tempfile.TemporaryDirectory() as folder:
        dataset = Path(folder, "dataset")
        write_csv(dataset / "dataset_description.csv", description_rows())
        write_csv(dataset / "manifest.csv", table_rows("manifest", [manifest_row("a.dcm")]))
        book = Workbook()
        for row in [list(PROPERTIES["subjects"].values()), *rows]:
            book.worksheets[0].append(row)
        book.save(dataset / "subjects.xlsx")
        said, found = "", []
        try:
            found = convert(dataset)["subjects"]
        except SheetError as error:
            said = error.message
        assert not said or said.startswith("subjects.xlsx, row ")
        assert Path(folder, "gen3").exists() == (not said)
        assert [problem for record in found for problem in validator.iter_errors(record)] == []
