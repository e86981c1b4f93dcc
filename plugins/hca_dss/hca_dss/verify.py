"""Compares downloaded files with the manifest that lists them; no network is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from hca_core.errors import HcaError, TransferError
from hca_core.transfer.digest import sha256_of
from hca_core.transfer.pool import each
from hca_dss.bundles import BundleName
from hca_dss.filestore import Filestore
from hca_dss.rows import PATH, Manifest
from hca_dss.table import Record

State = Literal["ok", "missing", "corrupt", "invalid"]


@dataclass(frozen=True)
class Finding:
    """What a row of the manifest (at `line`) is about, and in which state it was found; `reason` if that is bad."""

    line: int
    name: str
    path: str
    state: State
    size: int = 0
    reason: str = ""

    def as_record(self) -> dict[str, Any]:
        """Return the finding as JSON data."""
        return {"line": self.line, "name": self.name, "path": self.path, "reason": self.reason}


@dataclass
class Verification:
    """The sum of many findings; only the bad ones are kept. `checked_bytes` is the size of the good ones."""

    ok: int = 0
    checked_bytes: int = 0
    bad: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Count one more row."""
        if finding.state == "ok":
            self.ok += 1
            self.checked_bytes += finding.size
        else:
            self.bad.append(finding)

    def as_record(self) -> dict[str, Any]:
        """Return the result as JSON data: the number of good rows, and lists of the others by their lines."""
        ordered = sorted(self.bad, key=lambda finding: finding.line)
        lists = {
            state: [finding.as_record() for finding in ordered if finding.state == state]
            for state in ("missing", "corrupt", "invalid")
        }
        return {"rows": self.ok + len(ordered), "ok": self.ok, "checked_bytes": self.checked_bytes, **lists}

    def raise_for_bad(self) -> None:
        """Raise a TransferError if not everything is as it should be."""
        if self.bad:
            raise TransferError(
                f"{len(self.bad)} of {self.ok + len(self.bad)} files are missing or not as the manifest says.",
                report=self,
                hint="`hca dss download-manifest --existing verify` fetches them again; what was changed in the folder "
                "of a bundle is only replaced by `--existing overwrite`.",
            )


def verify(
    manifest: str | os.PathLike[str], download_dir: str | os.PathLike[str] | None = None, *, jobs: int | None = None
) -> Verification:
    """Read every file that a manifest lists, and tell which are missing or damaged.

    A file is looked for in the store of `download_dir` (by default the manifest's own folder), then where the
    manifest's column `file_path` says. If it is also in the folder of its bundle, and is another file there, that is
    read, too. Every row is checked, also if several have the same content. `jobs` files are read at a time, by default
    as many as there are processors.

    Raises:
        ArgumentError: the manifest cannot be read or lacks a column.
    """
    listed = Manifest(Path(manifest))
    store = Filestore(listed.path.parent if download_dir is None else Path(download_dir))
    found = Verification()
    for finding in each(listed.records(), partial(_check, listed, store), jobs=jobs or os.cpu_count() or 1):
        found.add(finding)
    return found


def _check(listed: Manifest, store: Filestore, record: Record) -> Finding:
    try:
        entry = listed.entry(record, "")
        file = entry.file
        paths = list(_candidates(listed, store, record, file.sha256))
    except HcaError as error:
        return Finding(record.line, listed.cell(record, "file_name")[:255], "", "invalid", reason=error.message)
    path = next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113 - it takes any text
    if path is None:
        return Finding(record.line, file.name, str(paths[0]), "missing", reason="There is no such file.")
    shown = store.root / BundleName(entry.bundle_uuid, entry.bundle_version).folder / file.name
    for place in (path, shown) if _is_another(shown, path) else (path,):
        if reason := _damage(place, file.size, file.sha256):
            return Finding(record.line, file.name, str(place), "corrupt", file.size, reason)
    return Finding(record.line, file.name, str(path), "ok", file.size)


def _candidates(listed: Manifest, store: Filestore, record: Record, sha256: str) -> Iterator[Path]:
    yield store.path(sha256)
    told = listed.cell(record, PATH)
    if told:
        yield Path(told)


def _is_another(shown: Path, stored: Path) -> bool:
    try:
        return not shown.samefile(stored)
    except OSError:
        return False


def _damage(path: Path, size: int, sha256: str) -> str:
    """Return what is wrong with a file, or nothing."""
    try:
        actual = path.stat().st_size
        if actual != size:
            return f"It has {actual} bytes instead of {size}."
        found = sha256_of(path)
    except OSError as error:
        return f"It cannot be read: {error.strerror}."
    return "" if found == sha256 else f"Its SHA-256 is {found}."
