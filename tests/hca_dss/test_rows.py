"""A row that is taken in one look is what the checks, one by one, would have made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hca_core.errors import HcaError
from hca_dss.rows import REQUIRED, Entry, Excerpt
from hca_dss.table import Record

UUID = "0b1cd2a4-9f7e-4a55-8a61-d6c0a1f3a0b2"
WHEN = "2024-05-01T120000.000000Z"
ROW = [UUID, WHEN, "cell_1.fastq.gz", UUID, "ab" * 32, "1024", WHEN]
COLUMNS = [*REQUIRED, "file_version"]
NAMES = st.text(st.sampled_from("aZ09._- /\\:\t\x00conprn1lpt8ü\udc80\n\u2028"), max_size=12)


def entry(cells: list[str], columns: list[str] = COLUMNS) -> Entry | str:
    listed = Excerpt(Path("m.tsv"), columns, [])
    try:
        return listed.entry(Record(2, list(cells)), "aws")
    except HcaError as error:
        return error.message


def checked(cells: list[str]) -> Entry | str:
    """Return the same without the look: a column of that name does not exist, and cells are found by their names."""
    listed = Excerpt(Path("m.tsv"), COLUMNS, [])
    listed._pick = None
    try:
        return listed.entry(Record(2, list(cells)), "aws")
    except HcaError as error:
        return error.message


def test_a_usual_row() -> None:
    found = entry(ROW)
    assert isinstance(found, Entry)
    assert found == checked(ROW)
    assert found.file.size == 1024


@settings(deadline=None)
@given(NAMES)
@example("con")
@example("aux.txt")
@example("COM1")
@example("lpt9.gz")
@example("a.")
@example("..")
@example("a" * 255)
@example("a" * 256)
def test_any_name(name: str) -> None:
    cells = [*ROW[:2], name, *ROW[3:]]
    assert entry(cells) == checked(cells)


@settings(deadline=None)
@given(st.integers(0, 6), st.text(max_size=5), st.integers(0, 40))
@example(1, "2024-02-30T120000.000000Z", 40)
@example(6, "2024-13-01T120000.000000Z", 40)
@example(5, "٣", 40)
@example(5, "9" * 19, 40)
@example(3, UUID.upper(), 40)
@example(4, "AB" * 32, 40)
@example(6, "", 40)
def test_any_cell(place: int, text: str, kept: int) -> None:
    new = text if kept == 40 else ROW[place][:kept] + text
    assume("\t" not in new)
    cells = [*ROW[:place], new, *ROW[place + 1 :]]
    assert entry(cells) == checked(cells)


@pytest.mark.parametrize("columns", [list(REQUIRED), [*reversed(COLUMNS)], ["note", *COLUMNS]])
def test_the_order_of_the_columns_does_not_matter(columns: list[str]) -> None:
    cells = dict(zip(COLUMNS, ROW, strict=True)) | {"note": "x"}
    found = entry([cells[name] for name in columns], columns)
    assert isinstance(found, Entry)
    assert found.file.name == "cell_1.fastq.gz"
    assert found.file.version == (WHEN if "file_version" in columns else "")
