"""Finds the installed plugins quickly, by reading the entry points of distributions ourselves.

`importlib.metadata` would do, but importing it takes longer than everything else that `hca --help` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

__all__ = ["GROUP", "EntryPoint", "find", "leftover"]

GROUP = "hca"


class EntryPoint(NamedTuple):
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
    for facts in _look_into(folders, remembered):
        for fields in facts["entries"]:
            entry = EntryPoint(**fields)
            found.setdefault((entry.name, entry.distribution), entry)
    return [found[key] for key in sorted(found)]


def leftover(folders: Iterable[str], remembered: dict[str, Any]) -> str | None:
    """Return the version of the retired distribution `hca` if it is installed beside ours: both own `hca/`."""
    return next((facts["old"] for facts in _look_into(folders, remembered) if facts["old"]), None)


def _look_into(folders: Iterable[str], remembered: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what is known of each folder; one that has not changed since it was last listed is not listed again."""
    for folder in dict.fromkeys(os.path.abspath(folder or ".") for folder in folders):
        try:
            modified = os.stat(folder).st_mtime_ns
        except OSError:
            continue
        known = remembered.get(folder)
        if known is None or known["modified"] != modified:
            names = _distributions(folder)
            known = remembered[folder] = {
                "modified": modified,
                "entries": [entry._asdict() for name in names for entry in _read(folder, name)],
                "old": next((_identity(name)[1] for name in names if _identity(name)[0] == "hca"), None),
            }
        yield known


def _identity(metadata: str) -> tuple[str, str]:
    """Return the name and version of a distribution from the name of its metadata folder."""
    name, _, version = metadata.rpartition(".")[0].partition("-")
    return name.replace("_", "-"), version.partition("-py")[0]


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
    distribution, version = _identity(metadata)
    section = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]")
        elif section == GROUP and "=" in line and not line.startswith("#"):
            key, _, target = line.partition("=")
            module = target.split("[")[0].strip()
            yield EntryPoint(key.strip(), module, distribution, version)
