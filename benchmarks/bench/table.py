"""The table that people read, line by line."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from bench.row import Row

__all__ = ["HEADING", "line", "sentence"]

_FORMAT = "{:<4} {:<43} {:>9} {:<21} {:>9} {:>6} {:>6} {:>6} {:>6}  {}"
HEADING = _FORMAT.format("goal", "what", "ours", "peer or limit", "theirs", "ratio", "best", "cpu", "goal", "met")


def line(row: Row) -> str:
    """Return a row as it is printed."""
    if row.ratio is None:
        return f"{row.number:<4} {row.what:<43} left out: {row.left_out}"
    best, cpu, goal = ("-" if one is None else f"{one:.2f}" for one in (row.best, row.cpu, row.goal))
    ours, theirs = _figure(row.ours, row.unit), _figure(row.theirs, row.unit)
    ratios = (f"{row.ratio:.2f}", best, cpu, goal)
    return _FORMAT.format(row.number, row.what, ours, row.peer, theirs, *ratios, row.verdict)


def sentence(rows: Sequence[Row]) -> str:
    """Return how many goals are met, and how busy the machine was."""
    judged = [row for row in rows if row.verdict in ("met", "not met")]
    met = sum(row.verdict == "met" for row in judged)
    others = statistics.median([row.disturbance for row in rows if row.unit == "s"] or [0.0])
    return f"{met} of {len(judged)} goals met; usually {others:.0%} of the processors were busy with something else."


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "s":
        return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
