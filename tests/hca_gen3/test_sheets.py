"""Where the sheets of a dataset are, and how their headers are read."""

from __future__ import annotations

import pytest
from sds_folder import manifest_row, write_csv, write_table, write_workbook

from hca_core.errors import ArgumentError
from hca_gen3.rows import SheetError, column_letters
from hca_gen3.sheets import Sheet, Table, find_sheet, find_sheets


def table(tmp_path, *rows):
    return Table(Sheet(write_workbook(tmp_path / "subjects.xlsx", rows), "subjects.xlsx"))


@pytest.mark.parametrize(("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (16383, "XFD")])
def test_columns_are_called_as_in_spreadsheets(index, letters):
    assert column_letters(index) == letters


def test_an_error_says_where_it_is():
    error = SheetError("it is empty", sheet="a.xlsx", row=3, column=1, header="age")
    assert error.message == "a.xlsx, row 3, column B (age): it is empty."
    assert (error.sheet, error.row, error.column) == ("a.xlsx", 3, 1)


@pytest.mark.parametrize("name", ["subjects.xlsx", "Subjects.XLSX", "subjects.csv", "subjects.tsv"])
def test_a_sheet_is_found_whatever_its_format_and_capitals(tmp_path, name):
    (tmp_path / name).touch()
    (tmp_path / "~$subjects.xlsx").touch()
    assert find_sheet(tmp_path, "subjects") == Sheet(tmp_path / name, name)


def test_a_sheet_that_is_not_there_is_none(tmp_path):
    assert find_sheet(tmp_path, "subjects") is None


def test_two_formats_of_one_sheet_are_refused(tmp_path):
    (tmp_path / "subjects.xlsx").touch()
    (tmp_path / "subjects.csv").touch()
    with pytest.raises(SheetError, match=r"^subjects\.csv: there is also subjects\.xlsx\.$"):
        find_sheet(tmp_path, "subjects")


def test_the_format_of_excel_97_is_refused_with_advice(tmp_path):
    (tmp_path / "subjects.xls").touch()
    with pytest.raises(SheetError, match=r"^subjects\.xls: the format of Excel 97-2003") as caught:
        find_sheet(tmp_path, "subjects")
    assert caught.value.hint == "Save it as .xlsx."


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(ArgumentError, match=r"nowhere cannot be read: No such file"):
        find_sheet(tmp_path / "nowhere", "subjects")


def test_manifests_are_found_in_all_folders_in_order_but_not_behind_links(tmp_path):
    outside = write_table(tmp_path / "outside" / "manifest.xlsx", "manifest", [manifest_row("a")])
    root = tmp_path / "root"
    for folder in ("primary/sub-1", "primary", ".", "derivative"):
        write_table(root / folder / "manifest.xlsx", "manifest", [manifest_row("a")])
    (root / "link").symlink_to(outside.parent)
    (root / "primary" / "loop").symlink_to(root)
    assert [sheet.label for sheet in find_sheets(root, "manifest")] == [
        "manifest.xlsx",
        "derivative/manifest.xlsx",
        "primary/manifest.xlsx",
        "primary/sub-1/manifest.xlsx",
    ]


def test_the_header_is_the_first_row_that_is_not_blank(tmp_path):
    found = table(tmp_path, [], [" "], ["  Subject ID ", None, "age\nin weeks", None, None], [], ["sub-1"], [None, " "])
    assert found.header_row == 3
    assert {name: (column.index, column.title) for name, column in found.columns.items()} == {
        "subject_id": (0, "Subject ID"),
        "age_in_weeks": (2, "age in weeks"),
    }
    assert [(row.number, row.cells) for row in found.rows()] == [(5, ["sub-1"])]


def test_an_empty_sheet_is_refused(tmp_path):
    with pytest.raises(SheetError, match=r"^subjects\.xlsx: it is empty\.$"):
        table(tmp_path, [None], [" "])


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(SheetError, match=r'^subjects\.xlsx, row 1: there is no column "subject id"\.$'):
        table(tmp_path, ["age"]).require("subject id")


def test_a_column_that_is_there_twice_is_refused_only_if_it_matters(tmp_path):
    found = table(tmp_path, ["subject id", "note", "age", "note", "Age "])
    found.refuse_twice(["subject_id"])
    with pytest.raises(SheetError, match=r"^subjects\.xlsx, row 1, column E: column 'age' is there twice\.$"):
        found.refuse_twice(["subject_id", "age"])


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SheetError, match=r"^subjects\.csv: it cannot be read: No such file"):
        list(Sheet(tmp_path / "subjects.csv", "subjects.csv").rows())


def test_a_line_number_in_text_counts_blank_lines(tmp_path):
    path = write_csv(tmp_path / "subjects.csv", [["subject id"], [], ["", ""], ["sub-1"]])
    assert [row.number for row in Table(Sheet(path, "")).rows()] == [4]
