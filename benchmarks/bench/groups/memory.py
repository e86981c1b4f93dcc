"""How much memory the client has at most."""

from __future__ import annotations

from collections.abc import Iterator

from bench.downloads import ours
from bench.peers import HCA
from bench.place import GIB, Place, emptied
from bench.race import run_once
from bench.row import Row, by_memory
from bench.stub import serving

NEEDS = ("nginx",)
LARGE_FILE, GET_FILE = 80, 60  # MB


def rows(place: Place) -> Iterator[Row]:
    """Download 5 GiB as a bundle, and 1 GiB to the standard output."""
    with serving(place, on_disk=True) as stub:
        large = stub.add_large("large.bam", place.size(5 * GIB))
        contender = ours(stub, stub.add_bundle([large]))
        contender.before()
        yield by_memory("P12", "memory, download of 5 GiB", run_once(contender.words, stub.environ).peak, LARGE_FILE)
        emptied(stub.out)()
        (stub.folder / "blobs" / large.uuid).unlink()
        file = stub.add_large("file.bam", place.size(GIB))
        words = (HCA, "dss", "get-file", "--uuid", file.uuid, "--replica", "aws")
        yield by_memory("P12", "memory, get-file of 1 GiB", run_once(words, stub.environ).peak, GET_FILE)
