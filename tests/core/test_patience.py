from __future__ import annotations

import math

import pytest

from hca_core.patience import Patience
from hca_core.testing import Clock


def test_patience_grows_and_ends_on_time() -> None:
    clock = Clock()
    assert not Patience(300, clock.sleep, clock.monotonic).until(lambda: False)
    assert sum(clock.sleeps) == pytest.approx(300)
    assert max(clock.sleeps) == 60.0
    assert clock.sleeps[:2] == [1.0, 1.618]


@pytest.mark.parametrize("asked", [1, 3])
def test_patience_ends_when_it_is_done(asked: int) -> None:
    clock, answers = Clock(), iter([*[False] * (asked - 1), True])
    assert Patience(300, clock.sleep, clock.monotonic).until(lambda: next(answers))
    assert len(clock.sleeps) == asked - 1


@pytest.mark.parametrize("timeout", [0, math.nan])
def test_without_patience_it_is_asked_once(timeout: float) -> None:
    assert not Patience(timeout, sleep=pytest.fail).until(lambda: False)
