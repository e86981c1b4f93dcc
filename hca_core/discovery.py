"""Finds the installed plugins quickly, by reading the entry points of distributions ourselves.

`importlib.metadata` would do, but importing it takes longer than everything else that `hca --help` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["GROUP", "EntryPoint", "find"]

GROUP = "hca"


@dataclass(frozen=True)
class EntryPoint:
    """A plugin as its distribution announces it: `target` is a module name."""

    name: str
    target: str
    distribution: str
    version: str

    @property
    def package(self) -> str:
        """The top-level package, for example `hca_dss`."""
        return self.target.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


def find(folders: Iterable[str], remembered: dict[str, Any]) -> list[EntryPoint]:
    """Return the entry points of group `hca` in `folders` (usually `sys.path`), in order of name and distribution.

    `remembered` maps a folder to what was found there and the folder's modification time; it is updated in place.
    Of a distribution found twice, the first counts, as for imports.
    """
    found: dict[tuple[str, str], EntryPoint] = {}
    for folder in dict.fromkeys(os.path.abspath(folder or ".") for folder in folders):
        for entry in _entries(folder, remembered):
            found.setdefault((entry.name, entry.distribution), entry)
    return [found[key] for key in sorted(found)]


def _entries(folder: str, remembered: dict[str, Any]) -> list[EntryPoint]:
    try:
        modified = os.stat(folder).st_mtime_ns
    except OSError:
        return []
    known = remembered.get(folder)
    if known and known["modified"] == modified:
        return [EntryPoint(**entry) for entry in known["entries"]]
    entries = [entry for name in _distributions(folder) for entry in _read(folder, name)]
    remembered[folder] = {"modified": modified, "entries": [asdict(entry) for entry in entries]}
    return entries


def _distributions(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info"))]
    except OSError:  # a zip file, or a folder we may not list
        return []


def _read(folder: str, metadata: str) -> Iterable[EntryPoint]:
    try:
        with open(os.path.join(folder, metadata, "entry_points.txt"), encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return
    name, _, version = metadata.rpartition(".")[0].partition("-")
    section = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]")
        elif section == GROUP and "=" in line and not line.startswith("#"):
            key, _, target = line.partition("=")
            module = target.split("[")[0].strip()
            yield EntryPoint(key.strip(), module, name.replace("_", "-"), version.partition("-py")[0])
