"""The keys with which the provider signs: one at a time, the former ones still good for checking."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

    from joserfc.jwk import RSAKey

    from hca_local.database import Database

__all__ = ["LONGEST", "SigningKeys"]

LONGEST = 7 * 24 * 3600  # seconds that a token may last, and therefore a key after it was replaced
KEY_BITS = 2048
# A key that is still needed: the present one, or one whose tokens may not have expired yet.
_SELECT = "SELECT kid, pem FROM keys WHERE (retired IS NULL OR retired > ?)"


class SigningKeys:
    """The keys in a database, which several processes may use and change at a time."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._parsed: dict[str, RSAKey] = {}
        self._lock = threading.Lock()

    def current(self) -> RSAKey:
        """Return the key that signs, made if there is none yet."""
        with self._database.read() as db:
            row = _newest(db)
        if row is None:
            row = self._first()
        return self._key(*row)

    def rotate(self) -> str:
        """Make a new key that signs from now on, and return its id; the old one is good for checking a while."""
        now = self._now()
        kid, pem = _generate()
        with self._database.write() as db:
            db.execute("UPDATE keys SET retired = ? WHERE retired IS NULL", (now,))
            db.execute("DELETE FROM keys WHERE retired <= ?", (now - LONGEST,))
            _insert(db, kid, pem, now)
        return kid

    def find(self, kid: str) -> RSAKey | None:
        """Return the key with this id, unless there is none or its tokens have all expired."""
        with self._database.read() as db:
            row = db.execute(f"{_SELECT} AND kid = ?", (self._now() - LONGEST, kid)).fetchone()
        return self._key(*row) if row else None

    def public(self) -> dict[str, Any]:
        """Return the public keys as a JSON Web Key Set, the one that signs first."""
        self.current()
        with self._database.read() as db:
            rows = db.execute(
                f"{_SELECT} ORDER BY retired IS NOT NULL, retired DESC",
                (self._now() - LONGEST,),
            ).fetchall()
        return {"keys": [self._key(*row).as_dict(private=False) for row in rows]}

    def _first(self) -> tuple[str, str]:
        kid, pem = _generate()
        with self._database.write() as db:
            row = _newest(db)  # another process may have been quicker
            if row is None:
                _insert(db, kid, pem, self._now())
        return row or (kid, pem)

    def _key(self, kid: str, pem: str) -> RSAKey:
        """Parse a key, which takes longer than using it."""
        from joserfc.jwk import RSAKey

        with self._lock:
            if kid not in self._parsed:
                self._parsed[kid] = RSAKey.import_key(pem, {"kid": kid, "use": "sig", "alg": "RS256"})
            return self._parsed[kid]


def _newest(db: sqlite3.Connection) -> tuple[str, str] | None:
    row: tuple[str, str] | None = db.execute("SELECT kid, pem FROM keys WHERE retired IS NULL").fetchone()
    return row


def _insert(db: sqlite3.Connection, kid: str, pem: str, now: float) -> None:
    db.execute("INSERT INTO keys (kid, pem, created) VALUES (?, ?, ?)", (kid, pem, now))


def _generate() -> tuple[str, str]:
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(KEY_BITS)
    return key.thumbprint(), key.as_pem(private=True).decode()
