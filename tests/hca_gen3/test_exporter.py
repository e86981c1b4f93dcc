"""Exports: as data, and as the files that the commons makes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import case

from hca_core.errors import ApiError, ArgumentError, AuthError, NetworkError, NotFoundError
from hca_core.testing import Answer
from hca_gen3.exporter import Exporter

EXPORT = "/api/v0/submission/demo/12L/export"


@pytest.fixture
def exporter(commons: FakeCommons) -> Exporter:
    commons.put("demo-12L", *(case(f"case-{number}", genotype="a\tb\n“c”") for number in range(3)))
    return Exporter(commons.auth())


def uuid(commons: FakeCommons, name: str = "case-1") -> str:
    return next(node.id for node in commons.nodes.values() if node.name == name)


@pytest.mark.parametrize("form", ["json", "tsv"])
@pytest.mark.parametrize("kept", [False, True])
def test_a_node(exporter: Exporter, tmp_path: Path, form: str, kept: bool) -> None:
    file = tmp_path / "new folder" / f"case.{form}"
    found = exporter.export_node("demo", "12L", "case", form, str(file) if kept else None)
    assert [record["submitter_id"] for record in found] == ["case-0", "case-1", "case-2"]
    assert {record["genotype"] for record in found} == {"a\tb\n“c”"}
    assert file.exists() == kept


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_the_file_is_what_the_commons_sent(commons: FakeCommons, exporter: Exporter, tmp_path: Path, form: str) -> None:
    body = b'{ "data" :[\n {"id" : "a"}\n] }\n' if form == "json" else b"id\ttype\r\na\tcase\r\n"
    commons.on("GET", f"{EXPORT}/", Answer(200, body, chunked=True))
    assert exporter.export_node("demo", "12L", "case", form, tmp_path / "file")[0]["id"] == "a"
    assert (tmp_path / "file").read_bytes() == body


def test_links_of_a_table(exporter: Exporter) -> None:
    assert exporter.export_node("demo", "12L", "case", "tsv")[0]["experiments.submitter_id"] == "experiment-1"


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_record(commons: FakeCommons, exporter: Exporter, tmp_path: Path, form: str) -> None:
    found = exporter.export_record("demo", "12L", uuid(commons), form, tmp_path / "record")
    assert isinstance(found, dict)
    assert found["submitter_id"] == "case-1"
    assert found["handedness"] == (None if form == "json" else "None")  # as the commons writes it
    assert (tmp_path / "record").stat().st_size > 100


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_record_that_is_not_there(exporter: Exporter, tmp_path: Path, form: str) -> None:
    with pytest.raises(NotFoundError, match="Unable to find"):
        exporter.export_record("demo", "12L", "00000000-0000-4000-8000-000000000000", form, tmp_path / "record")
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_nothing(commons: FakeCommons, exporter: Exporter) -> None:
    commons.on("GET", EXPORT, Answer.json([]))
    with pytest.raises(NotFoundError, match="has no record abc"):
        exporter.export_record("demo", "12L", "abc", "json")


@pytest.mark.parametrize("name", ["", "a,b"])
def test_one_record_has_one_id(exporter: Exporter, name: str) -> None:
    with pytest.raises(ArgumentError, match="not the id of one record"):
        exporter.export_record("demo", "12L", name, "json")


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_node_without_records(exporter: Exporter, form: str) -> None:
    assert exporter.export_node("demo", "12L", "sample", form) == []


@pytest.mark.parametrize("form", ["json", "tsv"])
@pytest.mark.parametrize(("program", "project"), [("demo", "13L"), ("nope", "12L")])
def test_a_project_that_is_not_there_is_not_empty(
    exporter: Exporter, tmp_path: Path, form: str, program: str, project: str
) -> None:
    with pytest.raises(NotFoundError):
        exporter.export_node(program, project, "case", form, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["xml", "csv", "", "JSON"])
def test_other_formats_are_refused(commons: FakeCommons, exporter: Exporter, form: str) -> None:
    with pytest.raises(ArgumentError, match="neither json nor tsv"):
        exporter.export_node("demo", "12L", "case", form)
    with pytest.raises(ArgumentError, match="neither json nor tsv"):
        exporter.export_record("demo", "12L", "abc", form)
    assert commons.requests == []


@pytest.mark.parametrize(("status", "kind"), [(400, ApiError), (403, AuthError), (409, ApiError)])
def test_the_status_comes_before_the_content(
    commons: FakeCommons, exporter: Exporter, tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    commons.on("GET", f"{EXPORT}/", Answer.json({"data": [{"id": "a"}], "message": "not so"}, status))
    with pytest.raises(kind, match="not so"):
        exporter.export_node("demo", "12L", "case", "json", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


RECORDS = [{"id": str(number), "text": '}]"\\', "links": [{"node_id": "a"}]} for number in range(5000)]
WHOLE = json.dumps({"data": RECORDS}).encode()


@pytest.mark.parametrize("end", [0, 1, 10, 500, len(WHOLE) // 2, WHOLE.index(b", ", 200_000), len(WHOLE) - 1])
def test_json_that_ends_too_early_is_told(commons: FakeCommons, exporter: Exporter, tmp_path: Path, end: int) -> None:
    (tmp_path / "file").write_text("before")
    commons.on("GET", f"{EXPORT}/", Answer(200, WHOLE[:end]))
    with pytest.raises(ApiError, match="not a whole JSON document"):
        exporter.export_node("demo", "12L", "case", "json", tmp_path / "file")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "before")]


def test_json_that_is_whole_is_taken(commons: FakeCommons, exporter: Exporter) -> None:
    commons.on("GET", f"{EXPORT}/", Answer(200, WHOLE + b"\n"))
    assert exporter.export_node("demo", "12L", "case", "json") == RECORDS


def test_a_backslash_between_two_pieces(commons: FakeCommons, exporter: Exporter) -> None:
    body = b'{"data": ["' + b"\\\\" * 600_000 + b'\\"]}"]}'
    for lead in (b"", b" "):  # so that one of both has its middle where the pieces meet
        commons.on("GET", f"{EXPORT}/", Answer(200, lead + body))
        assert b"".join(exporter.node("demo", "12L", "case", "json")) == lead + body


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_connection_that_breaks_leaves_no_file(
    commons: FakeCommons, exporter: Exporter, tmp_path: Path, form: str
) -> None:
    body = WHOLE if form == "json" else b"id\ttype\n" + b"a\tcase\n" * 50_000
    commons.on("GET", f"{EXPORT}/", Answer(200, body, chunked=True, cut=200_000))
    with pytest.raises(NetworkError):
        exporter.export_node("demo", "12L", "case", form, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "body", [b"[]", b'{"data": [1]}', b'{"data": 1}', b'{"data": {}}', b"{}", b'"text"', b"<html>"]
)
def test_hostile_json(commons: FakeCommons, exporter: Exporter, tmp_path: Path, body: bytes) -> None:
    commons.on("GET", f"{EXPORT}/", Answer(200, body))
    with pytest.raises(ApiError):
        exporter.export_node("demo", "12L", "case", "json", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_large_node_is_never_in_memory(commons: FakeCommons, exporter: Exporter) -> None:
    body = b'{"data": [' + b'{"id": "a"},' * 300_000 + b'{"id": "a"}]}'
    commons.on("GET", f"{EXPORT}/", Answer(200, body, chunked=True))
    sizes = [len(piece) for piece in exporter.node("demo", "12L", "case", "json")]
    assert sum(sizes) == len(body)
    assert max(sizes) <= 1 << 20 < len(body)


def test_save(exporter: Exporter, tmp_path: Path) -> None:
    exporter.save({"a": [1]}, "json", str(tmp_path / "new" / "a.json"))
    assert (tmp_path / "new" / "a.json").read_text() == '{\n    "a": [\n        1\n    ]\n}'


def test_save_knows_only_json(exporter: Exporter, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="File format not supported"):
        exporter.save([], "tsv", tmp_path / "a.tsv")
    assert list(tmp_path.iterdir()) == []


def test_save_leaves_the_old_file_when_the_new_one_cannot_be_made(exporter: Exporter, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(TypeError):
        exporter.save({"a": object()}, "json", tmp_path / "a.json")
    assert (tmp_path / "a.json").read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such permissions")
def test_files_have_the_usual_permissions(exporter: Exporter, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        exporter.export_node("demo", "12L", "case", "json", tmp_path / "file")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_names_are_escaped(exporter: Exporter) -> None:
    with pytest.raises(ApiError, match="Unable to find node label case&format"):
        exporter.export_node("demo", "12L", "case&format=tsv#", "json")
