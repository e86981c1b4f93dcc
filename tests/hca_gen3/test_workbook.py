"""Workbooks, honest and hostile ones."""

from __future__ import annotations

import re
import warnings
import zipfile
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from sds_folder import write_workbook

from hca_core.errors import HcaError
from hca_gen3.cells import Unreadable
from hca_gen3.rows import SheetError
from hca_gen3.workbook import read_workbook


def read(path):
    return [row.cells for row in read_workbook(path, path.name)]


def save(path, change):
    book = Workbook()
    change(book.worksheets[0])
    book.save(path)
    return path


def rewrite(path, part, change):
    """Change a part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"


def test_the_first_sheet_is_read_with_typed_values(tmp_path):
    rows = [["subject id", "age", "born"], ["süb-1", 1.5, datetime(2023, 7, 1)], ["sub-2", True, None]]
    assert read(write_workbook(tmp_path / "a.xlsx", rows)) == [*rows[:2], ["sub-2", True]]


def test_the_suffix_does_not_matter_to_the_content(tmp_path):
    path = write_workbook(tmp_path / "A.XLSX", [["x"]])
    assert read(path) == [["x"]]


def test_rows_that_are_missing_keep_the_numbers_right(tmp_path):
    path = save(tmp_path / "a.xlsx", lambda sheet: (sheet.cell(1, 1, "head"), sheet.cell(5, 2, "value")))
    assert [(row.number, row.cells) for row in read_workbook(path, "") if any(row.cells)] == [
        (1, ["head"]),
        (5, [None, "value"]),
    ]


def test_a_size_that_the_workbook_claims_wrongly_is_not_believed(tmp_path):
    path = write_workbook(tmp_path / "a.xlsx", [["a", "b"], ["c", "d"]])
    rewrite(path, SHEET, lambda xml: xml.replace(b'ref="A1:B2"', b'ref="A1:A1"'))
    assert read(path) == [["a", "b"], ["c", "d"]]


def test_cells_that_others_are_merged_into_are_not_taken_for_empty(tmp_path):
    def change(sheet):
        for row in range(1, 4):
            sheet.append([f"a{row}", f"b{row}", f"c{row}"])
        sheet.merge_cells("A2:B3")

    found = read(save(tmp_path / "a.xlsx", change))
    assert found[0] == ["a1", "b1", "c1"]
    assert found[1][0] == "a2"
    assert [type(cell) for cell in (found[1][1], found[2][0], found[2][1])] == [Unreadable] * 3
    assert "merged with A2" in found[2][1].reason
    assert found[2][2] == "c3"


def test_a_formula_that_was_never_calculated_is_not_taken_for_empty(tmp_path):
    path = save(tmp_path / "a.xlsx", lambda sheet: sheet.append(["x", "=A1", "y"]))
    [cells] = read(path)
    assert isinstance(cells[1], Unreadable)
    assert "never calculated" in cells[1].reason
    assert [cells[0], cells[2]] == ["x", "y"]


def test_a_formula_whose_result_is_empty_text_is_empty(tmp_path):
    path = save(tmp_path / "a.xlsx", lambda sheet: sheet.append(["x", "=A1", "y"]))
    rewrite(path, SHEET, lambda xml: xml.replace(b'<c r="B1">', b'<c r="B1" t="str">'))
    assert read(path) == [["x", None, "y"]]


def test_the_result_of_a_formula_is_its_value(tmp_path):
    path = save(tmp_path / "a.xlsx", lambda sheet: sheet.append(["x", "=1+1"]))
    rewrite(path, SHEET, lambda xml: re.sub(rb"<v ?/>|<v></v>", b"<v>2</v>", xml))
    assert read(path) == [["x", 2]]


def test_warnings_of_openpyxl_are_not_for_the_user(tmp_path):
    path = write_workbook(tmp_path / "a.xlsx", [["x"]])
    extension = b"</worksheet>"
    rewrite(path, SHEET, lambda xml: xml.replace(extension, b'<extLst><ext uri="{0}"/></extLst>' + extension))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path) == [["x"]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no workbook"),
        (b"subject id,age\n", "no workbook"),
        (b"PK\x03\x04 and nothing else", "no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Excel 97-2003, or protected by a password"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path, content, reason):
    path = tmp_path / "subjects.xlsx"
    path.write_bytes(content)
    with pytest.raises(SheetError, match=rf"^subjects\.xlsx: it is .*{reason}.*\.$"):
        read(path)


def test_an_archive_of_something_else_is_refused(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(SheetError, match="it is no workbook"):
        read(path)


def test_a_workbook_that_grows_without_measure_is_refused(tmp_path):
    path = write_workbook(tmp_path / "a.xlsx", [["x"]])
    rewrite(path, SHEET, lambda xml: xml + b" " * (40 << 20))
    assert path.stat().st_size < 100_000
    with pytest.raises(SheetError, match="unpacks to far more"):
        read(path)


def test_a_workbook_of_many_gigabytes_is_refused(tmp_path):
    path = write_workbook(tmp_path / "a.xlsx", [["x"]])
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (0xF0000000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(SheetError, match="unpacks to 10 files of 38.. MiB, which is too much"):
        read(path)


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml"])
def test_entities_are_refused(tmp_path, part):
    path = write_workbook(tmp_path / "a.xlsx", [["x"]])
    rewrite(path, part, lambda xml: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>' + xml.partition(b"?>")[2])
    with pytest.raises(SheetError, match="document type definition"):
        read(path)


def test_a_row_at_the_end_of_the_world_costs_no_eternity(tmp_path):
    path = write_workbook(tmp_path / "a.xlsx", [["x"]])
    rewrite(path, SHEET, lambda xml: xml.replace(b'<row r="1"', b'<row r="99999999999"'))
    assert not any(any(cells) for cells in read(path))


def test_too_many_merged_cells_are_refused(tmp_path):
    path = write_workbook(tmp_path / "a.xlsx", [["x"]])
    merges = b"".join(b'<mergeCell ref="A%d:B%d"/>' % (row, row) for row in range(1, 1500))
    rewrite(
        path, SHEET, lambda xml: xml.replace(b"</sheetData>", b"</sheetData><mergeCells>" + merges + b"</mergeCells>")
    )
    with pytest.raises(SheetError, match="more than 1000 merged cells"):
        read(path)


BLANKS = b" " * 900_000


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="A9"><f/>' + BLANKS + b"<is/></c>",
        b'<c r="A9">' + BLANKS + b"<is/></c>",
        b'<c r="A9"><f>' + BLANKS + b"<is/></f></c>",
        b'<c r="A9"><f/><v' + BLANKS + b"></v><is/></c>",
        b"<c" + b' -r="A9"' * 110_000 + b"></c>",
        b"<c" + b' r="A9" t="st"' * 60_000 + b"><f/><is/></c>",
        b'<c r="A9"><f' + b' r="A9"/' * 110_000 + b"><is/></c>",
        b"<mergeCell" + b' ref="A1:B"' * 80_000 + b"/>",
        b"<" + b"w" * 900_000 + b"/>",
    ],
)
def test_hostile_sheets_take_no_longer_than_others_of_their_size(tmp_path, cell):
    """With the square of these numbers this would take hours."""
    path = write_workbook(tmp_path / "a.xlsx", [["x"]])
    rewrite(path, SHEET, lambda xml: xml.replace(b"</sheetData>", b'<row r="9">' + cell + b"</row></sheetData>"))
    with suppress(SheetError):
        read(path)


@pytest.mark.parametrize(
    ("cell", "unknown"),
    [
        ('<c r="A2" s="1"><f>B1</f></c>', True),
        ('<c s="1"\n r="A2" >\n <f t="shared" si="0"/>\n <v/>\n </c>', True),
        (
            '<x:c xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="A2"><x:f/><x:v></x:v></x:c>',
            True,
        ),
        ('<c r="A2" t="str"><f>B1</f></c>', False),
        ('<c t="str" r="A2"><f>B1</f><v/></c>', False),
        ('<c r="A2"><v/></c>', False),
    ],
)
def test_which_formulas_have_no_result(tmp_path, cell, unknown):
    path = write_workbook(tmp_path / "a.xlsx", [["x"]])
    row = f'<row r="2">{cell}<c r="B2"><v>1</v></c></row></sheetData>'.encode()
    rewrite(path, SHEET, lambda xml: xml.replace(b"</sheetData>", row))
    assert isinstance(read(path)[1][0], Unreadable) == unknown


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return write_workbook(
        tmp_path_factory.mktemp("honest") / "a.xlsx", [["subject id", "age"], ["sub-1", 3]]
    ).read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_damage_anywhere_is_survived_or_refused(tmp_path, honest, data):
    content = bytearray(honest)
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[position] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.xlsx"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    with suppress(HcaError, OSError):
        read(path)
