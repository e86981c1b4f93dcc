"""What the service knows about files: which version it was told of, and how far its checksums are."""

from __future__ import annotations

import json
import sqlite3
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from hca_core.transfer.digest import Checksums
from hca_local.database import Database
from hca_local.s3.store import ObjectInfo
from hca_local.upload.areas import check_writable
from hca_local.upload.names import file_url

__all__ = ["ABORTED", "CHECKSUMMED", "CHECKSUMMING", "FAILED", "UNSCHEDULED", "File", "Files", "describe"]

UNSCHEDULED, CHECKSUMMING, CHECKSUMMED = "UNSCHEDULED", "CHECKSUMMING", "CHECKSUMMED"
ABORTED, FAILED = "ABORTED", "FAILED"


@dataclass(frozen=True)
class File:
    """A version of a file that the service was told of. `event` names the computing of its checksums."""

    area: str
    name: str
    event: str
    etag: str
    status: str
    checksums: Checksums | None


class Files:
    """The newest version of each file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, area: str, name: str, etag: str, status: str) -> File:
        """Return what is known about a version of a file; one that is new, or has failed, begins with `status`.

        Raises:
            Problem: there is no such area, or it is not writable.
        """
        with self._database.write() as db:
            check_writable(db, area)
            found = _find(db, area, name)
            if found is None or found.etag != etag or found.status in (ABORTED, FAILED):
                found = File(area, name, str(uuid.uuid4()), etag, status, None)
                _put(db, found)
        return found

    def put(self, area: str, name: str, etag: str, checksums: Checksums) -> None:
        """Note a version whose checksums are known; raises as `note`."""
        with self._database.write() as db:
            check_writable(db, area)
            _put(db, File(area, name, str(uuid.uuid4()), etag, CHECKSUMMED, checksums))

    def find(self, area: str, name: str) -> File | None:
        """Return the newest version that the service was told of."""
        with self._database.read() as db:
            return _find(db, area, name)

    def by_event(self, area: str, event: str) -> File | None:
        """Return the version whose checksums are computed under this name."""
        with self._database.read() as db:
            row = db.execute("SELECT * FROM files WHERE area = ? AND event = ?", (area, event)).fetchone()
        return None if row is None else _file(row)

    def update(self, event: str, status: str, checksums: Checksums | None = None) -> None:
        """Record how far the checksums of a version are; nothing happens if there is a newer one."""
        with self._database.write() as db:
            db.execute(
                "UPDATE files SET status = ?, checksums = ? WHERE event = ?",
                (status, None if checksums is None else json.dumps(asdict(checksums)), event),
            )

    def counts(self, area: str) -> dict[str, int]:
        """Return the number of files in each state."""
        with self._database.read() as db:
            return dict(db.execute("SELECT status, count(*) FROM files WHERE area = ? GROUP BY status", (area,)))


def describe(area: str, name: str, info: ObjectInfo, known: File | None) -> dict[str, Any]:
    """Return what the API tells about a file; the checksums only if they are those of this very object."""
    checksums = known.checksums if known and known.etag == info.etag else None
    return {
        "upload_area_id": area,
        "name": name,
        "size": info.size,
        "content_type": info.content_type,
        "url": file_url(info.bucket, area, name),
        "checksums": checksums and asdict(checksums),
        "last_modified": datetime.fromtimestamp(info.modified, timezone.utc).isoformat(timespec="seconds"),
    }


def _find(db: sqlite3.Connection, area: str, name: str) -> File | None:
    row = db.execute("SELECT * FROM files WHERE area = ? AND name = ?", (area, name)).fetchone()
    return None if row is None else _file(row)


def _file(row: tuple[Any, ...]) -> File:
    area, name, event, etag, status, checksums = row
    return File(area, name, event, etag, status, Checksums(**json.loads(checksums)) if checksums else None)


def _put(db: sqlite3.Connection, file: File) -> None:
    sums = None if file.checksums is None else json.dumps(asdict(file.checksums))
    db.execute(
        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)",
        (file.area, file.name, file.event, file.etag, file.status, sums),
    )
