"""Tab-separated tables, also those that `csv` cannot read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from hca_dss.table import read_table, records, row, write_table

LONG = "x" * 200_000  # more than csv takes


@pytest.mark.parametrize(
    "cells",
    [
        ["a", "", "c"],
        ['say "x"', "b"],
        ['"', '""', '"a'],
        ["two\nlines", "three\r\nlines\r"],
        ["tab\tin", "b"],
        [LONG, f'"{LONG}"'],
        ["é\u2028x", "\x0b\x0c\x1c\x85"],
    ],
)
def test_what_is_written_is_read_again(tmp_path: Path, cells: list[str]) -> None:
    with write_table(tmp_path / "t") as file:
        file.write(row(cells) + row(["next"]))
    assert [record.cells for record in read_table(tmp_path / "t")] == [cells, ["next"]]


@pytest.mark.parametrize("text", ['a\t"b ""c"" d"\te\n', '"a\nb"\tc\n', 'a"b\t"c"d\n', '5" tube\tx\n', '""\t"x"\n'])
def test_quoting_is_that_of_csv(text: str) -> None:
    expected = list(csv.reader(io.StringIO(text, newline=""), "excel-tab"))
    assert [record.cells for record in records(io.StringIO(text, newline=""))] == expected


def test_a_quotation_mark_that_is_never_closed_swallows_nothing() -> None:
    lines = ['"a\tb\n', *("x\ty\n" for _ in range(500))]
    found = list(records(lines))
    assert found[0].cells == ['"a', "b"]
    assert len(found) == 501
    assert found[-1].line == 501


def test_lines_are_counted_as_an_editor_does() -> None:
    found = list(records(["h\n", "\n", '"a\n', 'b"\n', "\t\t\n", "z"]))
    assert [(record.line, record.cells) for record in found] == [(1, ["h"]), (3, ["a\nb"]), (6, ["z"])]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood(tmp_path: Path, end: str) -> None:
    (tmp_path / "t").write_bytes(end.join(["a\tb", "1\t2", ""]).encode())
    assert [record.cells for record in read_table(tmp_path / "t")] == [["a", "b"], ["1", "2"]]


def test_bytes_that_are_not_utf_8_come_out_as_they_went_in(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\xff\tb\n")
    with write_table(tmp_path / "out") as file:
        file.writelines(row(record.cells) for record in read_table(tmp_path / "in"))
    assert (tmp_path / "out").read_bytes() == b"a\xff\tb\n"


def test_a_table_that_breaks_off_is_never_seen(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("old\n")
    with pytest.raises(ZeroDivisionError), write_table(tmp_path / "t") as file:
        file.write(str(1 / 0))
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert (tmp_path / "t").read_text() == "old\n"
