"""S3 access keys for one upload area each, that end after an hour."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection

from hca_local.database import Database
from hca_local.s3.signing import AccessKey
from hca_local.upload.areas import UNLOCKED, check_writable
from hca_local.upload.names import prefix

__all__ = ["LIFETIME", "Keys"]

LIFETIME = 3600  # seconds
KEPT = 86400  # seconds for which a key that has ended is told from one that never was


class Keys:
    """The keys that were given out, of which only the ids are kept: what is secret about them follows from `master`.

    They are for `bucket`; of the buckets `readable`, files may be copied into the area. `now` tells unix seconds.
    """

    def __init__(
        self,
        database: Database,
        *,
        bucket: str,
        master: str,
        readable: Collection[str] = (),
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._bucket = bucket
        self._master = master.encode()
        self._readable = frozenset(readable)
        self._now = now

    def issue(self, area: str) -> AccessKey:
        """Return a new key for an area.

        Raises:
            Problem: there is no such area, or it is not writable.
        """
        id, now = f"ASIALOCAL{secrets.token_hex(6).upper()}", self._now()
        with self._database.write() as db:
            check_writable(db, area)
            db.execute("DELETE FROM keys WHERE expires < ?", (now - KEPT,))
            db.execute("INSERT INTO keys VALUES (?, ?, ?)", (id, area, now + LIFETIME))
        return self._key(id, area, now + LIFETIME)

    def find(self, id: str) -> AccessKey | None:
        """Return a key that was given out, also after its end; None once its area is not writable any more."""
        query = "SELECT area, expires FROM keys JOIN areas ON area = uuid WHERE id = ? AND status = ?"
        with self._database.read() as db:
            row = db.execute(query, (id, UNLOCKED)).fetchone()
        return None if row is None else self._key(id, *row)

    def _key(self, id: str, area: str, expires: float) -> AccessKey:
        return AccessKey(
            id,
            secret=self._derived("secret", id),
            session_token=self._derived("token", id),
            expires_at=expires,
            bucket=self._bucket,
            prefix=prefix(area),
            readable=self._readable,
            may_delete=False,
        )

    def _derived(self, purpose: str, id: str) -> str:
        return hmac.new(self._master, f"{purpose} of {id}".encode(), hashlib.sha256).hexdigest()
