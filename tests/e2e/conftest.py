"""A local stack of its own for a test, and the real `hca` command to use it with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Stack:
    """A local stack in a folder of its own; `environ` is what a shell has after `eval "$(hca local env)"`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {**os.environ, "HCA_LOCAL_ROOT": str(root)}
        self.facts: dict[str, Any] = {}

    def up(self) -> None:
        self.facts = json.loads(self.hca("local", "up").stdout)
        for line in self.hca("local", "env").stdout.splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.environ[name] = value.strip("'")

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start `hca` and return the process; its output is captured."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([sys.executable, "-m", "hca_core", *words], env=self.environ, text=True, **pipes)

    def hca(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `hca` to its end, which must be exit code `code`."""
        process = self.start(*words)
        out, err = process.communicate(timeout=100)
        assert process.returncode == code, f"hca {' '.join(words)} ended with {process.returncode}:\n{out}\n{err}"
        return subprocess.CompletedProcess(words, code, out, err)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A running stack, stopped at the end of the test."""
    made = Stack(tmp_path / "stack")
    made.up()
    yield made
    made.hca("local", "down")
