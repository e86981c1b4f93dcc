"""What people are told about the state of files."""

from __future__ import annotations

from typing import Any, cast

import pytest

from hca_core.errors import ApiError
from hca_upload import UploadArea
from hca_upload.states import area_report, file_state


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
