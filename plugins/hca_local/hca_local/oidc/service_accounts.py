"""The programs that sign their own tokens: their public keys, and the files with the private ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hca_core.errors import HcaError
from hca_local.users import User

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

    from hca_local.database import Database

__all__ = ["DOMAIN", "ServiceAccount", "ServiceAccounts"]

DOMAIN = "local.iam.gserviceaccount.com"  # "local" is too short for a project of Google's
KEY_BITS = 2048
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
_SELECT = "SELECT email, kid, public_key, team, admin, created FROM service_accounts"


@dataclass(frozen=True)
class ServiceAccount:
    """A program that may use the stack; `public_key` (PEM) is what its tokens must be signed for."""

    email: str
    kid: str
    public_key: str
    group: str
    admin: bool
    created: float

    @property
    def user(self) -> User:
        """This account as the services see it."""
        return User(self.email, self.group, self.admin)

    def key(self) -> RSAKey:
        """Return the key with which signatures are checked."""
        from joserfc.jwk import RSAKey

        key: RSAKey = RSAKey.import_key(self.public_key)
        return key


class ServiceAccounts:
    """The service accounts in a database. The private keys are in no place but the files that were given out."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def create(self, name: str, *, token_uri: str, group: str = "hca", admin: bool = False) -> dict[str, Any]:
        """Make an account, and return the content of its key file as Google's have it.

        Raises:
            HcaError: there is one with this name, or this cannot be a name.
        """
        email = _email(name)
        private, account = _new_key(email, group, admin, self._now())
        values = (email, account.kid, account.public_key, group, admin, account.created)
        with self._database.write() as db:
            if db.execute("SELECT 1 FROM service_accounts WHERE email = ?", (email,)).fetchone():
                raise HcaError(
                    f"There is a service account {name} already.", hint="Take another name, or remove that one first."
                )
            db.execute("INSERT INTO service_accounts VALUES (?, ?, ?, ?, ?, ?)", values)
        return {
            "type": "service_account",
            "project_id": "local",
            "private_key_id": account.kid,
            "private_key": private,
            "client_email": email,
            "client_id": str(int(account.kid[:16], 16)),
            "token_uri": token_uri,
        }

    def list(self) -> list[ServiceAccount]:
        """Return all service accounts by their names."""
        with self._database.read() as db:
            return [_account(row) for row in db.execute(f"{_SELECT} ORDER BY email")]

    def get(self, email: str) -> ServiceAccount | None:
        """Return the service account with this e-mail address."""
        with self._database.read() as db:
            row = db.execute(f"{_SELECT} WHERE email = ?", (email,)).fetchone()
        return _account(row) if row else None

    def remove(self, name: str) -> None:
        """Forget a service account, so that its tokens are refused.

        Raises:
            HcaError: there is no such account.
        """
        email = _email(name.removesuffix(f"@{DOMAIN}"))
        with self._database.write() as db:
            if not db.execute("DELETE FROM service_accounts WHERE email = ?", (email,)).rowcount:
                raise HcaError(
                    f"There is no service account {name[:100]}.", hint="See `hca local service-account list`."
                )


def _email(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise HcaError(
            f"{name[:100]!r} cannot be the name of a service account.",
            hint="It has up to 30 lower-case letters, digits and hyphens, and begins with a letter.",
        )
    return f"{name}@{DOMAIN}"


def _new_key(email: str, group: str, admin: bool, created: float) -> tuple[str, ServiceAccount]:
    """Return the private key (PEM) and the account with the public one."""
    import secrets

    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(KEY_BITS)
    public = key.as_pem(private=False).decode()
    return key.as_pem(private=True).decode(), ServiceAccount(
        email, secrets.token_hex(20), public, group, admin, created
    )


def _account(row: tuple[str, str, str, str, int, float]) -> ServiceAccount:
    email, kid, public_key, group, admin, created = row
    return ServiceAccount(email, kid, public_key, group, bool(admin), created)
