"""What the DSS knows, in one SQLite file; whatever was written is on the disk when a method returns."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hca_core.paths import private_dir
from hca_core.transfer.digest import Checksums
from hca_local.database import Database
from hca_local.dss.model import REPLICAS, Bundle, Entry, File

__all__ = ["Key", "Records"]

# The tombstone of all versions of a bundle has an empty version.
_MIGRATIONS = (
    """
    CREATE TABLE files (
        uuid TEXT NOT NULL, version TEXT NOT NULL, creator_uid INTEGER NOT NULL, content_type TEXT NOT NULL,
        size INTEGER NOT NULL, crc32c TEXT NOT NULL, s3_etag TEXT NOT NULL, sha1 TEXT NOT NULL, sha256 TEXT NOT NULL,
        PRIMARY KEY (uuid, version)
    ) WITHOUT ROWID;
    CREATE TABLE bundles (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, version TEXT NOT NULL, creator_uid INTEGER NOT NULL,
        size INTEGER NOT NULL, document TEXT NOT NULL,
        UNIQUE (uuid, version)
    );
    CREATE TABLE entries (
        bundle INTEGER NOT NULL REFERENCES bundles (id), position INTEGER NOT NULL, name TEXT NOT NULL,
        indexed INTEGER NOT NULL, uuid TEXT NOT NULL, version TEXT NOT NULL,
        PRIMARY KEY (bundle, position),
        FOREIGN KEY (uuid, version) REFERENCES files (uuid, version)
    ) WITHOUT ROWID;
    CREATE TABLE tombstones (
        uuid TEXT NOT NULL, version TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (uuid, version)
    ) WITHOUT ROWID;
    """,
    # From when on (unix seconds) each replica has it.
    """
    ALTER TABLE files ADD COLUMN aws_from REAL NOT NULL DEFAULT 0;
    ALTER TABLE files ADD COLUMN gcp_from REAL NOT NULL DEFAULT 0;
    ALTER TABLE bundles ADD COLUMN aws_from REAL NOT NULL DEFAULT 0;
    ALTER TABLE bundles ADD COLUMN gcp_from REAL NOT NULL DEFAULT 0;
    ALTER TABLE tombstones ADD COLUMN aws_from REAL NOT NULL DEFAULT 0;
    ALTER TABLE tombstones ADD COLUMN gcp_from REAL NOT NULL DEFAULT 0;
    CREATE INDEX bundles_aws_from ON bundles (aws_from);
    CREATE INDEX bundles_gcp_from ON bundles (gcp_from);
    """,
)

_FILE = (
    "files.uuid, files.version, files.creator_uid, files.content_type, files.size,"
    " files.crc32c, files.s3_etag, files.sha1, files.sha256"
)
_HERE = {
    None: "min({table}.aws_from, {table}.gcp_from) <= :now",
    "aws": "{table}.aws_from <= :now",
    "gcp": "{table}.gcp_from <= :now",
}

Key = tuple[str, str]  # uuid, version


class Records:
    """Files, bundles and tombstones of both replicas; for any number of threads.

    What is put into one replica is in the other `replication_seconds` later, a bundle not before its files. Methods
    without `replica` mean both: what is in any is found, what is put is in both at once. `now` tells unix seconds.
    """

    def __init__(self, root: Path, *, replication_seconds: float = 0, now: Callable[[], float] = time.time) -> None:
        self._database = Database(private_dir(root) / "dss.sqlite", _MIGRATIONS)
        self._delay = replication_seconds
        self._now = now

    def close(self) -> None:
        """Close the file; nothing may be asked afterwards."""
        self._database.close()

    # ── files ──

    def put_file(self, file: File, replica: str | None = None) -> tuple[File, bool]:
        """Return the file that now has this uuid and version, and whether it is the one given."""
        with self._database.write() as db:
            sums = file.checksums
            values = (file.uuid, file.version, file.creator_uid, file.content_type, file.size,
                      sums.crc32c, sums.s3_etag, sums.sha1, sums.sha256, *self._arrivals(replica))  # fmt: skip
            query = "INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            added = db.execute(query, values).rowcount
            stored = self._find_file(db, file.uuid, file.version, None)
            if stored == file:
                _arrive(db, "files", file.uuid, file.version, replica)
        assert stored is not None
        return stored, added == 1

    def file(self, uuid: str, version: str | None, *, replica: str | None = None) -> File | None:
        """Return a file in the given or its newest version."""
        with self._database.read() as db:
            return self._find_file(db, uuid, version, replica)

    def files(self, keys: Iterable[Key], *, replica: str | None = None) -> dict[Key, File]:
        """Return those of the files that exist."""
        query = (
            f"SELECT {_FILE} FROM json_each(:wanted) AS wanted CROSS JOIN files"  # noqa: S608 - our own text
            " ON files.uuid = json_extract(wanted.value, '$[0]') AND files.version = json_extract(wanted.value, '$[1]')"
            f" WHERE {_here('files', replica)}"
        )
        with self._database.read() as db:
            rows = db.execute(query, {"wanted": json.dumps(list(set(keys))), "now": self._now()})
            return {(row[0], row[1]): _file(row) for row in rows}

    # ── bundles ──

    def put_bundle(self, bundle: Bundle, document: str, replica: str | None = None) -> tuple[Bundle, bool]:
        """Return the bundle that now has this uuid and version, and whether it is the one given.

        `document` is what is searched for it.
        """
        with self._database.write() as db:
            values = bundle.uuid, bundle.version, bundle.creator_uid, len(bundle.entries), document
            cursor = db.execute(
                "INSERT OR IGNORE INTO bundles (uuid, version, creator_uid, size, document, aws_from, gcp_from)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*values, *self._arrivals(replica)),
            )
            if not cursor.rowcount:
                stored = _whole(db, bundle.uuid, bundle.version)
                if stored == bundle:
                    _arrive(db, "bundles", bundle.uuid, bundle.version, replica)
                return stored, False
            db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", _rows(cursor.lastrowid, bundle.entries))
            _wait_for_files(db, cursor.lastrowid)
        return bundle, True

    def bundle(
        self, uuid: str, version: str | None, *, start: int = 0, limit: int = -1, replica: str | None = None
    ) -> tuple[Bundle, int] | None:
        """Return a bundle in the given or its newest living version, and how many entries it has in all.

        It comes with up to `limit` entries from `start` on.
        """
        with self._database.read() as db:
            row = db.execute(
                "SELECT id, uuid, version, creator_uid, size FROM bundles"  # noqa: S608 - our own text
                f" WHERE uuid = :uuid AND (:version IS NULL OR version = :version) AND {_living(replica)}"
                " ORDER BY version DESC LIMIT 1",
                {"uuid": uuid, "version": version, "now": self._now()},
            ).fetchone()
            if row is None:
                return None
            return Bundle(row[1], row[2], row[3], _entries(db, row[0], min(start, row[4]), limit)), row[4]

    def living(self, prefix: str, after: Key, limit: int, *, replica: str | None = None) -> list[Key]:
        """Return the first `limit` living versions behind `after` whose uuid begins with `prefix`, in order."""
        values = {"prefix": prefix, "end": prefix + "\x7f", "uuid": after[0], "version": after[1], "limit": limit}
        with self._database.read() as db:
            return db.execute(
                "SELECT uuid, version FROM bundles WHERE (uuid, version) > (:uuid, :version)"  # noqa: S608 - our own text
                f" AND uuid >= :prefix AND uuid < :end AND {_living(replica)} ORDER BY uuid, version LIMIT :limit",
                {**values, "now": self._now()},
            ).fetchall()

    def put_tombstone(
        self, uuid: str, version: str | None, document: Mapping[str, Any], replica: str | None = None
    ) -> dict[str, Any] | None:
        """Return the tombstone that a bundle, or one version of it, now has; None if there is no such bundle."""
        with self._database.write() as db:
            query = (
                "SELECT 1 FROM bundles WHERE uuid = :uuid AND (:version IS NULL OR version = :version)"  # noqa: S608
                f" AND {_here('bundles', replica)} LIMIT 1"
            )
            if db.execute(query, {"uuid": uuid, "version": version, "now": self._now()}).fetchone() is None:
                return None
            key = (uuid, version or "")
            values = (*key, json.dumps(document), *self._arrivals(replica))
            db.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?, ?, ?)", values)
            query = "SELECT document FROM tombstones WHERE (uuid, version) = (?, ?)"
            stored: dict[str, Any] = json.loads(db.execute(query, key).fetchone()[0])
            if stored == document:
                _arrive(db, "tombstones", *key, replica)
            return stored

    def keys(self) -> set[Key]:
        """Return all versions of bundles, dead or alive."""
        with self._database.read() as db:
            return set(db.execute("SELECT uuid, version FROM bundles"))

    def tombstones(self) -> dict[Key, dict[str, Any]]:
        """Return all tombstones; those of all versions of a bundle have an empty version."""
        with self._database.read() as db:
            rows = db.execute("SELECT uuid, version, document FROM tombstones").fetchall()
        return {(uuid, version): json.loads(document) for uuid, version, document in rows}

    def arrivals(self, uuid: str, version: str | None, *, dead: bool = False) -> dict[str, float]:
        """Return from when on (unix seconds) each replica has a bundle, or its tombstone; empty if there is none."""
        table = "tombstones" if dead else "bundles"
        query = f"SELECT aws_from, gcp_from FROM {table} WHERE uuid = ? AND version = ?"  # noqa: S608 - our own text
        with self._database.read() as db:
            row = db.execute(query, (uuid, version or "")).fetchone()
        return dict(zip(REPLICAS, row or (), strict=False))

    # ── search ──

    def revision(self, *, replica: str | None = None) -> tuple[int, int, int]:
        """Return a value that changes whenever a bundle or a tombstone is added, or arrives in the replica."""
        with self._database.read() as db:
            newest = db.execute("SELECT coalesce(max(id), 0) FROM bundles").fetchone()[0]
            dead = db.execute("SELECT count(*) FROM tombstones").fetchone()[0]
            return newest, dead, sum(self._coming(db, table, replica) for table in ("bundles", "tombstones"))

    def _coming(self, db: sqlite3.Connection, table: str, replica: str | None) -> int:
        """How many are not in the replica yet."""
        if replica is None:
            return 0
        query = f"SELECT count(*) FROM {table} WHERE {replica}_from > ?"  # noqa: S608 - our own text
        count: int = db.execute(query, (self._now(),)).fetchone()[0]
        return count

    def documents(self, *, replica: str | None = None) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield uuid, version and search document of all bundles, by uuid and version, the greatest first."""
        with self._database.read() as db:
            query = f"{_documents(replica)} ORDER BY bundles.uuid DESC, bundles.version DESC"
            for row in db.execute(query, {"now": self._now()}):
                yield row[0], row[1], _document(row)

    def states(self, *, replica: str) -> dict[Key, bool]:
        """Return all bundles that a replica has, and whether they are dead there."""
        with self._database.read() as db:
            query = f"SELECT uuid, version, tombstone IS NOT NULL FROM ({_documents(replica)})"  # noqa: S608
            rows = db.execute(query, {"now": self._now()}).fetchall()
        return {(uuid, version): bool(dead) for uuid, version, dead in rows}

    def document(self, key: Key, *, replica: str | None = None) -> dict[str, Any]:
        """Return the search document of one version of a bundle."""
        with self._database.read() as db:
            query = f"{_documents(replica)} AND bundles.uuid = :uuid AND bundles.version = :version"
            return _document(db.execute(query, {"uuid": key[0], "version": key[1], "now": self._now()}).fetchone())

    # ── replicas ──

    def _arrivals(self, replica: str | None) -> list[float]:
        """From when on each replica has what is put into this one now."""
        later = self._now() + self._delay if self._delay else 0
        return [0 if replica in (None, one) else later for one in REPLICAS]

    def _find_file(self, db: sqlite3.Connection, uuid: str, version: str | None, replica: str | None) -> File | None:
        row = db.execute(
            f"SELECT {_FILE} FROM files WHERE uuid = :uuid AND (:version IS NULL OR version = :version)"  # noqa: S608
            f" AND {_here('files', replica)} ORDER BY version DESC LIMIT 1",
            {"uuid": uuid, "version": version, "now": self._now()},
        ).fetchone()
        return None if row is None else _file(row)


