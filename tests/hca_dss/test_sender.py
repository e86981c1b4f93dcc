from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_dss import FakeDSS

from hca_core.transfer import content
from hca_dss.upload import upload

BUNDLE = "11111111-2222-4333-8444-555555555555"


class Watching:
    """A progress that remembers what it was told, by name."""

    def __init__(self) -> None:
        self.told: dict[str, list[object]] = {}

    def add(self, name: str, size: int | None) -> None:
        self.told[name] = [size]

    def advance(self, name: str, count: int) -> None:
        self.told[name].append(count)

    def done(self, name: str) -> None:
        self.told[name].append("done")

    def note(self, message: str) -> None: ...


def test_reading_a_large_file_again_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_LONG_READING", 1000)
    (tmp_path / "large").write_bytes(os.urandom(1000))
    (tmp_path / "small").write_bytes(b"x")
    with FakeDSS() as dss, dss.client() as client:
        for bundle_uuid, expected in (
            (None, {"large": [1000, 1000, "done"]}),
            (BUNDLE, {"large": [1000, 1000, "done"], "checksums of large": [1000, 1000, "done"]}),
        ):
            seen = Watching()
            upload(client, tmp_path, "aws", "stage", bundle_uuid=bundle_uuid, progress=seen, store=dss.store)
            assert seen.told == {"small": [1, 1, "done"], **expected}
