"""One SQLite file, used safely by many threads of one process."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hca_core.errors import HcaError

KEPT = 8  # connections that stay open while nobody uses them


class Database:
    """A SQLite database in WAL mode; every committed write survives a power cut.

    `migrations` are SQL scripts: the first one creates the tables, each later one changes them; a file remembers how
    many it has seen.
    """

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lent: set[sqlite3.Connection] = set()
        self._lending = threading.Lock()
        self._writing = threading.Lock()
        self._closed = False
        self._migrate(migrations)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of the database for as long as the block lasts."""
        yield from self._transaction("BEGIN")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of the block's changes are kept, or none if it raises."""
        # SQLite makes a second writer poll; waiting here instead is fair and wakes up at once.
        with self._writing:
            yield from self._transaction("BEGIN IMMEDIATE")

    def close(self) -> None:
        """Close all connections, also those in use; nothing may be read or written afterwards."""
        self._closed = True
        with self._writing, self._lending:
            for connection in (*self._idle, *self._lent):
                connection.close()

    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            connection.execute(begin)
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses meanwhile: there are no more of them than transactions at a time."""
        with self._lending:
            if self._closed:
                raise HcaError(f"{self._path} is closed.")
            connection = self._idle.pop() if self._idle else self._connect()
            self._lent.add(connection)
        try:
            yield connection
        finally:
            with self._lending:
                self._lent.discard(connection)
                self._take_back(connection)

    def _take_back(self, connection: sqlite3.Connection) -> None:
        if not self._closed and connection.in_transaction:
            connection.execute("ROLLBACK")
        if self._closed or len(self._idle) >= KEPT:
            connection.close()
        else:
            self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _migrate(self, migrations: Sequence[str]) -> None:
        with self._connection() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(migrations):
                raise HcaError(f"{self._path} was written by a newer version of hca.", hint="Upgrade hca-local.")
            for number, script in enumerate(migrations[version:], start=version + 1):
                connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
