"""Uploads to the object store of the local stack: what we send is checksummed, tagged, registered and made a bundle."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench.groups.checksums import random_file
from bench.peers import HCA
from bench.place import GIB, KIB, Place, emptied
from bench.race import Contender, Runs, race
from bench.row import Row, by_memory, by_time
from bench.stack import Stack, running

FLAT = 1.2  # four times as much to send may cost so many times the memory


def rows(place: Place) -> Iterator[Row]:
    """Send files with us, the AWS command line and the legacy client to the same store."""
    one = send(place, "1 GiB", large(place, place.size(GIB)), place.rounds // 2 + 1)
    two = send(place, "2 GiB", large(place, place.size(2 * GIB)), 1)
    few = send(place, "500 x 4 KiB", small(place, place.size(500)), place.rounds, with_legacy=True)
    many = send(place, "2 000 x 4 KiB", small(place, place.size(2000)), max(1, place.rounds // 2))
    aws = place.peers.why("aws")
    yield by_time("P8", "upload 1 GiB", one, "aws s3 cp", 1.4, why=aws)
    yield by_time("-", "upload 2 GiB", two, "aws s3 cp", 1.4, why=aws)
    yield by_time("P9", "upload 500 x 4 KiB", few, "aws s3 cp", 1.5, why=aws)
    yield by_time("P9", "upload 500 x 4 KiB", few, "legacy", 1 / 6, why=place.peers.why("legacy"))
    yield by_time("-", "upload 2 000 x 4 KiB", many, "aws s3 cp", 1.5, why=aws)
    yield by_memory("-", "memory, upload of 2 GiB", two["hca"].peak, FLAT * one["hca"].peak, "1.2 x that of 1 GiB")
    limit = FLAT * few["hca"].peak
    yield by_memory("-", "memory, upload of 2 000 files", many["hca"].peak, limit, "1.2 x that of 500")


def send(place: Place, what: str, source: Path, rounds: int, *, with_legacy: bool = False) -> dict[str, Runs]:
    """Let everybody send the same folder."""
    with running(place) as stack:
        words = ("dss", "upload", "--src-dir", str(source), "--replica", "aws", "--staging-bucket", "staging")
        contenders = [Contender("hca", (HCA, *words), stack.environ), *aws(place, stack, source)]
        if with_legacy and "legacy" in place.peers:
            environ = stack.legacy_environ()
            contenders.append(Contender("legacy", (place.peers["legacy"], *words), environ, rounds=2))
        found = race(contenders, max(1, rounds))
    emptied(source)()
    return found


def aws(place: Place, stack: Stack, source: Path) -> list[Contender]:
    """Copy the folder with the AWS command line, if it could be installed: the objects only."""
    if "aws" not in place.peers:
        return []
    target = f"s3://staging/{uuid.uuid4()}/"
    words = (place.peers["aws"], "s3", "cp", "--recursive", "--only-show-errors", str(source), target)
    return [Contender("aws s3 cp", words, stack.environ)]


def large(place: Place, size: int) -> Path:
    """Return a folder with one file."""
    folder = place.folder("large")
    random_file(folder / "reads.bam", size)
    return folder


def small(place: Place, count: int) -> Path:
    """Return a folder with many files of 4 KiB."""
    folder = place.folder("small")
    for number in range(count):
        (folder / f"cell_{number}.bin").write_bytes(os.urandom(4 * KIB))
    return folder
