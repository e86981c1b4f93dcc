"""How files in an area fare: the states that people are shown, and the report of an area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hca_core.errors import ApiError

if TYPE_CHECKING:
    from hca_upload.area import UploadArea

__all__ = ["AreaReport", "area_report", "file_state"]

_NOT_SHOWN_BARE = ("SCHEDULED", "UNSCHEDULED")
_TOTAL, _CHECKSUMMED, _UNVALIDATED = "TOTAL_NUM_FILES", "CHECKSUMMED", "VALIDATION_UNSCHEDULED"


@dataclass(frozen=True)
class AreaReport:
    """How many files an area has, and how many of them are in each state."""

    area: str
    total: int
    checksums: Mapping[str, int]
    validations: Mapping[str, int]

    def as_record(self) -> dict[str, Any]:
        """Return the report as JSON data."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the report as it is written to a file."""
        lines = ["FILE STATUS REPORT", f"UploadArea: {self.area}", f"Total Number of Files: {self.total}"]
        for title, counts in {"CHECKSUMS": self.checksums, "VALIDATIONS": self.validations}.items():
            lines += [title, *(f"\t{state} files: {count}" for state, count in sorted(counts.items()))]
        return "\n".join(lines) + "\n"


def file_state(area: UploadArea, filename: str) -> str:
    """Return how far a file is: the state of its checksums, and once it has them, that of its validation."""
    state = _state(area.checksum_status(filename), "checksum_status")
    if state != _CHECKSUMMED:
        return f"CHECKSUMMING_{state}" if state in _NOT_SHOWN_BARE else state
    state = _state(area.validation_status(filename), "validation_status")
    return f"VALIDATION_{state}" if state in _NOT_SHOWN_BARE else state


def area_report(area: UploadArea) -> AreaReport:
    """Return how many files of an area are in each state; what the service counts wrongly is at least 0."""
    checksums, validations = _counts(area.checksum_statuses()), _counts(area.validation_statuses())
    total = checksums.pop(_TOTAL, 0)
    validations[_UNVALIDATED] = max(0, checksums.get(_CHECKSUMMED, 0) - sum(validations.values()))
    return AreaReport(area.uuid, total, checksums, validations)


def _state(answer: Mapping[str, Any], name: str) -> str:
    found = answer.get(name)
    if not isinstance(found, str) or not _is_name(found):
        raise _nonsense()
    return found


def _counts(answer: Mapping[str, Any]) -> dict[str, int]:
    if not all(_is_name(name) and type(count) is int for name, count in answer.items()):
        raise _nonsense()
    return {name: max(0, count) for name, count in answer.items()}


def _is_name(text: str) -> bool:
    return text.isidentifier() and text.isascii()


def _nonsense() -> ApiError:
    return ApiError("What the upload service says about the state of files makes no sense.", status=200)
