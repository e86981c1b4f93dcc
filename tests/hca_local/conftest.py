"""A root of its own for each test, and stacks that run as real processes and are gone when the test ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hca_local import control
from hca_local.root import Root, open_root
from hca_local.state import SERVICES, State, is_held, read_state

PORTS = {service: 8000 + place for place, service in enumerate(SERVICES)}

SCRIPT = Path(__file__).parent / "stack_script.py"


@dataclass
class Stack:
    """A root whose stack serves trivial applications."""

    root: Root

    def command(self, behaviour: str = "works") -> list[str]:
        return [sys.executable, str(SCRIPT), behaviour]

    def start(self, port: int | None = None, *, behaviour: str = "works") -> tuple[State, bool]:
        return control.start(self.root, port, command=self.command(behaviour))

    def kill(self) -> int:
        """Kill the process without a chance to tidy up."""
        state = read_state(self.root)
        assert state is not None
        os.kill(state.pid, signal.SIGKILL)
        while is_held(self.root):
            pass
        return state.pid


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return open_root(tmp_path / "root")


@pytest.fixture
def stack(root: Root) -> Iterator[Stack]:
    stack = Stack(root)
    yield stack
    if root.path.exists() and is_held(root):
        stack.kill()
