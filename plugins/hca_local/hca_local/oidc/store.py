"""What the provider keeps over restarts: one private SQLite file, which the commands use while the stack runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from hca_core.errors import HcaError
from hca_core.paths import check_private, private_dir
from hca_local.database import Database
from hca_local.oidc.accounts import Accounts
from hca_local.oidc.consents import Consents
from hca_local.oidc.families import Families
from hca_local.oidc.keys import SigningKeys
from hca_local.oidc.passwords import DEFAULT_COST, Cost
from hca_local.oidc.service_accounts import ServiceAccounts

__all__ = ["Store"]

_MIGRATIONS = [
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE keys (kid TEXT PRIMARY KEY, pem TEXT NOT NULL, created REAL NOT NULL, retired REAL);
    CREATE TABLE accounts (
        id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE COLLATE NOCASE, team TEXT NOT NULL, admin INTEGER NOT NULL,
        created REAL NOT NULL, disabled INTEGER NOT NULL DEFAULT 0, stamp TEXT NOT NULL, password TEXT NOT NULL
    );
    CREATE TABLE service_accounts (
        email TEXT PRIMARY KEY, kid TEXT NOT NULL, public_key TEXT NOT NULL, team TEXT NOT NULL,
        admin INTEGER NOT NULL, created REAL NOT NULL
    );
    CREATE TABLE families (
        id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, client TEXT NOT NULL,
        scope TEXT NOT NULL, redirect_uri TEXT NOT NULL, challenge TEXT, nonce TEXT, signed_in REAL NOT NULL,
        code TEXT NOT NULL UNIQUE, redeemed INTEGER NOT NULL DEFAULT 0, revoked INTEGER NOT NULL DEFAULT 0,
        expires REAL NOT NULL
    );
    CREATE INDEX families_by_account ON families (account);
    CREATE TABLE refresh_tokens (
        digest TEXT PRIMARY KEY, family TEXT NOT NULL REFERENCES families (id) ON DELETE CASCADE,
        used INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);
    CREATE TABLE consents (
        account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, client TEXT NOT NULL, scope TEXT NOT NULL,
        PRIMARY KEY (account, client, scope)
    )
    """
]


class Store:
    """Accounts, service accounts, keys, sign-ins and consents in `folder`, which is made if there is none.

    `now` is the time in seconds since 1970; `cost` is that of new passwords.

    Raises:
        ConfigError: others can read the file.
        HcaError: a newer version of hca wrote it.
    """

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time, cost: Cost = DEFAULT_COST) -> None:
        self._database = _open(folder)
        self.accounts = Accounts(self._database, now, cost)
        self.service_accounts = ServiceAccounts(self._database, now)
        self.keys = SigningKeys(self._database, now)
        self.families = Families(self._database, now)
        self.consents = Consents(self._database)

    def fact(self, name: str) -> str:
        """Return a fact about the provider.

        Raises:
            HcaError: it was not remembered, because the provider never ran.
        """
        with self._database.read() as db:
            row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise HcaError(f"The {name} is not known before the stack's first start.", hint="Start it: `hca local up`.")
        return str(row[0])

    def remember(self, name: str, value: str) -> None:
        """Remember a fact about the provider; the last one holds."""
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def remember_first(self, name: str, value: str) -> str:
        """Remember a fact unless there is one with this name, and return the one that holds."""
        with self._database.write() as db:
            db.execute("INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)", (name, value))
            return str(db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0])

    def close(self) -> None:
        """Close the file; nothing may be read or written afterwards."""
        self._database.close()


def _open(folder: Path) -> Database:
    from filelock import FileLock

    private_dir(folder)
    file = folder / "provider.db"
    with FileLock(folder / "provider.lock", mode=0o600):  # two processes must not both make the tables
        file.touch(mode=0o600)  # SQLite would let others read it, and gives its other files the mode of this one
        check_private(file)
        return Database(file, _MIGRATIONS)
