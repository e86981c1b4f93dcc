"""Measures hca against its peers, as ratios within one run: `python benchmarks/run.py [GROUP …]`.

Prints one table, and writes it as JSON and as a picture into `benchmarks/results`; docs/performance.md
says how to read them.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.chart import chart
from bench.peers import Peers, find
from bench.place import Place, opened
from bench.race import FailedError
from bench.results import as_json, sha256_speed
from bench.row import Row, left_out
from bench.table import HEADING, line, sentence

HERE = Path(__file__).parent
GROUPS = (
    "startup",
    "api_call",
    "large_file",
    "small_files",
    "latency",
    "checksums",
    "upload",
    "manifest",
    "memory",
    "growth",
    "stack",
)


def main(arguments: Sequence[str]) -> None:
    """Run the chosen groups, all by default."""
    options = _parse(arguments)
    peers = find(HERE / ".envs")
    for why in peers.missing.values():
        print(f"left out: {why}")
    if options.share != 1:
        print(f"All sizes and numbers of files are multiplied by {options.share}, whatever the rows say.")
    print(HEADING, flush=True)
    path = _results(options)
    rows: dict[str, list[Row]] = {}
    for group in options.groups or GROUPS:
        rows[group] = []
        with opened(peers, options.share, options.rounds) as place:
            for row in measured(group, place):
                rows[group].append(row)
                print(line(row), flush=True)
        write(path, rows, peers)  # a run takes long, and what is known should not be lost
    print(sentence([row for found in rows.values() for row in found]))
    print(f"SHA-256: {sha256_speed()} GiB/s on each processor.")
    print(f"written: {path}.json and {path}.svg")


def measured(group: str, place: Place) -> Iterator[Row]:
    """Yield the rows of a group; what it cannot do without, or what fails, does not keep the others from running."""
    module = importlib.import_module(f"bench.groups.{group}")
    lacking = [name for name in getattr(module, "NEEDS", ()) if name not in place.peers]
    if lacking:
        yield left_out("-", f"group {group}", lacking[0], None, place.peers.why(lacking[0]))
        return
    try:
        yield from module.rows(place)
    except FailedError as error:
        print(error, file=sys.stderr)
        yield left_out("-", f"group {group}", "-", None, "a command failed")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"one of {', '.join(GROUPS)}")
    parser.add_argument("--name", default="", help="what the results are called  [default: the groups]")
    parser.add_argument("--rounds", type=int, default=5, help="how often to run each command, more or less")
    parser.add_argument("--share", type=float, default=1.0, help="make everything smaller, to try things out")
    options = parser.parse_args(arguments)
    unknown = set(options.groups) - set(GROUPS)
    if unknown:
        parser.error(f"There is no group {', '.join(sorted(unknown))}; there are: {', '.join(GROUPS)}.")
    return options


def write(path: Path, rows: dict[str, list[Row]], peers: Peers) -> None:
    """Write what was measured so far, as data and as a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(as_json(rows, peers))
    path.with_suffix(".svg").write_text(chart([row for found in rows.values() for row in found]))


def _results(options: argparse.Namespace) -> Path:
    folder = HERE / "results" if options.share == 1 else HERE / "results" / "tmp"
    return folder / (options.name or "-".join(options.groups) or "all")


if __name__ == "__main__":
    # Servers are stopped and folders removed also when somebody stops us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(sys.argv[1:])
