"""One SQLite file, used safely by many threads of one process."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hca_core.errors import HcaError


class _Connection(sqlite3.Connection):
    """A connection that can be referred to weakly, so that it ends with its thread."""


class Database:
    """A SQLite database in WAL mode; every committed write survives a power cut.

    `migrations` are SQL scripts: the first one creates the tables, each later one changes them; a file remembers how
    many it has seen.
    """

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
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
        """Close the connections of all threads; nothing may be read or written afterwards."""
        self._closed = True
        with self._writing:
            for connection in list(self._connections):
                connection.close()

    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        connection.execute(begin)
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise HcaError(f"{self._path} is closed.")
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            self._connections.add(connection)
        return connection

    def _connect(self) -> _Connection:
        # Only close() touches a connection from another thread than its own.
        connection = sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _migrate(self, migrations: Sequence[str]) -> None:
        connection = self._connection()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise HcaError(f"{self._path} was written by a newer version of hca.", hint="Upgrade hca-local.")
        for number, script in enumerate(migrations[version:], start=version + 1):
            connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
