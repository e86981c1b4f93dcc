"""The people who may sign in to a local stack."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hca_core.errors import HcaError
from hca_local.oidc.passwords import Cost, check_password, hash_password, verify_password
from hca_local.oidc.service_accounts import DOMAIN
from hca_local.users import User

if TYPE_CHECKING:
    from hca_local.database import Database

__all__ = ["Account", "Accounts", "check_group"]

# What the auth service takes as the name of a user.
_EMAIL = re.compile(r"(?=.{3,128}\Z)[A-Za-z0-9._$,=-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_GROUP = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SELECT = "SELECT id, email, team, admin, created, disabled, stamp, password FROM accounts"


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in. `id` never means anybody else; `stamp` changes with the password.

    `created` is in seconds since 1970; a disabled account is refused everywhere.
    """

    id: str
    email: str
    group: str
    admin: bool
    created: float
    disabled: bool
    stamp: str = field(repr=False)

    @property
    def user(self) -> User:
        """This account as the services see it."""
        return User(self.email, self.group, self.admin)


class Accounts:
    """The accounts in a database, which several processes may change at a time."""

    def __init__(self, database: Database, now: Callable[[], float], cost: Cost) -> None:
        self._database = database
        self._now = now
        self._cost = cost

    def add(self, email: str, password: str, *, group: str = "hca", admin: bool = False) -> Account:
        """Make an account.

        Raises:
            HcaError: there is one with this e-mail address, or the address, password or group cannot be one.
        """
        _check_email(email)
        check_group(group)
        check_password(password)
        kept = hash_password(password, self._cost)
        account = Account(f"local|{secrets.token_hex(8)}", email, group, admin, self._now(), False, _stamp())
        with self._database.write() as db:
            if db.execute("SELECT 1 FROM accounts WHERE email = ?", (email,)).fetchone():
                raise HcaError(
                    f"There is an account {email} already.", hint="Change its password: `hca local user passwd`."
                )
            values = (account.id, email, group, admin, account.created, account.stamp, kept)
            db.execute(
                "INSERT INTO accounts (id, email, team, admin, created, stamp, password) VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        return account

    def admins(self) -> list[str]:
        """Return the e-mail addresses of those who are administrators."""
        return [account.email for account in self.list() if account.admin]

    def list(self) -> list[Account]:
        """Return all accounts by their e-mail addresses."""
        with self._database.read() as db:
            return [_account(row) for row in db.execute(f"{_SELECT} ORDER BY email")]

    def get(self, email: str) -> Account | None:
        """Return the account with this e-mail address, in whichever case it is written."""
        return self._one("email = ?", email) if _EMAIL.fullmatch(email) else None

    def by_id(self, identifier: str) -> Account | None:
        """Return the account with this `id`."""
        return self._one("id = ?", identifier)

    def authenticate(self, email: str, password: str) -> Account | None:
        """Return the account with this e-mail address if it has this password and is not disabled.

        An address that nobody has takes as long.
        """
        with self._database.read() as db:
            row = db.execute(f"{_SELECT} WHERE email = ?", (email,)).fetchone()
        is_right = verify_password(password, row[-1] if row else None, self._cost)
        account = _account(row) if row else None
        return account if account and is_right and not account.disabled else None

    def set_password(self, email: str, password: str) -> None:
        """Change a password; everything that was signed in with the old one is signed out.

        Raises:
            HcaError: there is no such account, or this cannot be a password.
        """
        check_password(password)
        kept = hash_password(password, self._cost)
        self._change(email, "stamp = ?, password = ?", _stamp(), kept)

    def set_disabled(self, email: str, disabled: bool) -> None:
        """Shut somebody out, or let them in again; what was signed in is signed out in both cases.

        Raises:
            HcaError: there is no such account.
        """
        self._change(email, "stamp = ?, disabled = ?", _stamp(), disabled)

    def remove(self, email: str) -> None:
        """Delete an account and all that was signed in with it.

        Raises:
            HcaError: there is no such account.
        """
        with self._database.write() as db:
            db.execute("DELETE FROM accounts WHERE id = ?", (_identifier(db, email),))

    def _one(self, condition: str, value: str) -> Account | None:
        with self._database.read() as db:
            row = db.execute(f"{_SELECT} WHERE {condition}", (value,)).fetchone()
        return _account(row) if row else None

    def _change(self, email: str, assignments: str, *values: object) -> None:
        with self._database.write() as db:
            identifier = _identifier(db, email)
            db.execute(f"UPDATE accounts SET {assignments} WHERE id = ?", (*values, identifier))  # noqa: S608 - our own text
            db.execute("UPDATE families SET revoked = 1 WHERE account = ?", (identifier,))


def check_group(group: str) -> None:
    """Raise an HcaError if `group` cannot be the name of a group."""
    if not _GROUP.fullmatch(group):
        raise HcaError(
            f"{group[:80]!r} cannot be a group.",
            hint="Use `hca` for those who may write, `public` for those who may not.",
        )


def _check_email(email: str) -> None:
    if not _EMAIL.fullmatch(email):
        raise HcaError(
            f"{email[:150]!r} cannot be the e-mail address of an account.",
            hint="It has the form name@example.org, of letters, digits and . _ - $ , = and up to 128 of them.",
        )
    if email.lower().endswith(f"@{DOMAIN}"):
        raise HcaError(
            f"{email} would be a service account.", hint="Make one of those: `hca local service-account create`."
        )


def _identifier(db: sqlite3.Connection, email: str) -> str:
    row = None
    if _EMAIL.fullmatch(email):
        row = db.execute("SELECT id FROM accounts WHERE email = ?", (email,)).fetchone()
    if row is None:
        raise HcaError(f"There is no account {email[:150]}.", hint="See `hca local user list`.")
    return str(row[0])


def _account(row: tuple[Any, ...]) -> Account:
    identifier, email, group, admin, created, disabled, stamp, _password = row
    return Account(identifier, email, group, bool(admin), created, bool(disabled), stamp)


def _stamp() -> str:
    return secrets.token_hex(8)
