from __future__ import annotations

import threading

import pytest

from hca_core.testing import Clock
from hca_local.oidc.throttle import Throttle


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fail(throttle: Throttle, count: int, account: str = "ada", address: str = "127.0.0.1") -> list[int]:
    return [throttle.attempt(account, address) for _ in range(count)]


def test_waits_grow(clock: Clock) -> None:
    throttle = Throttle(clock.now)
    assert fail(throttle, 5) == [0] * 5
    waits = []
    for _ in range(7):
        waits.append(throttle.attempt("ada", "127.0.0.1"))
        clock.advance(waits[-1])
        assert throttle.attempt("ada", "127.0.0.1") == 0
    assert waits == [31, 61, 121, 241, 481, 901, 901]


def test_asking_while_one_must_wait_is_no_attempt(clock: Clock) -> None:
    throttle = Throttle(clock.now)
    fail(throttle, 50)
    clock.advance(30)
    assert throttle.attempt("ada", "127.0.0.1") == 0


def test_the_case_of_an_account_does_not_matter(clock: Clock) -> None:
    throttle = Throttle(clock.now)
    fail(throttle, 5, "ada")
    assert throttle.attempt("ADA", "127.0.0.1") > 0


def test_an_address_that_tries_many_accounts_waits_too(clock: Clock) -> None:
    throttle = Throttle(clock.now)
    assert [throttle.attempt(f"user{number}", "127.0.0.1") for number in range(51)] == [*[0] * 50, 31]
    assert throttle.attempt("somebody", "127.0.0.2") == 0


def test_success_forgives_the_account_but_not_the_address(clock: Clock) -> None:
    throttle = Throttle(clock.now)
    for number in range(49):
        throttle.attempt(f"user{number}", "127.0.0.1")
    for _ in range(3):
        assert throttle.attempt("mallory", "127.0.0.1") == 0
        throttle.succeeded("mallory", "127.0.0.1")
    assert throttle.attempt("user49", "127.0.0.1") == 0
    assert throttle.attempt("user50", "127.0.0.1") > 0


def test_a_right_password_before_the_fifth_wrong_one_starts_again(clock: Clock) -> None:
    throttle = Throttle(clock.now)
    fail(throttle, 4)
    throttle.succeeded("ada", "127.0.0.1")
    assert fail(throttle, 5) == [0] * 5


def test_everything_is_forgotten_after_an_hour(clock: Clock) -> None:
    throttle = Throttle(clock.now)
    fail(throttle, 5)
    clock.advance(3600)
    assert fail(throttle, 5) == [0] * 5


def test_many_at_a_time_count_as_many(clock: Clock) -> None:
    throttle, start, waits = Throttle(clock.now), threading.Barrier(20), []

    def run() -> None:
        start.wait()
        waits.append(throttle.attempt("ada", "127.0.0.1"))

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits.count(0) == 5
