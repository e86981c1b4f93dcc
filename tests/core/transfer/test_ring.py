from __future__ import annotations

import threading

import pytest

from hca_core.transfer.ring import Ring


def feed(ring: Ring, data: bytes, piece: int) -> None:
    for start in range(0, len(data), piece):
        part = data[start : start + piece]
        ring.buffer()[: len(part)] = part
        ring.pass_on(len(part))


@pytest.mark.parametrize("pieces", [0, 1, 2, 3, 4, 5, 50])
def test_every_stage_sees_every_byte_in_order(pieces: int) -> None:
    first, second = bytearray(), bytearray()
    ring = Ring(first.extend, second.extend, block=10)
    data = bytes(number % 251 for number in range(pieces * 7))
    feed(ring, data, 7)
    ring.drain()
    ring.close()
    assert first == second == data


def test_it_goes_on_after_a_drain() -> None:
    for before in range(7):
        seen = bytearray()
        ring = Ring(seen.extend, block=4)
        feed(ring, b"ab" * before, 2)
        ring.buffer()
        ring.drain()
        assert seen == b"ab" * before
        feed(ring, b"cd" * 9, 2)
        ring.drain()
        assert seen == b"ab" * before + b"cd" * 9
        ring.close()


def test_one_block_needs_no_thread() -> None:
    threads = []
    ring = Ring(lambda _: threads.append(threading.current_thread()), block=4)
    feed(ring, b"abcd", 4)
    ring.drain()
    assert threads == [threading.current_thread()]


def test_the_producer_waits_for_the_slowest_stage() -> None:
    go = threading.Event()
    ring = Ring(lambda _: go.wait(), block=1)
    filled = []

    def produce() -> None:
        for number in range(9):
            ring.buffer()
            filled.append(number)
            ring.pass_on(1)

    producer = threading.Thread(target=produce)
    producer.start()
    producer.join(0.1)
    assert len(filled) == 4
    go.set()
    producer.join()
    ring.drain()
    ring.close()
    assert len(filled) == 9


def test_an_error_in_a_stage_reaches_the_producer_and_blocks_nobody() -> None:
    def refuse(block: memoryview) -> None:
        raise ValueError("no")

    ring = Ring(refuse, block=2)
    feed(ring, b"x" * 100, 2)
    with pytest.raises(ValueError, match="no"):
        ring.drain()
    ring.close()


def test_close_ends_the_threads() -> None:
    ring = Ring(len, len, block=2)
    feed(ring, b"x" * 100, 2)
    ring.drain()
    running = [thread for thread in threading.enumerate() if thread.name == "hca-ring"]
    assert len(running) == 2
    ring.close()
    assert not any(thread.is_alive() for thread in running)
