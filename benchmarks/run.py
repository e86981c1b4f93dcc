"""Measures hca against its peers, as ratios within one run: `python benchmarks/run.py [startup]`.

Each row runs our command and the peer's in turn, many times, and compares the medians; absolute times depend on the
machine and its mood, ratios hardly do. See `benchmarks/README.md`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
GROUPS = {
    "startup": [
        Row("hca --version / import click", (HCA, "--version"), IMPORT_CLICK, 1.1),
        Row("hca --help / import click", (HCA, "--help"), IMPORT_CLICK, 1.4),
        Row("hca dss get-bundle --help / import click", (HCA, "dss", "get-bundle", "--help"), IMPORT_CLICK, 1.5),
    ],
}


def main(chosen: Sequence[str]) -> None:
    """Run the chosen groups (all by default) and print one table."""
    unknown = set(chosen) - set(GROUPS)
    if unknown:
        sys.exit(f"There is no group {', '.join(sorted(unknown))}; there are: {', '.join(GROUPS)}.")
    print(f"{'what':<48} {'ours':>9} {'peer':>9} {'ratio':>6} {'goal':>6}")
    for group in chosen or GROUPS:
        for row in GROUPS[group]:
            report(row, *measure(row.ours, row.peer))


def report(row: Row, ours: float, peer: float) -> None:
    """Print one line: medians in milliseconds, and whether the goal is met."""
    met = "met" if ours / peer <= row.goal else "not met"
    print(f"{row.name:<48} {ours:>7.1f}ms {peer:>7.1f}ms {ours / peer:>6.2f} {row.goal:>6.2f} {met}", flush=True)


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


if __name__ == "__main__":
    main(sys.argv[1:])
