"""Sheets as pandas dataframes."""

from __future__ import annotations

import pytest
from sds_folder import (
    write_workbook,
)

from hca_core.errors import ArgumentError
from hca_gen3.convertor import Gen3Convertor


def test_read_excel_gives_a_dataframe_of_the_first_sheet_or_a_named_one(tmp_path):
    path = write_workbook(tmp_path / "a.xlsx", [["a", "b"], [1, "x"]])
    frame = Gen3Convertor.read_excel(str(path))
    assert frame.to_dict("records") == [{"a": 1, "b": "x"}]
    assert list(Gen3Convertor.read_excel(path, "notes").columns) == ["not this one"]


@pytest.mark.parametrize(
    ("name", "sheet", "said"),
    [
        ("a.xlsx", "no", r"a\.xlsx: there is no sheet 'no'\.$"),
        ("b.xlsx", None, r"b\.xlsx: it is no workbook"),
        ("c.xlsx", None, r"c\.xlsx: it cannot be read: No such file"),
    ],
)
def test_read_excel_says_what_is_wrong(tmp_path, name, sheet, said):
    write_workbook(tmp_path / "a.xlsx", [["a"]])
    (tmp_path / "b.xlsx").write_text("b")
    with pytest.raises(ArgumentError, match=said):
        Gen3Convertor.read_excel(tmp_path / name, sheet)
