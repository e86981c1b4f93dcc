"""What people have allowed programs to do, so that they are asked once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hca_local.database import Database

__all__ = ["Consents"]


class Consents:
    """The consents in a database: an account, a client and a word of the scope each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cover(self, account_id: str, client_id: str, scope: Iterable[str]) -> bool:
        """Return whether everything in `scope` was allowed before."""
        with self._database.read() as db:
            rows = db.execute("SELECT scope FROM consents WHERE account = ? AND client = ?", (account_id, client_id))
            return set(scope) <= {word for (word,) in rows}

    def add(self, account_id: str, client_id: str, scope: Iterable[str]) -> None:
        """Remember that everything in `scope` is allowed."""
        with self._database.write() as db:
            db.executemany(
                "INSERT OR IGNORE INTO consents (account, client, scope) VALUES (?, ?, ?)",
                [(account_id, client_id, word) for word in scope],
            )
