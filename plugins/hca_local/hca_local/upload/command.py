"""Runs the program that validates files."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

__all__ = ["LIMIT", "Outcome", "environment_problem", "run"]

LIMIT = 3600.0  # seconds
LONGEST_OUTPUT = 1024 * 1024  # bytes
TICK = 0.05  # seconds between two looks whether the program has ended

_LOADER = ("LD_", "DYLD_")  # variables that make a program load other code


@dataclass(frozen=True)
class Outcome:
    """How a validator ended: `status` is `completed`, `timed_out` or `aborted` (it could not be started)."""

    command: str
    status: str
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    duration_s: float = 0.0
    exception: str | None = None

    @property
    def is_fine(self) -> bool:
        """Whether the validator did its work."""
        return self.status == "completed" and self.exit_code == 0


def environment_problem(wanted: Mapping[str, str]) -> str | None:
    """Return what is wrong with variables that somebody wants for a validator; None if nothing is."""
    for name, value in wanted.items():
        if not name.isidentifier() or not name.isascii() or "\0" in value:
            return f"{name[:100]!r} cannot be an environment variable."
        if name.startswith(_LOADER):
            return f"{name[:100]!r} would change which code is run."
    return None


def run(
    command: Sequence[str],
    files: Sequence[Path],
    environment: Mapping[str, str],
    *,
    folder: Path,
    limit: float = LIMIT,
    go_on: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run `command` with `files` as further arguments, in `folder`, for at most `limit` seconds.

    `go_on` is called again and again; if it raises, the program is ended.
    """
    words = [*command, *map(str, files)]
    said = " ".join(command)
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(  # noqa: S603 - the owner of the stack chose it
                words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        except OSError as error:
            return Outcome(said, "aborted", exception=str(error))
        try:
            code = _wait(process, began + limit, go_on)
        finally:
            process.kill()
            process.wait()
        status = "timed_out" if code is None else "completed"
        return Outcome(said, status, code, _text(out), _text(err), round(time.monotonic() - began, 3))


def _wait(process: subprocess.Popen[bytes], deadline: float, go_on: Callable[[], None]) -> int | None:
    """The exit code; None if time is over."""
    while True:
        go_on()
        try:
            return process.wait(TICK)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                return None


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(LONGEST_OUTPUT).decode("utf-8", "replace")
