"""The one database file of the upload service: areas, access keys, files and validations."""

from __future__ import annotations

from pathlib import Path

from hca_core.paths import private_dir
from hca_local.database import Database

__all__ = ["database_file", "open_database"]

_MIGRATIONS = (
    """
    CREATE TABLE areas (uuid TEXT PRIMARY KEY, status TEXT NOT NULL, created REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE keys (id TEXT PRIMARY KEY, area TEXT NOT NULL, expires REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE files (
        area TEXT NOT NULL, name TEXT NOT NULL, event TEXT NOT NULL UNIQUE, etag TEXT NOT NULL,
        status TEXT NOT NULL, checksums TEXT,
        PRIMARY KEY (area, name)
    ) WITHOUT ROWID;
    CREATE TABLE validations (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, area TEXT NOT NULL, status TEXT NOT NULL,
        request TEXT NOT NULL, results TEXT
    );
    CREATE INDEX validations_by_area ON validations (area);
    CREATE TABLE validation_files (
        validation INTEGER NOT NULL REFERENCES validations (number) ON DELETE CASCADE,
        area TEXT NOT NULL, name TEXT NOT NULL,
        PRIMARY KEY (area, name, validation)
    ) WITHOUT ROWID;
    CREATE INDEX files_of_validations ON validation_files (validation);
    """,
)


def database_file(root: Path) -> Path:
    """Return where the database of a service in `root` is."""
    return root / "upload.sqlite"


def open_database(root: Path) -> Database:
    """Open the database of the service in `root`, made if there is none."""
    return Database(database_file(private_dir(root)), _MIGRATIONS)
