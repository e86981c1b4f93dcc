"""How long commands take that need no network, as whole processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import row as table
from bench.place import Place

PYTHON = sys.executable
HCA = str(Path(PYTHON).with_name("hca"))
ROUNDS = 21


@dataclass(frozen=True)
class Row:
    """What is measured, against what, and the ratio that we want to stay below."""

    name: str
    ours: Sequence[str]
    peer: Sequence[str]
    goal: float


IMPORT_CLICK = (PYTHON, "-c", "import click")
ROWS = [
    Row("hca --version / import click", (HCA, "--version"), IMPORT_CLICK, 1.1),
    Row("hca --help / import click", (HCA, "--help"), IMPORT_CLICK, 1.4),
    Row("hca dss get-bundle --help / import click", (HCA, "dss", "get-bundle", "--help"), IMPORT_CLICK, 1.5),
]


def rows(place: Place) -> Iterator[table.Row]:
    """Measure all rows, and give them to the table."""
    for row in ROWS:
        ours, peer = (milliseconds / 1000 for milliseconds in measure(row.ours, row.peer))
        what, _, against = row.name.partition(" / ")
        yield table.Row("P1", what, against, row.goal, ours, peer)


def measure(ours: Sequence[str], peer: Sequence[str]) -> tuple[float, float]:
    """Return the medians in milliseconds of two commands that take turns, so that both meet the same disturbances."""
    with tempfile.TemporaryDirectory() as home:
        environ = {"HOME": home, "PATH": os.environ["PATH"]}
        for command in (ours, peer):  # bytecode and caches are there on any second run
            once(command, environ)
        times = [(once(ours, environ), once(peer, environ)) for _ in range(ROUNDS)]
    return statistics.median(pair[0] for pair in times), statistics.median(pair[1] for pair in times)


def once(command: Sequence[str], environ: dict[str, str]) -> float:
    """Return how many milliseconds a command takes as a whole process."""
    began = time.perf_counter()
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000