def _here(table: str, replica: str | None) -> str:
    """The condition that a replica has a row."""
    return _HERE[replica].format(table=table)


def _living(replica: str | None) -> str:
    """The condition that a replica has a bundle, and no tombstone of it."""
    return (
        f"{_here('bundles', replica)} AND NOT EXISTS (SELECT 1 FROM tombstones WHERE tombstones.uuid = bundles.uuid"  # noqa: S608
        f" AND tombstones.version IN ('', bundles.version) AND {_here('tombstones', replica)})"
    )


def _documents(replica: str | None) -> str:
    """The query for what is searched in a replica."""
    return (
        "SELECT bundles.uuid, bundles.version, bundles.document,"  # noqa: S608
        " coalesce(own.document, whole.document) AS tombstone FROM bundles"
        " LEFT JOIN tombstones AS own ON own.uuid = bundles.uuid AND own.version = bundles.version"
        f" AND {_here('own', replica)}"
        " LEFT JOIN tombstones AS whole ON whole.uuid = bundles.uuid AND whole.version = ''"
        f" AND {_here('whole', replica)} WHERE {_here('bundles', replica)}"
    )


def _arrive(db: sqlite3.Connection, table: str, uuid: str, version: str, replica: str | None) -> None:
    """What is put into a replica is there at once, even if it was on its way from the other."""
    for one in REPLICAS:
        if replica in (None, one):
            query = f"UPDATE {table} SET {one}_from = 0 WHERE (uuid, version) = (?, ?) AND {one}_from > 0"  # noqa: S608
            db.execute(query, (uuid, version))


