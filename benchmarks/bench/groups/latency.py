"""Behind a link whose round trip takes 50 ms: many small files, and a large one at 1 Gbit/s."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.downloads import curl_many, legacy, ours
from bench.groups.large_file import curl, one_file
from bench.peers import PYTHON
from bench.place import GIB, Place
from bench.race import race
from bench.row import Row, by_time, spaced
from bench.stub import Address, made_files, serving

NEEDS = ("nginx", "curl")
ROUND_TRIP = 0.05  # seconds
GIGABIT = 10**9
_PROXY = Path(__file__).parents[1] / "delay.py"


def rows(place: Place) -> Iterator[Row]:
    """Download many small files, and one that fills the line."""
    yield from small(place)
    yield from large(place)


def small(place: Place) -> Iterator[Row]:
    """Download 2 000 files of 2 KiB; curl with 64 connections, ours with default settings."""
    count = place.size(2000)
    own, public = Address.free(), Address.free()
    with serving(place, own=own, public=public) as stub, delayed(public, own):
        files = list(made_files(count))
        bundle = stub.add_bundle(files)
        contenders = [
            ours(stub, bundle),
            *curl_many(place, stub, files, 64),
            *legacy(place, stub, bundle, rounds=1),
        ]
        runs = race(contenders, max(1, place.rounds - 2))
    what = f"download {spaced(count)} x 2 KiB, 50 ms away"
    yield by_time("P5", what, runs, "curl", 1.3)
    yield by_time("P5", what, runs, "legacy", 1 / 12, why=place.peers.why("legacy"))


def large(place: Place) -> Iterator[Row]:
    """Download 1 GiB at 1 Gbit/s."""
    own, public = Address.free(), Address.free()
    with serving(place, own=own, public=public) as stub, delayed(public, own, GIGABIT):
        file, bundle = one_file(place, stub, place.size(GIB))
        runs = race([ours(stub, bundle), curl(place, stub, file)], max(1, place.rounds - 3))
    yield by_time("P16", "download 1 GiB, 1 Gbit/s, 50 ms away", runs, "curl", 1.05)


@contextmanager
def delayed(public: Address, own: Address, bits: int = 0) -> Iterator[None]:
    """Make what listens at `own` reachable at `public`, half a round trip away, by a line with `bits` per second."""
    links = (f"{public.dss}:{own.dss}", f"{public.blobs}:{own.blobs}")
    with subprocess.Popen([PYTHON, str(_PROXY), str(ROUND_TRIP), str(bits), *links], stdout=subprocess.PIPE) as proxy:
        try:
            assert proxy.stdout is not None
            proxy.stdout.readline()
            yield
        finally:
            proxy.terminate()
