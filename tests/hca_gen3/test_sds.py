from __future__ import annotations

import json
import logging
import random
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sds_folder import DESCRIPTION, make_dataset, manifest_row, subject_row

from hca_core.errors import TransferError
from hca_gen3.convertor import Gen3Convertor
from hca_gen3.errors import UsageError
from hca_gen3.mapping import PROPERTIES
from hca_gen3.sds import SHEETS, dataset_folder, sheet_path, sheet_rows, study_folder, write_sheet

LINKS = ("type", "submitter_id", "experiments")


def cells(path: Path) -> list[list[Any]]:
    rows = load_workbook(path).worksheets[0].iter_rows(values_only=True)
    return [[cell for cell in row if cell is not None] for row in rows]


def written(folder: Path, records: Mapping[str, list[dict[str, Any]]]) -> Path:
    for sheet in SHEETS:
        write_sheet(sheet_path(folder, sheet), sheet_rows(sheet, records.get(sheet, [])))
    return folder


def converted(source: Path, dest: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what our own convertor makes of a dataset: the records of each sheet."""
    Gen3Convertor("12L", "demo-ds").execute(source, dest)
    found = {sheet: json.loads((dest / f"{sheet}.json").read_text()) for sheet in SHEETS}
    return {sheet: data if isinstance(data, list) else [data] for sheet, data in found.items()}


def without_links(records: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return the records as Gen3 tells their properties."""
    return {
        sheet: [{name: value for name, value in record.items() if name not in LINKS} for record in found]
        for sheet, found in records.items()
    }


def test_what_was_converted_comes_back_from_the_sheets(tmp_path: Path) -> None:
    make_dataset(
        tmp_path / "first",
        description={**DESCRIPTION, "contributor_orcid": [None, "https://orcid.org/0000-0002"], "funding": []},
        subjects=[
            subject_row("sub-1", age="3 months", sex="F", disease_or_disorder="disease"),
            subject_row("sub-2", species="@SUM(1)", strain="-1", body_mass="12", genotype=" wild  type "),
        ],
        manifests={
            "primary": [manifest_row("sub-1/a.dcm", description="two\nlines", is_derived_from="a\nb\nc")],
            "docs": [manifest_row("b.pdf", additional_types="application/x", is_source_of="one")],
        },
    )
    before = converted(tmp_path / "first", tmp_path / "json")
    assert [record["filename"] for record in before["manifest"]] == ["b.pdf", "sub-1/a.dcm"]
    assert before["manifest"][1]["is_derived_from"] == ["a", "b", "c"]
    after = converted(written(tmp_path / "second", without_links(before)), tmp_path / "json2")
    assert after == before


def test_any_texts_come_back_from_the_sheets(tmp_path: Path) -> None:
    chance = random.Random(3)
    alphabet = string.ascii_letters + string.digits + "=+-@#%&<>;:,.'\"()/üß肺 "

    def text() -> str:
        return "x" + "".join(chance.choices(alphabet, k=chance.randint(1, 40))) + "x"

    records: dict[str, list[dict[str, Any]]] = {
        "subjects": [{name: text() for name in list(PROPERTIES["subjects"])[:11]} for _ in range(40)],
        "manifest": [{name: text() for name in list(PROPERTIES["manifest"])[:4]} for _ in range(40)],
        "dataset_description": [{name: [text(), text()] for name in PROPERTIES["dataset_description"]}],
    }
    found = without_links(converted(written(tmp_path / "ds", records), tmp_path / "json"))
    assert found["dataset_description"] == records["dataset_description"]
    for sheet, key in (("subjects", "subject_id"), ("manifest", "filename")):
        assert found[sheet] == sorted(records[sheet], key=lambda record: record[key])


def test_a_dataset_of_which_gen3_knows_nothing_still_has_all_sheets(tmp_path: Path) -> None:
    folder = written(tmp_path / "ds", {})
    assert cells(folder / "manifest.xlsx") == [list(PROPERTIES["manifest"].values())]
    found = converted(folder, tmp_path / "json")
    assert (found["subjects"], found["manifest"]) == ([], [])


def test_the_description_looks_like_the_template() -> None:
    rows = list(sheet_rows("dataset_description", [{"title": ["Lungs"], "keywords": ["lung", "mouse"]}]))
    assert rows[0] == ["Metadata element", "Description", "Example", "Value", "Value 2"]
    assert ["Basic information"] in rows
    assert ["Title", None, None, "Lungs"] in rows
    assert ["Keywords", None, None, "lung", "mouse"] in rows
    assert rows.index(["Basic information"]) == rows.index(["Title", None, None, "Lungs"]) - 1


def test_what_only_this_commons_knows_comes_last_under_its_own_name() -> None:
    header, *rows = sheet_rows("subjects", [{"subject_id": "sub-1", "shoe_size": 43, "ok": True, "none": None}])
    assert header[-2:] == ["ok", "shoe_size"]
    assert rows == [["sub-1", *[None] * (len(header) - 3), "TRUE", "43"]]


def test_rows_are_in_the_order_of_what_they_are_called() -> None:
    _, *rows = sheet_rows("manifest", [{"filename": "b"}, {"filename": "a"}])
    assert [row[0] for row in rows] == ["a", "b"]


def test_two_descriptions_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="2 descriptions"):
        sheet_rows("dataset_description", [{}, {}])


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+1", "#N/A", "12", "1e5", "TRUE", "2023-07-06"])
def test_a_cell_is_text_whatever_it_looks_like(text: str, tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.xlsx", [["header"], [text]])
    cell = load_workbook(tmp_path / "a.xlsx").worksheets[0]["A2"]
    assert (cell.value, cell.data_type == "f") == (text, False)
    assert isinstance(cell.value, str)


def test_characters_that_no_workbook_can_hold_do_not_spoil_it(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.xlsx", [["bell\x07", "half \ud800 pair", "tab\tand\nline"]])
    assert cells(tmp_path / "a.xlsx") == [["bell\ufffd", "half ? pair", "tab\tand\nline"]]


def test_a_text_that_is_too_long_is_cut_and_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        write_sheet(tmp_path / "manifest.xlsx", [["x" * 40_000]])
    assert cells(tmp_path / "manifest.xlsx") == [["x" * 32_767]]
    assert "A text of 40000 characters is cut, as no cell of manifest takes it" in caplog.text


def test_a_sheet_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.xlsx", [["old"]])

    def broken() -> Any:
        yield ["new"]
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        write_sheet(tmp_path / "a.xlsx", broken())
    assert cells(tmp_path / "a.xlsx") == [["old"]]
    assert [path.name for path in tmp_path.iterdir()] == ["a.xlsx"]


def test_a_sheet_tells_its_size(tmp_path: Path) -> None:
    size = write_sheet(tmp_path / "new" / "a.xlsx", [["a"]])
    assert (tmp_path / "new" / "a.xlsx").stat().st_size == size > 0


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "a\\b", "a\0b", "con", "x "])
def test_an_id_that_is_no_name_of_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be a dataset"):
        dataset_folder(tmp_path, name)


def test_a_dataset_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "ds").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="symbolic link"):
        dataset_folder(tmp_path, "ds")


def test_where_things_are(tmp_path: Path) -> None:
    assert dataset_folder(tmp_path, "demo-ds") == tmp_path / "demo-ds"
    assert study_folder(tmp_path, "1.2.3") == tmp_path / "primary" / "sub-1.2.3"
    assert sheet_path(tmp_path, "manifest") == tmp_path / "manifest.xlsx"


@pytest.mark.parametrize("uid", ["../../../x", "/etc", "1/2", "1\\2", "1\0"])
def test_a_study_that_would_lead_elsewhere_is_refused(uid: str, tmp_path: Path) -> None:
    with pytest.raises(TransferError):
        study_folder(tmp_path, uid)
