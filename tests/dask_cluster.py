"""A Dask cluster of this machine: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

QUIET = ["--no-dashboard", "--host", "127.0.0.1"]


class Cluster:
    """Processes that are gone when the block ends; `workers` can be killed before."""

    def __init__(self, folder: Path, options: tuple[str, ...] = ()) -> None:
        self._folder, self._options = folder, options
        self.address = ""
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Cluster:
        file = self._folder / "scheduler.json"
        where = ["--port", "0", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(file)]
        self.scheduler = self._start("dask_scheduler", *where)
        self.address = json.loads(_when_written(file))["address"]
        for name in ("one", "two"):
            options = ["--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--local-directory", str(self._folder)]
            self.workers.append(self._start("dask_worker", self.address, "--name", name, *options))
        return self

    def __exit__(self, *exception: object) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _start(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", *words, *QUIET, *self._options]
        with (self._folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)


def _when_written(file: Path) -> str:
    latest = time.monotonic() + 60
    while not (file.exists() and file.read_text().endswith("}")):
        assert time.monotonic() < latest, "the scheduler does not start"
        time.sleep(0.05)
    return file.read_text()
