from __future__ import annotations

from hca_core.testing import Clock
from hca_local.oidc.memory import Expiring


def test_things_are_forgotten_after_a_while() -> None:
    clock = Clock()
    kept: Expiring[int] = Expiring(10, 5, clock.now)
    kept.put("a", 1)
    clock.advance(9)
    assert kept.get("a") == 1
    clock.advance(1)
    assert kept.get("a") is None
    assert kept.pop("a") is None


def test_putting_again_starts_again() -> None:
    clock = Clock()
    kept: Expiring[int] = Expiring(10, 5, clock.now)
    kept.put("a", 1)
    clock.advance(9)
    kept.put("a", 2)
    clock.advance(9)
    assert kept.get("a") == 2


def test_the_oldest_makes_room() -> None:
    kept: Expiring[int] = Expiring(10, 2, Clock().now)
    for number, name in enumerate("aba"):
        kept.put(name, number)
    kept.put("c", 3)
    assert [kept.get(name) for name in "abc"] == [2, None, 3]


def test_popping_is_for_one() -> None:
    kept: Expiring[int] = Expiring(10, 2, Clock().now)
    kept.put("a", 1)
    assert (kept.pop("a"), kept.pop("a")) == (1, None)
