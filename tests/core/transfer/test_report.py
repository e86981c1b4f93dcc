from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hca_core.errors import NetworkError, NotFoundError, TransferError
from hca_core.transfer.report import FileResult, Report, ReportFile, named

GOOD = FileResult("a", Path("d/a"), "fetched", 5, 5, 1.23456, 1)
BAD = FileResult("b", Path("d/b"), "failed", 7, 2, error=NetworkError("no answer", hint="later"))


def test_a_result_is_json() -> None:
    assert GOOD.as_record() == {
        "name": "a",
        "path": str(Path("d/a")),
        "status": "fetched",
        "size": 5,
        "transferred": 5,
        "seconds": 1.235,
        "attempts": 1,
    }
    assert BAD.as_record()["error"] == "no answer"
    assert BAD.as_record()["hint"] == "later"
    assert BAD.as_record()["kind"] == "NetworkError"


def test_a_report_counts() -> None:
    report = Report()
    for result in (GOOD, GOOD, BAD, replace(GOOD, status="present", transferred=0)):
        report.add(result)
    assert report.as_record("sent")["sent"] == 0
    assert report.as_record() == {
        "files": 4,
        "fetched": 2,
        "failed": 1,
        "present": 1,
        "transferred": 12,
        "seconds": 0.0,
    }
    assert report.failures == [BAD]


def test_without_failures_nothing_is_raised() -> None:
    report = Report()
    report.add(GOOD)
    report.raise_for_failures()


def test_a_failure_is_named_with_its_reason_and_hint() -> None:
    report = Report()
    report.add(GOOD)
    report.add(BAD)
    with pytest.raises(TransferError) as caught:
        report.raise_for_failures()
    assert caught.value.message == "1 of 2 files failed: b: no answer."
    assert (caught.value.hint, caught.value.exit_code, caught.value.report) == ("later", 9, report)


def test_sentences_about_failures_become_one() -> None:
    assert named([replace(BAD, error=NetworkError("No answer.")), BAD]) == "b: No answer; b: no answer"


def test_of_many_failures_the_first_are_named() -> None:
    report = Report()
    for number in range(8):
        report.add(replace(BAD, name=f"f{number}", error=NotFoundError("gone", status=404)))
    with pytest.raises(TransferError) as caught:
        report.raise_for_failures()
    assert caught.value.message.startswith("8 of 8 files failed: f0: gone; f1: gone;")
    assert caught.value.message.endswith("f4: gone; and 3 more.")
    assert caught.value.hint


def test_a_report_file_has_a_line_per_result_as_soon_as_it_is_known(tmp_path: Path) -> None:
    with ReportFile(tmp_path / "report.jsonl") as file:
        file.write(GOOD)
        file.write(replace(BAD, name="line\nbreak \x1b[31m ü"))
        lines = (tmp_path / "report.jsonl").read_text().splitlines()
        assert [json.loads(line)["name"] for line in lines] == ["a", "line\nbreak \x1b[31m ü"]
    assert "\x1b" not in (tmp_path / "report.jsonl").read_text()
