"""What comes instead of an export is refused, and leaves no file."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_commons import FakeCommons

from hca_core.errors import ApiError
from hca_core.testing import Answer
from hca_gen3.exporter import Exporter

EXPORT = "/api/v0/submission/demo/12L/export"
PAGE = b"<html>[{}]" + b" " * 70_000 + b"</html>"


@pytest.fixture
def exporter(commons: FakeCommons) -> Exporter:
    return Exporter(commons.auth())


@pytest.mark.parametrize("form", ["json", "tsv"])
@pytest.mark.parametrize("kind", ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"])
def test_a_web_page_is_no_export(
    commons: FakeCommons, exporter: Exporter, tmp_path: Path, form: str, kind: str
) -> None:
    body = b'{"data": [{"id": "a"}]}' if form == "json" else b"type\tid\ncase\ta\n"
    for path in (f"{EXPORT}/", EXPORT):
        commons.on("GET", path, Answer(200, body, {"Content-Type": kind}))
    with pytest.raises(ApiError, match="export/ is a web page instead of an export") as caught:
        exporter.export_node("demo", "12L", "case", form, tmp_path / "file")
    assert "proxy" in (caught.value.hint or "")
    with pytest.raises(ApiError, match="export is a web page"):
        exporter.export_record("demo", "12L", "abc", form, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_page_of_no_type_is_no_export(commons: FakeCommons, exporter: Exporter, tmp_path: Path, form: str) -> None:
    commons.on("GET", f"{EXPORT}/", Answer(200, PAGE))
    with pytest.raises(ApiError, match="whole JSON|column `type`"):
        exporter.export_node("demo", "12L", "case", form, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_it_passes(commons: FakeCommons, exporter: Exporter) -> None:
    commons.on("GET", EXPORT, Answer(200, PAGE))
    with pytest.raises(ApiError, match="not a whole JSON document"):
        next(exporter.record("demo", "12L", "abc", "json"))


@pytest.mark.parametrize("body", [b"", b"\n", b"id\tname\na\tb\n", b"x\n" * 50_000 + b"type\n"])
def test_a_table_needs_its_header(commons: FakeCommons, exporter: Exporter, tmp_path: Path, body: bytes) -> None:
    commons.on("GET", f"{EXPORT}/", Answer(200, body))
    with pytest.raises(ApiError, match="not a table with a column `type`") as caught:
        exporter.export_node("demo", "12L", "case", "tsv", tmp_path / "file")
    assert caught.value.exit_code == 6
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("header", [b"type\tid", b"\xef\xbb\xbftype\tid\r", b'id\t"type"', b"id\ttype"])
def test_the_headers_that_there_are(commons: FakeCommons, exporter: Exporter, header: bytes) -> None:
    commons.on("GET", f"{EXPORT}/", Answer(200, header + b"\n"))
    assert b"".join(exporter.node("demo", "12L", "case", "tsv")) == header + b"\n"
