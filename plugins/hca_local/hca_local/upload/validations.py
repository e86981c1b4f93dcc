"""Validations: which there were of which files, and how they ended."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hca_local.database import Database
from hca_local.upload.areas import check_writable

__all__ = ["FAILED", "SCHEDULED", "VALIDATED", "VALIDATING", "Validation", "Validations"]

SCHEDULED, VALIDATING, VALIDATED, FAILED = "SCHEDULED", "VALIDATING", "VALIDATED", "FAILED"

_COLUMNS = "id, validations.area, status, request, results"


@dataclass(frozen=True)
class Validation:
    """One run of a validator; `request` is what was asked for, `results` what came out (None while it runs)."""

    id: str
    area: str
    status: str
    request: Mapping[str, Any]
    results: Mapping[str, Any] | None


class Validations:
    """All validations of areas that exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, area: str, names: Sequence[str], request: Mapping[str, Any]) -> str:
        """Add a validation of these files and return its id.

        Raises:
            Problem: there is no such area, or it is not writable.
        """
        id = str(uuid.uuid4())
        with self._database.write() as db:
            check_writable(db, area)
            cursor = db.execute(
                "INSERT INTO validations (id, area, status, request) VALUES (?, ?, ?, ?)",
                (id, area, SCHEDULED, json.dumps(request)),
            )
            rows = [(cursor.lastrowid, area, name) for name in names]
            db.executemany("INSERT INTO validation_files VALUES (?, ?, ?)", rows)
        return id

    def find(self, area: str, id: str) -> Validation | None:
        """Return a validation by its id."""
        with self._database.read() as db:
            return _first(db, "FROM validations WHERE area = ? AND id = ?", area, id)

    def latest(self, area: str, name: str) -> Validation | None:
        """Return the newest validation of a file."""
        with self._database.read() as db:
            return _first(
                db,
                "FROM validations JOIN validation_files ON number = validation WHERE validation_files.area = ?"
                " AND name = ? ORDER BY number DESC LIMIT 1",
                area,
                name,
            )

    def update(self, id: str, status: str, results: Mapping[str, Any] | None = None) -> None:
        """Record how far a validation is."""
        with self._database.write() as db:
            text = None if results is None else json.dumps(results)
            db.execute("UPDATE validations SET status = ?, results = ? WHERE id = ?", (status, text, id))

    def counts(self, area: str) -> dict[str, int]:
        """Return the number of files in each state, each file by its newest validation."""
        query = (
            "SELECT status, count(*) FROM validations JOIN"
            " (SELECT name, max(validation) AS newest FROM validation_files WHERE area = ? GROUP BY name)"
            " ON number = newest GROUP BY status"
        )
        with self._database.read() as db:
            return dict(db.execute(query, (area,)))


def _first(db: sqlite3.Connection, rest: str, *values: str) -> Validation | None:
    row = db.execute(f"SELECT {_COLUMNS} {rest}", values).fetchone()
    if row is None:
        return None
    id, area, status, request, results = row
    return Validation(id, area, status, json.loads(request), None if results is None else json.loads(results))
