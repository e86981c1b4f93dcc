from hca_core.testing import Clock


def test_the_clock_moves_only_when_told():
    clock = Clock(start=1000.0)
    clock.sleep(3600)
    clock.sleep(0.5)
    clock.advance(10)
    assert (clock.sleeps, clock.slept) == ([3600, 0.5], 3600.5)
    assert (clock.monotonic(), clock.now()) == (3610.5, 4610.5)
