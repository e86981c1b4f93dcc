"""The SQLite file: transactions, migrations, threads."""

from __future__ import annotations

import gc
import sqlite3
import threading
from pathlib import Path

import pytest

from hca_core.errors import HcaError
from hca_local.database import Database

TABLE = "CREATE TABLE t (n INTEGER)"


def count(database: Database) -> int:
    with database.read() as db:
        return int(db.execute("SELECT count(*) FROM t").fetchone()[0])


def test_a_block_that_raises_changes_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", [TABLE])

    def fail_half_way() -> None:
        with database.write() as db:
            db.execute("INSERT INTO t VALUES (1)")
            db.execute("nonsense")

    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        fail_half_way()
    assert count(database) == 0
    with database.write() as db:
        db.execute("INSERT INTO t VALUES (1)")
    assert count(database) == 1


def test_each_migration_runs_once(tmp_path: Path) -> None:
    Database(tmp_path / "db", [TABLE]).close()
    for _ in range(2):
        database = Database(tmp_path / "db", [TABLE, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)"])
        assert count(database) == 2
        database.close()


def test_a_migration_that_fails_is_undone(tmp_path: Path) -> None:
    Database(tmp_path / "db", [TABLE]).close()
    with pytest.raises(Exception, match="nonsense"):
        Database(tmp_path / "db", [TABLE, "INSERT INTO t VALUES (1); nonsense"])
    gc.collect()
    assert count(Database(tmp_path / "db", [TABLE])) == 0


def test_writes_survive_a_power_cut(tmp_path: Path) -> None:
    with Database(tmp_path / "db", [TABLE]).read() as db:
        settings = [
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert settings == ["wal", 2, 1]


def test_threads_write_at_the_same_time(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", [TABLE])

    def work() -> None:
        for number in range(20):
            with database.write() as db:
                db.execute("INSERT INTO t VALUES (?)", (number,))

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 100


def test_nothing_is_done_after_closing(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", [TABLE])
    database.close()
    with pytest.raises(HcaError, match="is closed"), database.read():
        pass
