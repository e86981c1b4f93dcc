"""Dataset descriptions become one record of lists."""

from __future__ import annotations

import logging

import pytest
from openpyxl import load_workbook
from sds_folder import (
    DESCRIPTION,
    convert,
    description_rows,
    make_dataset,
    refused,
    write_workbook,
)

from hca_gen3.mapping import PROPERTIES


@pytest.fixture
def dataset(tmp_path):
    return tmp_path / "dataset"


@pytest.mark.parametrize("indented", [True, False], ids=["as in the official template", "plain"])
def test_every_element_of_the_description_arrives(dataset, indented):
    found = convert(make_dataset(dataset, indented=indented))["dataset_description"]
    expected = DESCRIPTION | {"number_of_subjects": ["2"], "number_of_samples": ["0"]}
    assert {name: found[name] for name in PROPERTIES["dataset_description"]} == expected


def test_an_empty_element_is_an_empty_list_if_required_and_else_not_there(dataset):
    found = convert(make_dataset(dataset, description={"title": ["A title"]}))["dataset_description"]
    assert found["title"] == ["A title"]
    assert found["study_purpose"] == found["keywords"] == []
    assert not {"funding", "acknowledgments", "study_collection_title"} & set(found)


def test_a_contributor_without_an_orcid_does_not_get_that_of_another(dataset):
    description = DESCRIPTION | {
        "contributor_orcid": [None, "https://orcid.org/2"],
        "keywords": ["lung", None, "mouse"],
        "contributor_role": ["DataCollector"],
    }
    found = convert(make_dataset(dataset, description=description))["dataset_description"]
    assert found["contributor_orcid"] == ["NA", "https://orcid.org/2"]
    assert found["contributor_role"] == ["DataCollector"]
    assert found["keywords"] == ["lung", "mouse"]


def test_values_begin_where_the_header_says_so(dataset):
    make_dataset(dataset)
    rows = [["Metadata element", "Value", "Value 2"], ["Title", "A title"], ["Keywords", "a", "b"]]
    write_workbook(dataset / "dataset_description.xlsx", rows)
    found = convert(dataset)["dataset_description"]
    assert (found["title"], found["keywords"]) == (["A title"], ["a", "b"])


def test_a_description_that_says_another_version_is_told(dataset, caplog):
    with caplog.at_level(logging.WARNING):
        convert(make_dataset(dataset, description=DESCRIPTION | {"metadata_version": ["1.2.3"]}))
    assert caplog.messages == ["dataset_description.xlsx: it says that it is version 1.2.3, not 2.0.0"]


def test_merged_cells_where_nothing_is_read_do_not_matter(dataset):
    make_dataset(dataset)
    book = load_workbook(dataset / "dataset_description.xlsx")
    book.worksheets[0].merge_cells("A4:C4")
    book.save(dataset / "dataset_description.xlsx")
    assert convert(dataset)["dataset_description"]["title"] == DESCRIPTION["title"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [["a", "b"], *rows[1:]], 'row 1: there is no column "Metadata element".'),
        (lambda rows: [*rows, ["TITLE", "", "", "x"]], "row 31, column A: element 'TITLE' is there twice."),
        (lambda rows: [*rows[:4], ["Title", "", "", "x", "#N/A"]], "row 5, column E: it shows the formula error #N/A."),
    ],
)
def test_a_malformed_description_is_refused(dataset, change, said):
    make_dataset(dataset)
    write_workbook(dataset / "dataset_description.xlsx", change(description_rows()))
    assert refused(dataset) == f"dataset_description.xlsx, {said}"
