from __future__ import annotations

import pytest

from hca_core.errors import ApiError, NetworkError
from hca_core.transfer.pace import Pace, room


class Line:
    """A connection of which `seconds(limit)` says how long a round of `limit` small files takes."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pace = Pace(clock=lambda: self.now)

    def round(self, seconds: float, size: int = 2048) -> int:
        for _ in range(limit := self.pace.limit):
            self.now += seconds / limit
            self.pace.completed(size)
        return self.pace.limit


def test_where_round_trips_cost_the_time_it_doubles_to_the_most() -> None:
    line = Line()
    assert [line.round(0.1) for _ in range(6)] == [16, 32, 64, 64, 64, 64]


def test_where_the_processor_costs_the_time_it_goes_back_and_stays() -> None:
    line = Line()
    assert [line.round(0.001 * line.pace.limit) for _ in range(5)] == [16, 8, 8, 8, 8]


def test_where_a_line_is_full_it_stays_at_the_last_number_that_helped() -> None:
    line = Line()
    assert [line.round(max(0.1, 0.1 / 16 * line.pace.limit)) for _ in range(5)] == [16, 32, 16, 16, 16]


def test_an_overloaded_server_halves_it_for_good() -> None:
    line = Line()
    line.round(0.1)
    line.pace.completed(0, ApiError("slow down", status=429))
    assert line.pace.limit == 8
    line.pace.completed(0, NetworkError("gave up"))
    assert line.pace.limit == 4
    assert line.round(0.1) == 4
    for _ in range(9):
        line.pace.completed(0, ApiError("busy", status=503))
    assert line.pace.limit == 1


def test_a_missing_file_says_nothing_about_the_server() -> None:
    line = Line()
    line.pace.completed(0, ApiError("not there", status=404))
    assert line.pace.limit == 8


def test_never_more_than_there_is_room_for() -> None:
    assert Pace(most=3).limit == 3


def test_the_limit_of_open_files_bounds_the_transfers() -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        found = []
        for limit in (64, 256, 17):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
            found.append(room())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found == [12, 60, 1]