def _wait_for_files(db: sqlite3.Connection, bundle: int | None) -> None:
    """Let a bundle arrive in no replica before its files."""
    for one in REPLICAS:
        db.execute(
            f"UPDATE bundles SET {one}_from = max({one}_from, coalesce((SELECT max(files.{one}_from) FROM entries"  # noqa: S608
            " JOIN files USING (uuid, version) WHERE entries.bundle = bundles.id), 0)) WHERE id = ?",
            (bundle,),
        )


def _file(row: Sequence[Any]) -> File:
    uuid, version, creator_uid, content_type, size, *checksums = row
    return File(uuid, version, creator_uid, content_type, size, Checksums(*checksums))


def _rows(bundle: int | None, entries: Iterable[Entry]) -> Iterator[tuple[Any, ...]]:
    for position, entry in enumerate(entries):
        yield bundle, position, entry.name, entry.indexed, entry.file.uuid, entry.file.version


def _whole(db: sqlite3.Connection, uuid: str, version: str) -> Bundle:
    """The bundle, dead or alive."""
    query = "SELECT id, creator_uid FROM bundles WHERE uuid = ? AND version = ?"
    id, creator_uid = db.execute(query, (uuid, version)).fetchone()
    return Bundle(uuid, version, creator_uid, _entries(db, id, 0, -1))


def _entries(db: sqlite3.Connection, bundle: int, start: int, limit: int) -> tuple[Entry, ...]:
    rows = db.execute(
        f"SELECT entries.name, entries.indexed, {_FILE} FROM entries JOIN files USING (uuid, version)"  # noqa: S608
        " WHERE bundle = ? AND position >= ? ORDER BY position LIMIT ?",
        (bundle, start, limit),
    )
    return tuple(Entry(row[0], bool(row[1]), _file(row[2:])) for row in rows)


def _document(row: Sequence[Any]) -> dict[str, Any]:
    uuid, version, document, tombstone = row
    if tombstone is None:
        living: dict[str, Any] = json.loads(document)
        return living
    return {**json.loads(tombstone), "uuid": uuid, "manifest": {"version": version}}
