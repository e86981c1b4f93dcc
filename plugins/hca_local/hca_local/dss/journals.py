"""Where events are kept: single documents, and the journals in which they can be read in order."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hca_core.paths import private_dir
from hca_local.database import Database

__all__ = ["JOURNAL_SIZE", "Arrivals", "Journal", "Journals", "Key"]

JOURNAL_SIZE = 100  # events

# An event without journal is that of a bundle which was deleted since. A tombstone without version is for all versions.
# Journals are listed by `place`, that of their last event when they were made: a reader who walks through the list
# finds everything, even if journals are joined or lose events meanwhile.
_MIGRATIONS = (
    """
    CREATE TABLE journals (
        id TEXT PRIMARY KEY, version TEXT NOT NULL, place TEXT NOT NULL UNIQUE,
        from_date TEXT NOT NULL, to_date TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE events (
        uuid TEXT NOT NULL, version TEXT NOT NULL, document BLOB NOT NULL, journal TEXT,
        PRIMARY KEY (uuid, version)
    );
    CREATE INDEX contents ON events (journal, version, uuid);
    CREATE TABLE tombstones (
        uuid TEXT NOT NULL, version TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (uuid, version)
    ) WITHOUT ROWID;
    """,
    # From when on (unix seconds) each replica has it.
    """
    ALTER TABLE journals ADD COLUMN aws_from REAL NOT NULL DEFAULT 0;
    ALTER TABLE journals ADD COLUMN gcp_from REAL NOT NULL DEFAULT 0;
    ALTER TABLE events ADD COLUMN aws_from REAL NOT NULL DEFAULT 0;
    ALTER TABLE events ADD COLUMN gcp_from REAL NOT NULL DEFAULT 0;
    """,
)
_NEW = "new"  # the version of a journal that was never changed
_ARRIVED = {"aws": "aws_from <= :now", "gcp": "gcp_from <= :now"}
_SINGLE = f"version = '{_NEW}' AND {_ARRIVED['aws']} AND {_ARRIVED['gcp']}"

Arrivals = Mapping[str, float]  # from when on each replica has something, in unix seconds
Document = dict[str, Any]
Key = tuple[str, str]  # uuid, version
Save = Callable[[str, Callable[[], bytes]], object]


@dataclass(frozen=True)
class Journal:
    """Some events that can be read together; `place` orders journals, `events` are (uuid, version, size in bytes)."""

    id: str
    version: str
    place: str
    from_date: str
    to_date: str
    events: tuple[tuple[str, str, int], ...]

    @property
    def name(self) -> str:
        """What readers know it by."""
        return f"{self.from_date}--{self.to_date}--{self.version}--{self.id}"


class Journals:
    """Events in a file in `root`; `size` single ones are joined to one journal.

    `new_version` tells the service's own time as a version, `now` in unix seconds.
    """

    def __init__(
        self, root: Path, *, new_version: Callable[[], str], now: Callable[[], float], size: int = JOURNAL_SIZE
    ) -> None:
        self._database = Database(private_dir(root) / "events.sqlite", _MIGRATIONS)
        self._new_version = new_version
        self._now = now
        self._size = size

    def close(self) -> None:
        """Close the file; nothing may be asked afterwards."""
        self._database.close()

    # ── writing ──

    def add(self, key: Key, document: Document, arrivals: Arrivals) -> None:
        """Keep an event, in a journal of its own until there are enough of these."""
        times = arrivals.get("aws", 0), arrivals.get("gcp", 0)
        journal, place = _new_id(), "--".join(reversed(key))
        with self._database.write() as db:
            event = *key, json.dumps(document).encode(), journal, *times
            db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", event)
            single = journal, _NEW, place, key[1], key[1], *times
            db.execute("INSERT INTO journals VALUES (?, ?, ?, ?, ?, ?, ?)", single)
            self._join(db)

    def hasten(self, key: Key, arrivals: Arrivals) -> None:
        """Let an event that is known already arrive at these times, if that is earlier."""
        with self._database.write() as db:
            for replica, time in arrivals.items():
                change = f"SET {replica}_from = :time WHERE {replica}_from > :time"
                values = {"time": time, "uuid": key[0], "version": key[1]}
                events = "FROM events WHERE uuid = :uuid AND version = :version"
                db.execute(f"UPDATE journals {change} AND id = (SELECT journal {events})", values)
                db.execute(f"UPDATE events {change} AND uuid = :uuid AND version = :version", values)

    def bury(self, uuid: str, version: str | None, tombstone: Mapping[str, Any]) -> None:
        """Keep the tombstone of a version or of all, and take the events out of their journals."""
        with self._database.write() as db:
            row = (uuid, version or "", json.dumps(dict(tombstone)))
            db.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?)", row)
            for one, journal in _living(db, uuid, version):
                db.execute("UPDATE events SET journal = NULL WHERE uuid = ? AND version = ?", (uuid, one))
                self._rewrite(db, journal)

    def _join(self, db: sqlite3.Connection) -> None:
        """Make one journal of those with single events that all have, once there are enough."""
        now = {"now": self._now()}
        single = [row[0] for row in db.execute(f"SELECT id FROM journals WHERE {_SINGLE}", now)]  # noqa: S608
        if len(single) < max(self._size, 2):
            return
        dates = "max(place), min(from_date), max(to_date)"
        [row] = db.execute(f"SELECT {dates} FROM journals WHERE {_SINGLE}", now).fetchall()  # noqa: S608
        joint = _new_id()
        db.execute(f"DELETE FROM journals WHERE {_SINGLE}", now)  # noqa: S608
        db.execute("INSERT INTO journals VALUES (?, ?, ?, ?, ?, 0, 0)", (joint, self._new_version(), *row))
        db.executemany("UPDATE events SET journal = ? WHERE journal = ?", [(joint, one) for one in single])

    def _rewrite(self, db: sqlite3.Connection, journal: str) -> None:
        """Give a journal that has lost an event another id, or remove it if that was the last one."""
        [dates] = db.execute("SELECT min(version), max(version) FROM events WHERE journal = ?", (journal,)).fetchall()
        if dates[0] is None:
            db.execute("DELETE FROM journals WHERE id = ?", (journal,))
            return
        changed = _new_id()
        db.execute(
            "UPDATE journals SET id = ?, version = ?, from_date = ?, to_date = ? WHERE id = ?",
            (changed, self._new_version(), *dates, journal),
        )
        db.execute("UPDATE events SET journal = ? WHERE journal = ?", (changed, journal))

    # ── reading ──

    def knows(self, key: Key) -> bool:
        """Return whether there is, or was, an event of this version of a bundle."""
        with self._database.read() as db:
            return db.execute("SELECT 1 FROM events WHERE uuid = ? AND version = ?", key).fetchone() is not None

    def keys(self) -> set[Key]:
        """Return all versions of bundles of which there is, or was, an event."""
        with self._database.read() as db:
            return set(db.execute("SELECT uuid, version FROM events"))

    def tombstones(self) -> set[Key]:
        """Return the versions of bundles that were deleted; an empty version means all."""
        with self._database.read() as db:
            return set(db.execute("SELECT uuid, version FROM tombstones"))

    def tombstone(self, key: Key) -> Document | None:
        """Return what is known about the deletion of a version of a bundle."""
        query = "SELECT document FROM tombstones WHERE uuid = ? AND version IN ('', ?) ORDER BY version DESC"
        with self._database.read() as db:
            row = db.execute(query, key).fetchone()
        return None if row is None else json.loads(row[0])

    def living(self, uuid: str, version: str | None) -> list[str]:
        """Return the versions of a bundle whose events are in journals; only the given one, or all."""
        with self._database.read() as db:
            return [one for one, _ in _living(db, uuid, version)]

    def document(self, key: Key, replica: str) -> tuple[Document, bool] | None:
        """Return the document of an event that a replica has, and whether the bundle lives."""
        query = (
            f"SELECT document, journal FROM events WHERE uuid = :uuid AND version = :version AND {_ARRIVED[replica]}"  # noqa: S608
        )
        with self._database.read() as db:
            row = db.execute(query, {"uuid": key[0], "version": key[1], "now": self._now()}).fetchone()
        return None if row is None else (json.loads(row[0]), row[1] is not None)

    def journals(
        self, replica: str, place: str, begin: str | None, end: str | None, limit: int, save: Save
    ) -> list[Journal]:
        """Return the first journals from `place` on that a replica has and that overlap a span of time.

        `save` is told the id of each, and how to get its bytes, which must be done before it returns.
        """
        query = (
            "SELECT id, version, place, from_date, to_date FROM journals WHERE place >= :place"  # noqa: S608
            " AND to_date >= :begin AND (:end IS NULL OR from_date < :end)"
            f" AND {_ARRIVED[replica]} ORDER BY place LIMIT :limit"
        )
        values = {"place": place, "begin": begin or "", "end": end, "limit": limit, "now": self._now()}
        with self._database.read() as db:
            rows = db.execute(query, values).fetchall()
            found = [
                Journal(id, version, place, first, last, _contents(db, id)) for id, version, place, first, last in rows
            ]
            for journal in found:
                save(journal.id, partial(_bytes, db, journal.id))
        return found

    def ids(self) -> set[str]:
        """Return the ids of all journals."""
        with self._database.read() as db:
            return {row[0] for row in db.execute("SELECT id FROM journals")}


def _contents(db: sqlite3.Connection, journal: str) -> tuple[tuple[str, str, int], ...]:
    query = "SELECT uuid, version, length(document) FROM events WHERE journal = ? ORDER BY version, uuid"
    return tuple(db.execute(query, (journal,)))


def _bytes(db: sqlite3.Connection, journal: str) -> bytes:
    rows = db.execute("SELECT document FROM events WHERE journal = ? ORDER BY version, uuid", (journal,))
    return b"".join(row[0] for row in rows)


def _living(db: sqlite3.Connection, uuid: str, version: str | None) -> list[Key]:
    """The versions whose events are in journals, with the ids of these; only the given one, or all."""
    return db.execute(
        "SELECT version, journal FROM events WHERE uuid = ? AND (? IS NULL OR version = ?) AND journal IS NOT NULL"
        " ORDER BY version",
        (uuid, version, version),
    ).fetchall()


def _new_id() -> str:
    return str(uuid.uuid4())
