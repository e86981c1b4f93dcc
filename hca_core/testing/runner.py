"""Runs the command `hca` inside the process of a test."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any

__all__ = ["Result", "run"]


@dataclass(frozen=True)
class Result:
    """A run of `hca` with these `words`: the exit code it ended with, and all that it wrote."""

    words: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The parsed stdout; if that is not JSON, an AssertionError that shows the whole run."""
        try:
            return json.loads(self.stdout)
        except ValueError:
            command = " ".join(("hca", *self.words))
            raise AssertionError(
                f"`{command}` ended with {self.code} and printed no JSON.\n"
                f"stdout:\n{self.stdout or '(nothing)'}\nstderr:\n{self.stderr or '(nothing)'}"
            ) from None


def run(*words: str, stdin: str | bytes | None = None) -> Result:
    """Run `hca WORDS…` as a shell would, but in this process, and return how it ended.

    With `--debug` among the words, an exception that nobody expected is raised instead of being told to the user.
    """
    from click.testing import CliRunner

    from hca_core.cli.root import hca

    # click 8.1 mixes the two outputs unless told not to; later versions know no such option.
    apart: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
    with _logging_as_before():
        ended = CliRunner(**apart).invoke(hca, words, input=stdin, catch_exceptions=False)
    return Result(words, ended.exit_code, ended.stdout, ended.stderr)


@contextmanager
def _logging_as_before() -> Iterator[None]:
    # hca replaces the handlers of the root logger with one that writes to a stream of this run.
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
