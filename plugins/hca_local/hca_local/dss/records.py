"""What the DSS knows, in one SQLite file; whatever was written is on the disk when a method returns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hca_core.paths import private_dir
from hca_core.transfer.digest import Checksums
from hca_local.database import Database
from hca_local.dss.model import Bundle, Entry, File

__all__ = ["Records"]

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
)

_LIVING = (
    "NOT EXISTS (SELECT 1 FROM tombstones WHERE tombstones.uuid = bundles.uuid"
    " AND tombstones.version IN ('', bundles.version))"
)
_DOCUMENTS = (
    "SELECT bundles.uuid, bundles.version, bundles.document, coalesce(own.document, whole.document) FROM bundles"
    " LEFT JOIN tombstones AS own ON own.uuid = bundles.uuid AND own.version = bundles.version"
    " LEFT JOIN tombstones AS whole ON whole.uuid = bundles.uuid AND whole.version = ''"
)

Key = tuple[str, str]  # uuid, version


class Records:
    """Files, bundles and tombstones of both replicas, which have the same; for any number of threads."""

    def __init__(self, root: Path) -> None:
        self._database = Database(private_dir(root) / "dss.sqlite", _MIGRATIONS)

    def close(self) -> None:
        """Close the file; nothing may be asked afterwards."""
        self._database.close()

    # ── files ──

    def put_file(self, file: File) -> tuple[File, bool]:
        """Return the file that now has this uuid and version, and whether it is the one given."""
        with self._database.write() as db:
            sums = file.checksums
            values = (file.uuid, file.version, file.creator_uid, file.content_type, file.size,
                      sums.crc32c, sums.s3_etag, sums.sha1, sums.sha256)  # fmt: skip
            added = db.execute("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values).rowcount
            stored = _find_file(db, file.uuid, file.version)
        assert stored is not None
        return stored, added == 1

    def file(self, uuid: str, version: str | None) -> File | None:
        """Return a file in the given or its newest version."""
        with self._database.read() as db:
            return _find_file(db, uuid, version)

    def files(self, keys: Iterable[Key]) -> dict[Key, File]:
        """Return those of the files that exist."""
        with self._database.read() as db:
            found = {key: _find_file(db, *key) for key in set(keys)}
        return {key: file for key, file in found.items() if file is not None}

    # ── bundles ──

    def put_bundle(self, bundle: Bundle, document: str) -> tuple[Bundle, bool]:
        """Return the bundle that now has this uuid and version, and whether it is the one given.

        `document` is what is searched for it.
        """
        with self._database.write() as db:
            values = bundle.uuid, bundle.version, bundle.creator_uid, len(bundle.entries), document
            cursor = db.execute(
                "INSERT OR IGNORE INTO bundles (uuid, version, creator_uid, size, document) VALUES (?, ?, ?, ?, ?)",
                values,
            )
            if not cursor.rowcount:
                return _whole(db, bundle.uuid, bundle.version), False
            db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", _rows(cursor.lastrowid, bundle.entries))
        return bundle, True

    def bundle(self, uuid: str, version: str | None, *, start: int = 0, limit: int = -1) -> tuple[Bundle, int] | None:
        """Return a bundle in the given or its newest living version, and how many entries it has in all.

        It comes with up to `limit` entries from `start` on.
        """
        with self._database.read() as db:
            chosen, values = ("", (uuid,)) if version is None else ("AND version = ?", (uuid, version))
            row = db.execute(
                f"SELECT id, uuid, version, creator_uid, size FROM bundles WHERE uuid = ? {chosen} AND {_LIVING}"  # noqa: S608 - our own text
                " ORDER BY version DESC LIMIT 1",
                values,
            ).fetchone()
            if row is None:
                return None
            return Bundle(row[1], row[2], row[3], _entries(db, row[0], min(start, row[4]), limit)), row[4]

    def living(self, prefix: str, after: Key, limit: int) -> list[Key]:
        """Return the first `limit` living versions behind `after` whose uuid begins with `prefix`, in order."""
        with self._database.read() as db:
            return db.execute(
                "SELECT uuid, version FROM bundles WHERE (uuid, version) > (?, ?) AND uuid >= ? AND uuid < ?"  # noqa: S608 - our own text
                f" AND {_LIVING} ORDER BY uuid, version LIMIT ?",
                (*after, prefix, prefix + "\x7f", limit),
            ).fetchall()

    def put_tombstone(self, uuid: str, version: str | None, document: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the tombstone that a bundle, or one version of it, now has; None if there is no such bundle."""
        chosen, values = ("", (uuid,)) if version is None else ("AND version = ?", (uuid, version))
        with self._database.write() as db:
            query = f"SELECT 1 FROM bundles WHERE uuid = ? {chosen} LIMIT 1"  # noqa: S608 - our own text
            if db.execute(query, values).fetchone() is None:
                return None
            key = (uuid, version or "")
            db.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?)", (*key, json.dumps(document)))
            query = "SELECT document FROM tombstones WHERE (uuid, version) = (?, ?)"
            stored: dict[str, Any] = json.loads(db.execute(query, key).fetchone()[0])
            return stored

    # ── search ──

    def revision(self) -> tuple[int, int]:
        """Return a value that changes whenever a bundle or a tombstone is added."""
        with self._database.read() as db:
            newest = db.execute("SELECT coalesce(max(id), 0) FROM bundles").fetchone()[0]
            return newest, db.execute("SELECT count(*) FROM tombstones").fetchone()[0]

    def documents(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield uuid, version and search document of all bundles, by uuid and version, the greatest first."""
        with self._database.read() as db:
            for row in db.execute(f"{_DOCUMENTS} ORDER BY bundles.uuid DESC, bundles.version DESC"):
                yield row[0], row[1], _document(row)

    def document(self, key: Key) -> dict[str, Any]:
        """Return the search document of one version of a bundle."""
        with self._database.read() as db:
            query = f"{_DOCUMENTS} WHERE (bundles.uuid, bundles.version) = (?, ?)"
            return _document(db.execute(query, key).fetchone())


def _find_file(db: sqlite3.Connection, uuid: str, version: str | None) -> File | None:
    if version is None:
        cursor = db.execute("SELECT * FROM files WHERE uuid = ? ORDER BY version DESC LIMIT 1", (uuid,))
    else:
        cursor = db.execute("SELECT * FROM files WHERE uuid = ? AND version = ?", (uuid, version))
    row = cursor.fetchone()
    return None if row is None else _file(row)


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
        "SELECT entries.name, entries.indexed, files.* FROM entries JOIN files USING (uuid, version)"
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
