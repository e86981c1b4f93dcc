from __future__ import annotations

from hca_core.transfer.quota import Quota


def failed(quota: Quota, times: int = 1) -> Quota:
    for _ in range(times):
        following = quota.failed()
        assert following is not None
        quota = following
    return quota


def test_as_many_failures_as_retries_are_accepted() -> None:
    quota = failed(Quota(retries=3), 3)
    assert quota.failed() is None
    assert Quota(retries=0).failed() is None


def test_each_failure_doubles_the_delay_up_to_the_maximum() -> None:
    quota = Quota(min_delay=0.25, max_delay=1.5)
    assert [failed(quota, times).delay for times in range(5)] == [0.25, 0.5, 1.0, 1.5, 1.5]


def test_each_mebibyte_gives_a_try_back_and_halves_the_delay() -> None:
    quota = failed(Quota(retries=5), 5).received(2)
    assert quota.delay == 0.25 * 2**3
    assert failed(quota, 2).failed() is None


def test_more_than_all_tries_are_never_given() -> None:
    quota = failed(Quota(retries=5), 2).received(10**12)
    assert quota == Quota(retries=5)


def test_a_long_minimum_delay_is_kept() -> None:
    assert Quota(min_delay=100.0, max_delay=60.0).delay == 100.0


def test_many_failures_overflow_nothing() -> None:
    assert Quota(retries=10**6, failures=10**6).delay == 60.0
