"""Metadata sheets that are text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sds_folder import write_csv

from hca_gen3.delimited import read_delimited
from hca_gen3.rows import SheetError

ROWS = [["subject id", "age"], ["sub-1", "3 weeks, 2 days"], ["süb-2", 'two\n"lines"'], ["sub-3", ""]]


def read(path):
    return [row.cells for row in read_delimited(path, path.name)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("suffix", "separator"), [(".csv", ","), (".csv", ";"), (".csv", "\t"), (".tsv", "\t")])
def test_separators_and_encodings_that_spreadsheets_write(tmp_path, suffix, separator, encoding):
    path = write_csv(tmp_path / f"subjects{suffix}", ROWS, separator=separator, encoding=encoding)
    assert read(path) == ROWS


def test_a_row_is_counted_by_the_line_on_which_it_begins(tmp_path):
    path = write_csv(tmp_path / "subjects.csv", ROWS)
    assert [row.number for row in read_delimited(path, "")] == [1, 2, 3, 5]


@pytest.mark.parametrize(
    ("content", "row"), [("sub-1\nsub-2\nsüb-3\n".encode("latin-1"), 3), (codecs.BOM_UTF16_LE + b"\x00\xd8a", 1)]
)
def test_text_in_another_encoding_is_refused(tmp_path, content, row):
    path = tmp_path / "subjects.csv"
    path.write_bytes(content)
    with pytest.raises(SheetError, match=rf"^subjects\.csv, row {row}: it is not text in UTF-8\.$") as caught:
        read(path)
    assert "UTF-8" in (caught.value.hint or "")


def test_a_quotation_mark_that_is_not_closed_is_found_where_it_is(tmp_path):
    path = tmp_path / "subjects.csv"
    path.write_text('subject id,age\nsub-1,3\nsub-2,"4\nsub-3,5\n')
    with pytest.raises(SheetError, match=r"^subjects\.csv, row 3: it cannot be read as a table"):
        read(path)


@given(st.binary())
def test_any_bytes_are_rows_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "subjects.csv"
    path.write_bytes(content)
    said, rows = "subjects.csv", []
    try:
        rows = read(path)
    except SheetError as error:
        said = error.message
    assert said.startswith("subjects.csv")
    assert all(isinstance(cell, str) for row in rows for cell in row)
