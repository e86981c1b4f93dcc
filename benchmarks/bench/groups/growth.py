"""Whether a file costs the same however many there are: manifests of 1 000, 10 000 and 100 000 files."""

from __future__ import annotations

from collections.abc import Iterator

from bench.peers import HCA
from bench.place import Place, emptied
from bench.race import Contender, Runs, race
from bench.row import Row, by_memory, spaced
from bench.stub import Stub, made_files, serving, write_manifest

NEEDS = ("nginx",)
COUNTS = (1_000, 10_000, 100_000)
WITHIN = 1.2
MOST_MEMORY = 150  # MB, for the largest
_MS = 1000.0


def rows(place: Place) -> Iterator[Row]:
    """Download everything into the store; what one file costs by itself is taken off."""
    counts = [place.size(count) for count in COUNTS]
    with serving(place) as stub:
        base = fetch(stub, 1, 5)
        found = {count: fetch(stub, count, 3 if count < COUNTS[-1] else 1) for count in counts}
    few, more, most = counts
    for fewer, many in ((few, more), (more, most)):
        yield by_file(f"time per file, {spaced(many)} files", many, fewer, found, base)
    yield growth_of_memory(found, few, more, most)
    what = f"memory, manifest of {spaced(most)} files"
    yield by_memory("P12", what, found[most].peak, MOST_MEMORY)


def fetch(stub: Stub, count: int, rounds: int) -> Runs:
    """Download a manifest of so many files of 2 KiB."""
    manifest = write_manifest(stub.folder / f"{count}.tsv", made_files(count))
    words = (
        "dss",
        "download-manifest",
        "--manifest",
        str(manifest),
        "--replica",
        "aws",
        "--download-dir",
        str(stub.out),
    )
    return race([Contender("hca", (HCA, *words), stub.environ, emptied(stub.out))], rounds)["hca"]


def by_file(what: str, many: int, fewer: int, found: dict[int, Runs], base: Runs) -> Row:
    """Compare the time per file, in seconds for 1 000 of them."""
    ours, theirs = ((found[count].seconds - base.seconds) / count * _MS for count in (many, fewer))
    peer = f"per 1 000 of {spaced(fewer)}"
    return Row("P13", what, peer, WITHIN, ours, theirs, disturbance=found[many].disturbance)


def growth_of_memory(found: dict[int, Runs], few: int, more: int, most: int) -> Row:
    """Compare what further files cost, in MB for 1 000 of them."""
    ours = (found[most].peak - found[more].peak) / (most - more) * _MS
    theirs = (found[more].peak - found[few].peak) / (more - few) * _MS
    what = f"memory per 1 000 further files, up to {spaced(most)}"
    return Row("P13", what, f"up to {spaced(more)}", WITHIN, ours, theirs, "MB")
