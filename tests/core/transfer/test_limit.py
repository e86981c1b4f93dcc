import io
import threading

import pytest

from hca_core.errors import ArgumentError
from hca_core.transfer.limit import RateLimit, limited, parse_rate


class FakeTime:
    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Stream(io.BytesIO):
    status, headers, url = 200, {}, "http://127.0.0.1/"


def read_all(stream: object) -> bytes:
    buffer, data = memoryview(bytearray(1 << 20)), b""
    while count := stream.readinto(buffer):
        data += bytes(buffer[:count])
    return data


def test_bytes_come_no_faster_than_the_limit() -> None:
    time = FakeTime()
    limit = RateLimit(1_000_000, clock=time.clock, sleep=time.sleep)
    data = bytes(range(256)) * 20_000
    opener = limited(lambda url, *, offset=0, validator=None: Stream(data[offset:]), limit)
    assert read_all(opener("http://127.0.0.1/", offset=120_000)) == data[120_000:]
    assert 4.8 <= time.now - 100 <= 5.0


def test_time_without_transfers_is_not_saved_up() -> None:
    time = FakeTime()
    limit = RateLimit(1000, clock=time.clock, sleep=time.sleep)
    time.now += 3600
    limit.take(1000)
    assert 3700.9 <= time.now <= 3701.0


def test_threads_share_one_budget() -> None:
    waits: list[float] = []
    limit = RateLimit(1000, clock=lambda: 0.0, sleep=waits.append)
    threads = [threading.Thread(target=limit.take, args=(500,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [0.5, 1.0, 1.5, 2.0]


@pytest.mark.parametrize(("text", "rate"), [("100", 100), ("500k", 5e5), ("5M", 5e6), ("1.5MB/s", 1.5e6), ("2GB", 2e9)])
def test_rates_are_read(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0", "fast", "-1M", "5 M", "1e9", "5m", "inf"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="not a transfer rate"):
        parse_rate(text)
