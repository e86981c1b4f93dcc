from __future__ import annotations

from hca_core.transfer.digest import MIB
from hca_core.transfer.lanes import CONNECTIONS, TRIAL, Lanes, Ramp


class Line:
    """Tells a ramp how fast bytes come, in MiB per second, and which share of the time we wait and work."""

    def __init__(self) -> None:
        self.ramp = Ramp()
        self.now = self.waited = self.worked = 0.0
        self.position = 0
        self.ramp.watch(0.0, 0, 0.0, 0.0)

    def give(self, rate: float, seconds: float = 0.125, idle: float = 1.0, busy: float = 0.1) -> None:
        self.now += seconds
        self.position += int(rate * MIB * seconds)
        self.waited += seconds * idle
        self.worked += seconds * busy
        self.ramp.watch(self.now, self.position, self.waited, self.worked)

    def spread(self) -> None:
        """Have a successful trial behind it."""
        self.give(25)
        self.give(25)
        assert self.ramp.tried(100.0 * MIB)
        self.give(100, seconds=0)


def test_a_connection_that_stays_slow_is_worth_a_trial() -> None:
    line = Line()
    line.give(25)
    assert (line.ramp.connections, line.ramp.trying) == (1, False)
    line.give(25)
    assert (line.ramp.connections, line.ramp.trying) == (TRIAL, True)
    assert line.ramp.rate == 25 * MIB


def test_nothing_is_decided_before_a_window_is_over() -> None:
    line = Line()
    for _ in range(19):
        line.give(25, seconds=0.01)
    assert not line.ramp.trying
    for _ in range(4):
        line.give(25, seconds=0.01)
    assert line.ramp.trying


def test_a_connection_that_still_gets_faster_is_left_alone() -> None:
    line = Line()
    for rate in (1, 2, 4, 8, 16, 32, 64):
        line.give(rate)
        assert not line.ramp.trying
    line.give(64)
    assert line.ramp.trying


def test_a_fast_connection_is_left_alone() -> None:
    line = Line()
    for _ in range(20):
        line.give(300)
    assert line.ramp.connections == 1


def test_where_something_else_is_the_bottleneck_one_connection_is_enough() -> None:
    line = Line()
    for _ in range(20):
        line.give(25, idle=0.3)
    assert line.ramp.connections == 1


def test_where_we_are_busy_ourselves_one_connection_is_enough() -> None:
    line = Line()
    for _ in range(20):
        line.give(100, busy=0.5)
    assert line.ramp.connections == 1


def test_a_trial_in_vain_is_the_last_one() -> None:
    line = Line()
    line.give(100)
    line.give(100)
    assert not line.ramp.tried(110 * MIB)
    for _ in range(20):
        line.give(25)
    assert (line.ramp.connections, line.ramp.trying) == (1, False)


def test_connections_are_doubled_as_long_as_that_pays() -> None:
    line = Line()
    line.spread()
    assert line.ramp.connections == 2 * TRIAL
    line.give(200, seconds=0.25)
    assert line.ramp.connections == 4 * TRIAL == CONNECTIONS
    line.give(400, seconds=0.25)
    line.give(100, seconds=0.25)
    assert line.ramp.connections == CONNECTIONS


def test_doubling_that_did_not_pay_is_taken_back() -> None:
    line = Line()
    line.spread()
    line.give(118, seconds=0.25)
    line.give(119, seconds=0.25)
    assert line.ramp.connections == 2 * TRIAL
    line.give(500, seconds=0.25)
    assert line.ramp.connections == 2 * TRIAL


def test_connections_that_wait_for_the_disk_are_not_doubled() -> None:
    line = Line()
    line.spread()
    for _ in range(5):
        line.give(200, seconds=0.25, idle=0.1)
    assert line.ramp.connections == 2 * TRIAL


def test_refusals_halve_and_stop_the_growth() -> None:
    line = Line()
    line.spread()
    line.ramp.lower()
    assert line.ramp.connections == TRIAL
    line.give(200, seconds=0.25)
    assert line.ramp.connections == TRIAL
    for _ in range(5):
        line.ramp.lower()
    assert line.ramp.connections == 1


def test_a_trial_that_was_refused_has_failed_however_fast_it_was() -> None:
    line = Line()
    line.give(25)
    line.give(25)
    line.ramp.lower()
    assert not line.ramp.tried(1000 * MIB)
    assert line.ramp.connections == 1


def test_connections_are_lent_until_there_are_none_left() -> None:
    lanes = Lanes(5)
    with lanes.file():
        assert lanes.promising("host")
        assert [lanes.borrow() for _ in range(5)] == [True, True, True, True, False]
        assert not lanes.promising("host")
        lanes.give_back()
        assert lanes.borrow()


def test_more_files_take_connections_back() -> None:
    lanes = Lanes(4)
    with lanes.file():
        assert [lanes.borrow() for _ in range(3)] == [True] * 3
        assert not lanes.crowded
        with lanes.file():
            assert lanes.crowded
            lanes.give_back()
            assert not lanes.crowded
            assert not lanes.borrow()
        assert lanes.borrow()


def test_files_that_fail_give_their_connection_back() -> None:
    lanes = Lanes(1)
    try:
        with lanes.file():
            raise ValueError
    except ValueError:
        pass
    assert lanes.borrow()


def test_a_host_where_it_was_tried_in_vain_is_not_promising() -> None:
    lanes = Lanes()
    lanes.tried_in_vain("a")
    assert not lanes.promising("a")
    assert lanes.promising("b")
