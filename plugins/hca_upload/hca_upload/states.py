"""How files in an area fare: the states that people are shown, and the report of an area."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hca_core.errors import ApiError
from hca_core.patience import Patience
from hca_upload.errors import ChecksFailed, ChecksPending

if TYPE_CHECKING:
    from hca_upload.area import UploadArea

__all__ = ["AreaReport", "area_report", "await_state", "file_state", "with_failures"]

_NOT_SHOWN_BARE = ("SCHEDULED", "UNSCHEDULED")
_TOTAL, _CHECKSUMMED, _UNVALIDATED = "TOTAL_NUM_FILES", "CHECKSUMMED", "VALIDATION_UNSCHEDULED"
_GOOD, _BAD = frozenset({_UNVALIDATED, "VALIDATED"}), frozenset({"FAILED", "ABORTED"})  # in which a file stays


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


def await_state(area: UploadArea, filename: str, patience: Patience) -> str:
    """Wait until the service is done with a file; return its state, which is a good one.

    Raises:
        ChecksFailed: it is a bad one.
        ChecksPending: the time is over.
        NotFoundError: there is no such file or area, or no longer.
    """
    state = ""

    def is_done() -> bool:
        nonlocal state
        state = file_state(area, filename)
        return state in _GOOD | _BAD

    if not patience.until(is_done):
        raise ChecksPending(
            f"The upload service is not done with {filename!r} after {patience.timeout:g} s: {state}.",
            hint="Wait again, or longer.",
        )
    if state in _BAD:
        raise ChecksFailed(
            f"What the upload service says about {filename!r} is {state}.",
            hint="Upload it again. If that does not help, ask those who run the service.",
        )
    return state


def with_failures(area: UploadArea, files: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield descriptions of files; those without checksums of which there will be none get their `checksum_status`."""
    remaining: int | None = None  # failures that the service counts and we have not seen
    for file in files:
        if file.get("checksums") is None:
            if remaining is None:
                counts = _counts(area.checksum_statuses())
                remaining = sum(counts.get(state, 0) for state in _BAD)
            # Each is a request, so nobody is asked about files that can only be pending.
            state = _state(area.checksum_status(file["name"]), "checksum_status") if remaining else ""
            if state in _BAD:
                remaining -= 1
                file = {**file, "checksum_status": state}
        yield file


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
