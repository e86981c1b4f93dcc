"""Lets commands take turns and measures each as a whole process: time, processor time and memory."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

__all__ = ["Contender", "FailedError", "Runs", "Told", "race", "run_once"]

# A small process starts each command and asks the system about it: a child of this one would begin with its memory.
_LAUNCHER = """
import os, sys, time
began = time.perf_counter()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
seconds = time.perf_counter() - began
peak = used.ru_maxrss / (1 if sys.platform == "darwin" else 1 / 1024)
open(sys.argv[1], "w").write(
    '{"code": %d, "seconds": %r, "cpu": %r, "peak": %r}'
    % (os.waitstatus_to_exitcode(status), seconds, used.ru_utime + used.ru_stime, peak / 1e6)
)
"""


class FailedError(Exception):
    """A command did not do what it was to be measured at."""


@dataclass(frozen=True)
class Contender:
    """A command; `before` makes things ready and is not measured. At most `rounds` times, where it is very slow."""

    name: str
    words: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None
    rounds: int | None = None


@dataclass(frozen=True)
class Told:
    """What one run took: `seconds`, processor seconds of it and its children, and its `peak` memory in MB."""

    seconds: float
    cpu: float
    peak: float


@dataclass
class Runs:
    """All runs of one contender. `others` is which share of the processors was busy with something else."""

    told: list[Told] = field(default_factory=list)
    others: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The median time."""
        return statistics.median(one.seconds for one in self.told)

    @property
    def best(self) -> float:
        """The shortest time."""
        return min(one.seconds for one in self.told)

    @property
    def cpu(self) -> float:
        """The median of the processor seconds, which depend little on who else is there."""
        return statistics.median(one.cpu for one in self.told)

    @property
    def peak(self) -> float:
        """The most memory that any run had, in MB."""
        return max(one.peak for one in self.told)

    @property
    def disturbance(self) -> float:
        """The usual share of the processors, 0 to 1, that others had."""
        return statistics.median(self.others) if self.others else 0.0


def race(contenders: Sequence[Contender], rounds: int) -> dict[str, Runs]:
    """Run all commands in turn, `rounds` times, so that whatever else the machine does meets them all.

    Raises:
        FailedError: one of them ended with another exit code than 0.
    """
    found = {one.name: Runs() for one in contenders}
    for number in range(rounds):
        for one in contenders:
            if number < (one.rounds or rounds):
                one.before()
                busy, began = _busy_seconds(), time.perf_counter()
                told = run_once(one.words, one.environ)
                room = (time.perf_counter() - began) * (os.cpu_count() or 1)
                found[one.name].told.append(told)
                found[one.name].others.append(max(0.0, (_busy_seconds() - busy - told.cpu) / room))
    return found


def run_once(words: Sequence[str], environ: Mapping[str, str]) -> Told:
    """Run a command to its end; raises as `race`."""
    with tempfile.TemporaryDirectory() as folder:
        facts, complaints = Path(folder) / "facts", Path(folder) / "complaints"
        with complaints.open("wb") as errors:
            launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(facts), *words]
            _to_its_end(launcher, environ, errors)
        found = json.loads(facts.read_text())
        if found.pop("code"):
            raise FailedError(f"{' '.join(words)[:300]}:\n{complaints.read_text(errors='replace')[-2000:]}")
    return Told(**found)


def _to_its_end(launcher: Sequence[str], environ: Mapping[str, str], errors: BinaryIO) -> None:
    """Run a launcher; if we are stopped meanwhile, what it has started is stopped, too."""
    process = subprocess.Popen(
        launcher, env=dict(environ), stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
    )
    try:
        process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _busy_seconds() -> float:
    """Return how many processor seconds this machine has worked so far; 0 where nobody tells."""
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _wait, *rest = (int(one) for one in first)
    return (user + nice + system + sum(rest[:3])) / os.sysconf("SC_CLK_TCK")
