"""Upload areas: which there are, and in which state."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from hca_local.database import Database
from hca_local.upload.errors import no_area, not_writable

__all__ = ["DELETED", "DELETING", "DELETION_QUEUED", "UNLOCKED", "Area", "Areas", "check_writable"]

UNLOCKED, DELETION_QUEUED, DELETING, DELETED = "UNLOCKED", "DELETION_QUEUED", "DELETING", "DELETED"


@dataclass(frozen=True)
class Area:
    """An upload area; `created` is in unix seconds."""

    uuid: str
    status: str
    created: float


class Areas:
    """All areas there ever were; `now` tells unix seconds."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def all(self) -> list[Area]:
        """Return the areas that exist, the oldest first."""
        with self._database.read() as db:
            query = "SELECT uuid, status, created FROM areas WHERE status != ? ORDER BY created, uuid"
            return [Area(*row) for row in db.execute(query, (DELETED,))]

    def status(self, uuid: str) -> str | None:
        """Return the state of an area, also of one that does not exist any more; None if it never did."""
        with self._database.read() as db:
            return area_status(db, uuid)

    def need(self, uuid: str) -> None:
        """Raise a Problem unless the area exists."""
        if self.status(uuid) in (None, DELETED):
            raise no_area(uuid)

    def need_writable(self, uuid: str) -> None:
        """Raise a Problem unless files can be put into the area."""
        with self._database.read() as db:
            check_writable(db, uuid)

    def add(self, uuid: str) -> None:
        """Make an area that did not exist until now."""
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO areas VALUES (?, ?, ?)", (uuid, UNLOCKED, self._now()))

    def set_status(self, uuid: str, status: str) -> None:
        """Record a new state; with it the access keys end, and with DELETED all that is known about the files."""
        with self._database.write() as db:
            db.execute("UPDATE areas SET status = ? WHERE uuid = ?", (status, uuid))
            db.execute("DELETE FROM keys WHERE area = ?", (uuid,))
            if status == DELETED:
                db.execute("DELETE FROM files WHERE area = ?", (uuid,))
                db.execute("DELETE FROM validations WHERE area = ?", (uuid,))


def area_status(db: sqlite3.Connection, uuid: str) -> str | None:
    """Return the state of an area, None if there never was one."""
    row = db.execute("SELECT status FROM areas WHERE uuid = ?", (uuid,)).fetchone()
    return None if row is None else str(row[0])


def check_writable(db: sqlite3.Connection, uuid: str) -> None:
    """Raise a Problem unless files can be put into the area."""
    status = area_status(db, uuid)
    if status in (None, DELETED):
        raise no_area(uuid)
    if status != UNLOCKED:
        raise not_writable(uuid, str(status))
