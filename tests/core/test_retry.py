"""When to try again, and how long to wait."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hca_core.retry import REPEATABLE, RetryPolicy, parse_retry_after

NOW = 1_800_000_000.0


def test_repeatable_methods_are_those_that_may_be_sent_twice():
    assert frozenset({"GET", "HEAD", "PUT", "DELETE"}) == REPEATABLE


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, None])
def test_repeatable_requests_are_tried_again(status):
    assert RetryPolicy().should_retry(True, status)
    assert not RetryPolicy().should_retry(False, status)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 422, 501])
def test_other_statuses_are_final(status):
    assert not RetryPolicy().should_retry(True, status)


def test_statuses_can_be_chosen():
    policy = RetryPolicy(statuses=frozenset({429, 503}))
    assert [policy.should_retry(True, status) for status in (429, 500, 503)] == [True, False, True]


def test_waits_double_up_to_the_longest():
    policy = RetryPolicy(backoff=0.1, max_delay=1.0)
    assert [policy.delay(attempt) for attempt in range(1, 7)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


def test_jitter_shortens_by_a_random_share():
    policy = RetryPolicy(backoff=1.0, jitter=0.25)
    assert [policy.delay(1, rand=rand) for rand in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.875, 0.75])


def test_a_very_late_attempt_waits_no_longer_than_the_longest():
    assert RetryPolicy(max_delay=30).delay(100_000) == 30


@pytest.mark.parametrize("asked", [0.0, 2.0, 3600.0])
def test_what_the_server_asks_for_is_waited_exactly(asked):
    assert RetryPolicy(backoff=5, max_delay=10).delay(4, asked, rand=0.7) == asked


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("10", 10.0),
        (" 10 ", 10.0),
        ("99999999", 99999999.0),
        ("9" * 5000, math.inf),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Friday, 15-Jan-27 08:00:30 GMT", 30.0),
        ("Fri Jan 15 08:00:30 2027", 30.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [None, "", "-1", "1.5", "ten", "²", "1e3", "0x10", "nan", "inf", "Fri, 99 Foo 2027 08:00:30 GMT", "Fri, " * 1000],
)
def test_senseless_retry_after_is_as_good_as_none(value):
    assert parse_retry_after(value, NOW) is None


@given(st.text())
def test_no_retry_after_header_breaks_the_parser(value):
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0
