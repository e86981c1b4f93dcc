"""Sending many files, some of which cannot be sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from hca_core.errors import ApiError, AuthError, HcaError, NetworkError, NotFoundError
from hca_core.transfer.job import Silent
from hca_core.transfer.ledger import Ledger
from hca_core.transfer.objects import NO_BUCKET
from hca_core.transfer.report import FileResult
from hca_core.transfer.sending import send_all


@dataclass(frozen=True)
class File:
    name: str
    path: Path
    size: int


FILES = [File(f"{number:02}", Path(f"/x/{number:02}"), number) for number in range(20)]


class Counting(Silent):
    def __init__(self) -> None:
        self.added: list[tuple[str, int | None]] = []
        self.ended: list[str] = []

    def add(self, name: str, size: int | None) -> None:
        self.added.append((name, size))

    def done(self, name: str) -> None:
        self.ended.append(name)


def sent(file: File) -> FileResult:
    return FileResult(file.name, file.path, "sent", file.size, file.size)


@pytest.mark.parametrize("jobs", [1, 4])
def test_all_files_are_sent_and_counted(jobs: int) -> None:
    ledger, progress = Ledger(), Counting()
    send_all(FILES, sent, jobs=jobs, ledger=ledger, progress=progress)
    assert (dict(ledger.report.counts), ledger.report.transferred) == ({"sent": 20}, sum(range(20)))
    assert progress.added == [(file.name, file.size) for file in FILES]
    assert sorted(progress.ended) == [file.name for file in FILES]


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_failure_does_not_keep_the_others_back(jobs: int) -> None:
    def send(file: File) -> FileResult:
        if file.size == 3:
            raise ApiError("not this one", status=400)
        if file.size == 4:
            raise PermissionError(13, "Permission denied")
        return sent(file)

    ledger, progress = Ledger(), Counting()
    send_all(FILES, send, jobs=jobs, ledger=ledger, progress=progress)
    assert ledger.report.counts == {"sent": 18, "failed": 2}
    assert {one.name: str(one.error) for one in ledger.report.failures} == {
        "03": "not this one",
        "04": "/x/04 cannot be read: Permission denied.",
    }
    assert len(progress.ended) == 20


@pytest.mark.parametrize("error", [AuthError("no"), NotFoundError("no bucket", status=404, code=NO_BUCKET)])
def test_what_is_so_with_all_files_stops_at_once(error: HcaError) -> None:
    tried = []

    def send(file: File) -> FileResult:
        tried.append(file.name)
        raise error

    with pytest.raises(type(error)):
        send_all(FILES, send, jobs=1, ledger=Ledger(), progress=Silent())
    assert tried == ["00"]


def test_if_nobody_answers_the_rest_is_not_tried() -> None:
    def send(file: File) -> FileResult:
        if file.size in (3, 9):
            return sent(file)
        raise NetworkError("nobody")

    ledger = Ledger()
    send_all(FILES, send, jobs=1, ledger=ledger, progress=Silent())
    assert [one.name for one in ledger.report.failures][-1] == "17"
    assert ledger.report.files == 18
