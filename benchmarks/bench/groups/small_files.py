"""Many files on this machine: 2 000 small ones, 200 of a MiB, and the same again when everything is there."""

from __future__ import annotations

from collections.abc import Iterator

from bench.downloads import curl_many, legacy, ours
from bench.peers import HCA
from bench.place import MIB, Place
from bench.race import Contender, race, run_once
from bench.row import Row, by_time, spaced
from bench.stub import made_files, serving

NEEDS = ("nginx", "curl")


def rows(place: Place) -> Iterator[Row]:
    """Download bundles of many files: a redirect, the bytes, the checksum, the store and a link for each."""
    yield from small(place)
    yield from medium(place)


def small(place: Place) -> Iterator[Row]:
    count = place.size(2000)
    with serving(place) as stub:
        files = list(made_files(count))
        bundle = stub.add_bundle(files)
        contenders = [
            ours(stub, bundle),
            *curl_many(place, stub, files, 16),
            *legacy(place, stub, bundle),
        ]
        runs = race(contenders, place.rounds)
        first = ours(stub, bundle)
        first.before()
        run_once(first.words, first.environ)
        again = ours(stub, bundle, fresh=False)
        start = Contender("hca --help", (HCA, "--help"), stub.environ)
        rerun = race([again, start], place.rounds * 2)
    what = f"download {spaced(count)} x 2 KiB"
    yield by_time("P4", what, runs, "curl", 3.0)
    yield by_time("P4", what, runs, "legacy", 0.2, why=place.peers.why("legacy"))
    yield by_time("P10", f"{what}, all there", rerun, "hca --help", 6.0)


def medium(place: Place) -> Iterator[Row]:
    count = place.size(200)
    with serving(place) as stub:
        files = [stub.add_large(f"part_{number}.bin", MIB) for number in range(count)]
        bundle = stub.add_bundle(files)
        runs = race([ours(stub, bundle), *curl_many(place, stub, files, 16)], place.rounds)
    yield by_time("P6", f"download {count} x 1 MiB", runs, "curl", 1.4)
