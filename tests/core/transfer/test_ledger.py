"""The account of a transfer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hca_core.errors import ArgumentError, TransferError
from hca_core.transfer.ledger import Ledger, failed, open_ledger
from hca_core.transfer.report import FileResult, Report, named


def result(name: str, status: str = "sent") -> FileResult:
    error = TransferError(f"no {name}") if status in ("failed", "unannounced") else None
    return FileResult(name, Path(name), status, 3, 3, error=error)  # type: ignore[arg-type]


def test_every_file_is_counted_and_written_down(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "report") as ledger:
        for one in (result("a"), result("b", "failed"), result("c", "unannounced")):
            ledger.add(one)
            assert len((tmp_path / "report").read_text().splitlines()) == ledger.report.files
    assert ledger.report.counts == {"sent": 1, "failed": 1, "unannounced": 1}
    assert ledger.failed == {Path("b")}
    assert [one.name for one in ledger.report.failures] == ["b", "c"]
    assert [json.loads(line)["status"] for line in (tmp_path / "report").read_text().splitlines()] == [
        "sent",
        "failed",
        "unannounced",
    ]


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_ledger(None) as ledger:
        ledger.add(result("a"))
    assert [*tmp_path.iterdir()] == []


def test_a_report_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no-folder"), open_ledger(tmp_path / "no-folder" / "report"):
        pass


def test_what_could_not_even_be_planned_is_a_failure() -> None:
    ledger = Ledger()
    ledger.fail("a", Path("x/a"), OSError(28, "No space left on device"))
    assert str(ledger.report.failures[0].error) == "x/a cannot be written: No space left on device."
    assert str(failed(result("b"), OSError(2, "No such file"), to="read").error) == "b cannot be read: No such file."


def test_the_first_failures_are_named() -> None:
    assert named([result("a", "failed")]) == "a: no a"
    many = [result(str(number), "failed") for number in range(7)]
    assert named(many).endswith("4: no 4; and 2 more")
    report = Report()
    for one in many:
        report.add(one)
    with pytest.raises(TransferError, match=r"7 of 7 files failed: 0: no 0;.* and 2 more"):
        report.raise_for_failures()


def test_a_copy_is_shown_where_it_came_from() -> None:
    copy = FileResult("a", Path("a"), "copied", 3, url="s3://b/x/a")
    assert copy.as_record()["path"] == "s3://b/x/a"
    assert result("a").as_record()["path"] == "a"
