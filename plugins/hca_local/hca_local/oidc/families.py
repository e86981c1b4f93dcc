"""What a sign-in leads to: one code, then refresh tokens, each used once; whoever uses one twice ends them all."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from hca_local.database import Database
    from hca_local.oidc.clients import Client

__all__ = ["ACCESS_SECONDS", "Families", "Family"]

log = logging.getLogger(__name__)

CODE_SECONDS = 300
ACCESS_SECONDS = 3600
REFRESH_SECONDS = 30 * 24 * 3600  # a refresh token that is not used for so long is forgotten

_FIELDS = "families.id, account, client, scope, redirect_uri, challenge, nonce, signed_in"
_BY_ID = f"SELECT {_FIELDS} FROM families WHERE id = ? AND revoked = 0"  # noqa: S608 - our own text
_BY_CODE = (
    f"SELECT {_FIELDS}, redeemed FROM families "  # noqa: S608 - our own text
    "WHERE code = ? AND client = ? AND expires > ? AND revoked = 0"
)
_BY_TOKEN = (
    f"SELECT {_FIELDS}, used FROM families JOIN refresh_tokens ON family = families.id "  # noqa: S608 - our own text
    "WHERE digest = ? AND expires > ? AND revoked = 0"
)


@dataclass(frozen=True)
class Family:
    """One sign-in of an account for a client. The methods are those that Authlib asks codes and tokens for."""

    id: str
    account_id: str
    client_id: str
    scope: str
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None
    signed_in: float

    code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        """Return where the code was sent."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return what was allowed, as words."""
        return self.scope

    def check_client(self, client: Client) -> bool:
        """Return whether this was given to `client`."""
        return self.client_id == client.id


class Families:
    """The families in a database. It knows codes and refresh tokens only by their SHA-256."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def start(
        self,
        account_id: str,
        client_id: str,
        *,
        scope: str,
        redirect_uri: str,
        challenge: str | None,
        nonce: str | None,
        signed_in: float,
    ) -> str:
        """Begin a family and return its code."""
        code, now = secrets.token_urlsafe(32), self._now()
        values = (secrets.token_hex(12), account_id, client_id, scope, redirect_uri, challenge, nonce, signed_in)
        with self._database.write() as db:
            db.execute("DELETE FROM families WHERE expires <= ?", (now,))
            db.execute(
                "INSERT INTO families (id, account, client, scope, redirect_uri, challenge, nonce, signed_in, "
                "code, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, _digest(code), now + CODE_SECONDS),
            )
        return code

    def redeem(self, code: str, client_id: str) -> Family | None:
        """Return the family of a code, once; a second time it is revoked with all that came of it, and None."""
        now = self._now()
        with self._database.write() as db:
            family = _unused(db, _BY_CODE, _digest(code), client_id, now)
            if family is not None:
                db.execute(
                    "UPDATE families SET redeemed = 1, expires = ? WHERE id = ?", (now + ACCESS_SECONDS, family.id)
                )
        return family

    def issue(self, family: Family) -> str:
        """Return the first refresh token of a family."""
        with self._database.write() as db:
            return self._add(db, family.id)

    def find(self, refresh_token: str) -> Family | None:
        """Return the family of a refresh token that was not used yet; a used one ends its family."""
        with self._database.write() as db:
            return _unused(db, _BY_TOKEN, _digest(refresh_token), self._now())

    def rotate(self, refresh_token: str) -> str | None:
        """Use a refresh token and return the next one; None if somebody else just used it, which ends the family."""
        with self._database.write() as db:
            family = _unused(db, _BY_TOKEN, _digest(refresh_token), self._now())
            if family is None:
                return None
            db.execute("UPDATE refresh_tokens SET used = 1 WHERE digest = ?", (_digest(refresh_token),))
            return self._add(db, family.id)

    def owner(self, refresh_token: str) -> Family | None:
        """Return the family of a refresh token, used or not."""
        with self._database.read() as db:
            row = db.execute(_BY_TOKEN, (_digest(refresh_token), self._now())).fetchone()
        return Family(*row[:-1]) if row else None

    def get(self, identifier: str) -> Family | None:
        """Return the family with this id, if its tokens are still good."""
        with self._database.read() as db:
            row = db.execute(_BY_ID, (identifier,)).fetchone()
        return Family(*row) if row else None

    def revoke(self, identifier: str) -> None:
        """End a family: none of its tokens is good from now on."""
        with self._database.write() as db:
            db.execute("UPDATE families SET revoked = 1 WHERE id = ?", (identifier,))

    def _add(self, db: sqlite3.Connection, identifier: str) -> str:
        token = secrets.token_urlsafe(32)
        db.execute("INSERT INTO refresh_tokens (digest, family) VALUES (?, ?)", (_digest(token), identifier))
        db.execute("UPDATE families SET expires = ? WHERE id = ?", (self._now() + REFRESH_SECONDS, identifier))
        return token


def _unused(db: sqlite3.Connection, query: str, *values: object) -> Family | None:
    """Return the family of a code or token that was not used yet. One that was may have been stolen."""
    row = db.execute(query, values).fetchone()
    if row is None:
        return None
    family = Family(*row[:-1])
    if not row[-1]:
        return family
    log.warning("A code or refresh token was used twice: what came of that sign-in is no longer good.")
    db.execute("UPDATE families SET revoked = 1 WHERE id = ?", (family.id,))
    return None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
