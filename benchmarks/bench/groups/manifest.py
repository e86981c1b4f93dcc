"""A manifest of a million rows: read, checked and planned, without any network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from uuid import UUID

from bench.peers import HCA, PYTHON
from bench.place import Place, person
from bench.race import Contender, race
from bench.row import Row, by_memory, by_time, spaced
from bench.stub import StubFile, write_manifest

MOST_MEMORY = 120  # MB
READ = "import csv, sys\nfor row in csv.reader(open(sys.argv[1], newline=''), delimiter='\\t'): pass"


def rows(place: Place) -> Iterator[Row]:
    """Plan with `--dry-run`, which looks for each file, too, and compare with reading the rows only."""
    count = place.size(1_000_000)
    folder = place.folder("manifest")
    manifest = write_manifest(folder / "manifest.tsv", listed(count))
    environ = person(folder / "home")
    words = ("dss", "download-manifest", "--manifest", str(manifest), "--replica", "aws", "--dry-run")
    contenders = [
        Contender("hca", (HCA, *words, "--download-dir", str(folder / "out")), environ),
        Contender("csv.reader", (PYTHON, "-c", READ, str(manifest)), environ),
    ]
    runs = race(contenders, max(1, place.rounds // 2))
    yield by_time("P11", f"plan a manifest of {spaced(count)} rows", runs, "csv.reader", 3.0)
    yield by_memory("P11", "the same, memory", runs["hca"].peak, MOST_MEMORY)
    manifest.unlink()


def listed(count: int) -> Iterator[StubFile]:
    """Yield what a manifest may list; nothing of it is anywhere."""
    for number in range(count):
        digest = hashlib.sha256(b"%d" % number).hexdigest()
        yield StubFile(str(UUID(hex=digest[:32], version=4)), f"cell_{number}.fastq.gz", 1000 + number, digest)
