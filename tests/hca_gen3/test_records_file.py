"""Files of records: what is read from them, and what is written again."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from hca_core.errors import ArgumentError
from hca_gen3.records_file import open_records


def made(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def read(file: Path) -> list[tuple[int, int, str, frozenset[str]]]:
    return [tuple(record)[:4] for record in open_records(file).records()]


CASES = [
    {"type": "case", "submitter_id": "a", "experiments": [{"submitter_id": "e"}, {"submitter_id": "f"}]},
    {"type": "experiment", "submitter_id": "e", "projects": {"code": "12L"}, "x": None, "y": [{"z": 1}]},
    {"type": "case"},
]


def test_json(tmp_path: Path) -> None:
    file = made(tmp_path, "a.json", "\ufeff" + json.dumps(CASES))
    assert read(file) == [
        (0, 1, "a", frozenset({"e", "f"})),
        (1, 2, "e", frozenset({"12L"})),
        (2, 3, "", frozenset()),
    ]
    found = open_records(file)
    assert json.loads(found.body(found.records())) == CASES
    assert (found.media_type, found.unit) == ("application/json", "record")


def test_a_single_object(tmp_path: Path) -> None:
    assert read(made(tmp_path, "a.JSON", json.dumps(CASES[0]))) == [(0, 1, "a", frozenset({"e", "f"}))]


@pytest.mark.parametrize("value", ["ä肺😀", "\ud800", 10**40, -1.5, 1e300, True, None, "\x00"])
def test_json_comes_out_as_it_went_in(tmp_path: Path, value: object) -> None:
    found = open_records(made(tmp_path, "a.json", json.dumps([{"type": "case", "value": value}])))
    for for_people in (False, True):
        body = found.body(found.records(), for_people=for_people)
        assert json.loads(body) == [{"type": "case", "value": value}]
        assert (b"\n" in body) == for_people


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not valid JSON"),
        ("[{]", r"not valid JSON: .* \(line 1, column 3\)"),
        ("[{}, 3]", "Record 2 of .* is not a JSON object"),
        ('"text"', "Record 1 of .* is not a JSON object"),
        ("[[{}]]", "Record 1 of .* is not a JSON object"),
        ('{"a": 1, "b": 2, "a": 3}', "an object has 'a' twice"),
        ('{"a": {"b": 1, "b": 1}}', "an object has 'b' twice"),
        ('{"a": NaN}', "NaN is no JSON"),
        ('{"a": -Infinity}', "-Infinity is no JSON"),
        ('{"a": 1e999}', "1e999 is too large"),
        (b'{"a": "\xff"}', "is not UTF-8 text"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    file = made(tmp_path, "a.json", content)
    with pytest.raises(ArgumentError, match=words) as caught:
        list(open_records(file).records())
    assert str(file) in caught.value.message


@pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="this Python reads any number")
def test_a_number_that_is_too_long_is_told(tmp_path: Path) -> None:
    file = made(tmp_path, "a.json", '{"type": "case", "age": ' + "1" * 5000 + "}")
    with pytest.raises(ArgumentError, match="cannot be submitted: a number in it has too many digits"):
        open_records(file)


def test_a_table(tmp_path: Path) -> None:
    file = made(
        tmp_path,
        "a.tsv",
        "\ufefftype\t*submitter_id\texperiments.submitter_id\tsex\t\r\n"
        "case\ta\te, f\t\r\n"
        "\t\t\t\r\n"
        '\r\ncase\tb\te\t"two\nlines"\r\n'
        "case\tc\te\tx\t\t\r\n",
    )
    assert read(file) == [
        (0, 2, "a", frozenset({"e", "f"})),
        (1, 5, "b", frozenset({"e"})),
        (2, 7, "c", frozenset({"e"})),
    ]
    found = open_records(file)
    written = list(csv.reader(io.StringIO(found.body(found.records()).decode(), newline=""), dialect="excel-tab"))
    assert written == [
        ["type", "submitter_id", "experiments.submitter_id", "sex"],
        ["case", "a", "e, f", ""],
        ["case", "b", "e", "two\nlines"],
        ["case", "c", "e", "x"],
    ]
    assert (found.media_type, found.unit) == ("text/tab-separated-values", "line")


def test_a_comma_separated_table(tmp_path: Path) -> None:
    file = made(tmp_path, "a.csv", 'type,submitter_id,experiments.submitter_id,sex\ncase,a,e#f,"x, ""y"""\n')
    assert read(file) == [(0, 2, "a", frozenset({"e", "f"}))]
    found = open_records(file)
    assert found.body(found.records()).decode() == file.read_text()
    assert found.media_type == "text/csv"


def test_what_is_written_again_can_be_read_again(tmp_path: Path) -> None:
    for file in (
        made(tmp_path, "a.tsv", 'type\tsubmitter_id\tx\ncase\ta\t"a\tb"\ncase\tb\t5" tube\n'),
        made(tmp_path, "a.json", json.dumps(CASES)),
    ):
        first = open_records(file)
        again = made(tmp_path, f"again{file.suffix}", first.body(first.records(), for_people=True))
        assert list(open_records(again).records()) == list(first.records()) or file.suffix == ".tsv"
        assert [record.content for record in open_records(again).records()] == [
            record.content for record in first.records()
        ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no column `type`"),
        ("submitter_id\tsex\na\tx\n", "has no column `type`"),
        ("type\tsex\tsex\ncase\ta\tb\n", "has the column 'sex' more than once"),
        ("type\tsex\ncase\ta\ncase\ta\tb\n", "Line 3 of .* has 3 cells for 2 columns"),
        (b"type\tsex\ncase\t\xff\n", "UTF-8"),
        ('type\tsex\ncase\t"a\n', "row 2"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        list(open_records(made(tmp_path, "a.tsv", content)).records())


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.json.gz"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match="is no file of records"):
        open_records(made(tmp_path, name, "{}"))


@pytest.mark.parametrize("name", ["missing.json", "missing.tsv", "folder.json"])
def test_a_file_must_be_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ArgumentError, match=f"{name} is not a file"):
        open_records(tmp_path / name)
