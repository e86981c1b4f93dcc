"""A commons with the project 12L of the program demo, which has one experiment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_commons import FakeCommons
from gen3_dictionary import experiment


@pytest.fixture
def commons(home: Path) -> Iterator[FakeCommons]:
    """A commons whose API key is where `hca gen3` looks for it."""
    with FakeCommons() as server:
        server.add_project("demo", "12L")
        server.put("demo-12L", experiment())
        server.save_key(home / ".gen3" / "credentials.json")
        yield server
