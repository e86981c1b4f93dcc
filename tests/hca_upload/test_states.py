"""What people are told about the state of files."""

from __future__ import annotations

from typing import Any, cast

import pytest

from hca_core.errors import ApiError
from hca_core.patience import Patience
from hca_core.testing import Clock
from hca_upload import UploadArea, UploadException
from hca_upload.states import area_report, await_state, file_state, with_failures


class Told:
    """An area that answers what it is told to."""

    uuid = "u"

    def __init__(self, checksum: Any = None, validation: Any = None) -> None:
        self.checksum, self.validation = checksum, validation

    def checksum_status(self, name: str) -> Any:
        return self.checksum

    checksum_statuses = lambda self: self.checksum  # noqa: E731
    validation_statuses = lambda self: self.validation  # noqa: E731

    def validation_status(self, name: str) -> Any:
        assert self.validation is not None, "nobody needs to know this"
        return self.validation


def area(checksum: Any, validation: Any = None) -> UploadArea:
    return cast("UploadArea", Told(checksum, validation))


@pytest.mark.parametrize(
    ("checksum", "validation", "shown"),
    [
        ("SCHEDULED", None, "CHECKSUMMING_SCHEDULED"),
        ("UNSCHEDULED", None, "CHECKSUMMING_UNSCHEDULED"),
        ("CHECKSUMMING", None, "CHECKSUMMING"),
        ("FAILED", None, "FAILED"),
        ("CHECKSUMMED", "SCHEDULED", "VALIDATION_SCHEDULED"),
        ("CHECKSUMMED", "UNSCHEDULED", "VALIDATION_UNSCHEDULED"),
        ("CHECKSUMMED", "VALIDATED", "VALIDATED"),
    ],
)
def test_states_of_a_file(checksum: str, validation: str | None, shown: str) -> None:
    told = area({"checksum_status": checksum}, validation and {"validation_status": validation})
    assert file_state(told, "f") == shown


class Changing(Told):
    """An area whose only file has a new state whenever it is asked about."""

    def __init__(self, *states: str, validation: str = "UNSCHEDULED") -> None:
        self.states, self.validation = [*states], {"validation_status": validation}

    def checksum_status(self, name: str) -> Any:
        return {"checksum_status": self.states.pop(0) if len(self.states) > 1 else self.states[0]}


def waited(area: Changing, timeout: float = 300) -> tuple[str, list[float]]:
    clock = Clock()
    return await_state(cast("UploadArea", area), "f", Patience(timeout, clock.sleep, clock.monotonic)), clock.sleeps


def test_waiting_ends_with_a_state_in_which_a_file_stays() -> None:
    assert waited(Changing("CHECKSUMMED")) == ("VALIDATION_UNSCHEDULED", [])
    state, pauses = waited(Changing("UNSCHEDULED", "SCHEDULED", "CHECKSUMMING", "CHECKSUMMED", validation="VALIDATED"))
    assert (state, pauses[0]) == ("VALIDATED", 1)
    assert pauses[0] < pauses[1] < pauses[2]
    assert len(pauses) == 3


@pytest.mark.parametrize(
    "area", [Changing("CHECKSUMMING", "FAILED"), Changing("ABORTED"), Changing("CHECKSUMMED", validation="FAILED")]
)
def test_waiting_ends_at_once_where_nothing_good_will_come(area: Changing) -> None:
    with pytest.raises(UploadException, match=r"says about 'f' is (FAILED|ABORTED)\.") as caught:
        waited(area)
    assert caught.value.exit_code == 9


@pytest.mark.parametrize("state", ["UNSCHEDULED", "SCHEDULED", "CHECKSUMMING"])
def test_waiting_ends_when_the_time_is_over(state: str) -> None:
    with pytest.raises(UploadException, match=f"not done with 'f' after 300 s: .*{state}") as caught:
        waited(Changing(state))
    assert caught.value.exit_code == 8


class Counted:
    """An area with files that failed; it remembers about which files it was asked."""

    def __init__(self, counts: dict[str, int], **states: str) -> None:
        self.counts, self.states = counts, states
        self.asked: list[str] = []

    def checksum_statuses(self) -> Any:
        return self.counts

    def checksum_status(self, name: str) -> Any:
        self.asked.append(name)
        return {"checksum_status": self.states[name]}


def test_failed_files_are_told_from_those_that_are_pending() -> None:
    area = Counted({"FAILED": 1, "ABORTED": 1}, a="SCHEDULED", b="FAILED", d="ABORTED", e="SCHEDULED")
    files = [{"name": name, "checksums": {} if name == "c" else None} for name in "abcde"]
    found = [*with_failures(cast("UploadArea", area), files)]
    assert [one.get("checksum_status") for one in found] == [None, "FAILED", None, "ABORTED", None]
    assert area.asked == ["a", "b", "d"], "only as long as there may be failures"
    pending = Counted({"CHECKSUMMING": 5})
    assert [*with_failures(cast("UploadArea", pending), files)] == files
    assert pending.asked == []


@pytest.mark.parametrize("status", [None, 5, "", "a b", "\x1b[31m"])
def test_states_that_make_no_sense_are_a_sentence(status: Any) -> None:
    with pytest.raises(ApiError, match="makes no sense"):
        file_state(area({"checksum_status": status}), "f")


def test_the_layout_of_a_report() -> None:
    checksums = {"TOTAL_NUM_FILES": 3, "CHECKSUMMING": 0, "CHECKSUMMED": 2, "CHECKSUMMING_UNSCHEDULED": 1}
    found = area_report(area(checksums, {"VALIDATING": 0, "VALIDATED": 1, "SCHEDULED": 0}))
    assert found.as_text() == (
        "FILE STATUS REPORT\n"
        "UploadArea: u\n"
        "Total Number of Files: 3\n"
        "CHECKSUMS\n"
        "\tCHECKSUMMED files: 2\n"
        "\tCHECKSUMMING files: 0\n"
        "\tCHECKSUMMING_UNSCHEDULED files: 1\n"
        "VALIDATIONS\n"
        "\tSCHEDULED files: 0\n"
        "\tVALIDATED files: 1\n"
        "\tVALIDATING files: 0\n"
        "\tVALIDATION_UNSCHEDULED files: 1\n"
    )


def test_ud16_no_count_is_below_nothing() -> None:
    checksums = {"TOTAL_NUM_FILES": 1, "CHECKSUMMED": 1, "CHECKSUMMING_UNSCHEDULED": -4}
    found = area_report(area(checksums, {"VALIDATED": 3, "SCHEDULED": -1}))
    assert found.as_record() == {
        "area": "u",
        "total": 1,
        "checksums": {"CHECKSUMMED": 1, "CHECKSUMMING_UNSCHEDULED": 0},
        "validations": {"VALIDATED": 3, "SCHEDULED": 0, "VALIDATION_UNSCHEDULED": 0},
    }


@pytest.mark.parametrize("counts", [{"A": "1"}, {"A": True}, {"A\n": 1}, {"A": 1.5}])
def test_counts_that_make_no_sense_are_a_sentence(counts: Any) -> None:
    with pytest.raises(ApiError, match="makes no sense"):
        area_report(area(counts, {}))
