"""Events that are on their way to a replica, and the journals that they are joined to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dss_parts import versions

from hca_local.dss.journals import Journals

UUID = "11111111-2222-4333-8444-555555555555"


class Kept:
    """Journals of three events, at a time that can be set."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.journals = Journals(folder, new_version=versions(), now=lambda: self.now, size=3)

    def add(self, second: int, **arrivals: float) -> None:
        self.journals.add((UUID, version(second)), {"second": second}, arrivals)

    def listed(self, replica: str) -> list[list[str]]:
        """The versions in each journal that a replica has, whose bytes are what the journal says."""
        contents: dict[str, bytes] = {}
        found = self.journals.journals(
            replica, "", None, None, 10, lambda id, content: contents.update({id: content()})
        )
        assert [len(contents[one.id]) for one in found] == [sum(size for _, _, size in one.events) for one in found]
        return [[one for _, one, _ in journal.events] for journal in found]


def version(second: int) -> str:
    return f"2024-06-01T0000{second:02}.000000Z"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path)
    yield kept
    kept.journals.close()


def test_only_events_that_have_arrived_are_joined(kept: Kept) -> None:
    for second in (1, 2, 3, 4):
        kept.add(second, gcp=10.0 if second == 2 else 0)
    joint = [version(1), version(3), version(4)]
    assert kept.listed("gcp") == [joint]
    assert kept.listed("aws") == [[version(2)], joint]
    kept.now = 10
    assert kept.listed("gcp") == kept.listed("aws") == [[version(2)], joint]


def test_an_event_can_only_come_earlier(kept: Kept) -> None:
    kept.add(1, gcp=10.0)
    kept.journals.hasten((UUID, version(1)), {"aws": 20, "gcp": 5})
    kept.now = 5
    assert kept.listed("aws") == kept.listed("gcp") == [[version(1)]]
    assert kept.journals.document((UUID, version(1)), "gcp") == ({"second": 1}, True)
