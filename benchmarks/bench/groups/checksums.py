"""Reading: four checksums of a file at once, and one of each file of a download."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from bench.peers import HCA, PYTHON
from bench.place import GIB, MIB, Place, person
from bench.race import Contender, race
from bench.row import Row, by_time, left_out
from bench.stub import StubFile, write_manifest

SERIAL = """
import hashlib, sys, google_crc32c
sums = hashlib.sha256(), hashlib.sha1(), hashlib.md5()
crc, block = 0, memoryview(bytearray(1 << 20))
with open(sys.argv[1], "rb", buffering=0) as file:
    while count := file.readinto(block):
        for one in sums:
            one.update(block[:count])
        crc = google_crc32c.extend(crc, bytes(block[:count]))
"""
OURS = """
import pathlib, sys
from hca_core.transfer.digest import checksums
checksums(pathlib.Path(sys.argv[1]))
"""


def rows(place: Place) -> Iterator[Row]:
    """Measure with a file that is in memory."""
    folder = place.folder("checksums")
    environ, path = person(folder / "home"), folder / "reads.bam"
    sha256 = random_file(path, place.size(GIB))
    contenders = [
        Contender("hca", (PYTHON, "-c", OURS, str(path)), environ),
        Contender("one thread", (PYTHON, "-c", SERIAL, str(path)), environ),
    ]
    yield by_time("P7", "four checksums of 1 GiB", race(contenders, place.rounds), "one thread", 0.62)
    yield verification(place, folder, path, sha256, environ)
    path.unlink()


def verification(place: Place, folder: Path, path: Path, sha256: str, environ: dict[str, str]) -> Row:
    """Measure `hca dss verify` of a download of one file."""
    if "openssl" not in place.peers:
        return left_out("P10", "verify 1 GiB", "openssl", 1.15, place.peers.why("openssl"))
    stored = folder / ".hca" / "v2" / "files_2_4" / sha256[:2] / sha256[2:6] / sha256
    stored.parent.mkdir(parents=True)
    os.link(path, stored)
    listed = [StubFile("5f8f0a6e-0000-4000-8000-000000000001", path.name, path.stat().st_size, sha256)]
    manifest = write_manifest(folder / "manifest.tsv", listed)
    contenders = [
        Contender("hca", (HCA, "dss", "verify", str(manifest)), environ),
        Contender("openssl", (place.peers["openssl"], "dgst", "-sha256", str(path)), environ),
    ]
    return by_time("P10", "verify 1 GiB", race(contenders, place.rounds), "openssl", 1.15)


def random_file(path: Path, size: int) -> str:
    """Write random bytes that repeat; return their SHA-256."""
    block, digest = os.urandom(min(size, 8 * MIB)), hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            piece = block[: size - start]
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()
