"""One line of the table: what we took, what the other took, and whether the goal is met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.race import Runs

__all__ = ["Row", "by_memory", "by_time", "left_out", "spaced"]

Unit = Literal["s", "MB"]


@dataclass(frozen=True)
class Row:
    """A figure of ours against one of a peer, or against a limit; less is better.

    `goal` is the largest quotient of the two with which we are content; None if the row is only for comparison.
    `best` is the quotient of the two best runs, `cpu` that of the processor seconds. `disturbance` is the share of the
    processors that others had.
    """

    number: str
    what: str
    peer: str
    goal: float | None
    ours: float | None = None
    theirs: float | None = None
    unit: Unit = "s"
    best: float | None = None
    cpu: float | None = None
    disturbance: float = 0.0
    left_out: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours divided by theirs."""
        return self.ours / self.theirs if self.ours is not None and self.theirs else None

    @property
    def verdict(self) -> str:
        """Whether the goal is met, in a word or two."""
        if self.ratio is None:
            return "left out"
        if self.goal is None:
            return "-"
        return "met" if self.ratio <= self.goal else "not met"


def by_time(number: str, what: str, runs: dict[str, Runs], peer: str, goal: float | None, *, why: str = "") -> Row:
    """Compare `hca` with a peer that ran in the same race, or tell `why` it did not."""
    if peer not in runs:
        return left_out(number, what, peer, goal, why or f"{peer} is not there")
    ours, theirs = runs["hca"], runs[peer]
    best, cpu = ours.best / theirs.best, ours.cpu / max(theirs.cpu, 1e-3)
    disturbance = max(ours.disturbance, theirs.disturbance)
    return Row(number, what, peer, goal, ours.seconds, theirs.seconds, "s", best, cpu, disturbance)


def by_memory(number: str, what: str, peak: float, limit: float, peer: str = "limit") -> Row:
    """Compare memory (MB) with a limit."""
    return Row(number, what, peer, 1.0, peak, limit, "MB", peak / limit)


def left_out(number: str, what: str, peer: str, goal: float | None, why: str) -> Row:
    """Say that there is nothing to compare with."""
    return Row(number, what, peer, goal, left_out=why)


def spaced(count: int) -> str:
    """Return a number with spaces between its thousands."""
    return f"{count:,}".replace(",", " ")
