"""The token of a session: asked for when first needed, kept while it is good, renewed when it was refused."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hca_core.errors import AuthError
from hca_core.records import Credentials

Authorize = Callable[[str | None], Credentials | None]

# A token that expires within this many seconds may do so on its way.
_MARGIN = 30.0


class Bearer:
    """Keeps what `authorize` gave. Thread-safe: many requests that need a token at once ask for it once.

    `authorize` gets the token that was refused, or None; `now` tells the seconds since 1970.
    """

    def __init__(self, authorize: Authorize | None, now: Callable[[], float]) -> None:
        self._authorize = authorize
        self._now = now
        self._lock = threading.Lock()
        self._kept: Credentials | None = None

    @property
    def expired(self) -> bool:
        """Whether there is a token, and it expires within seconds or has already."""
        with self._lock:
            return self._kept is not None and self._expired(self._kept)

    def token(self) -> str:
        """Return a token.

        Raises:
            AuthError: there is none, or it cannot be sent.
        """
        with self._lock:
            if self._kept is None or self._expired(self._kept):
                self._kept = self._ask(None)
            if self._kept is None:
                raise AuthError("This request needs a login, and there is none.", hint="Log in, or set HCA_TOKEN.")
            return _sendable(self._kept)

    def renew(self, rejected: str) -> str | None:
        """Return another token than the rejected one, or None if there is no other."""
        with self._lock:
            if self._kept is None or self._kept.token == rejected:
                self._kept = self._ask(rejected)
            if self._kept is None or self._kept.token == rejected:
                return None
            return _sendable(self._kept)

    def _ask(self, rejected: str | None) -> Credentials | None:
        return self._authorize(rejected) if self._authorize else None

    def _expired(self, credentials: Credentials) -> bool:
        return credentials.expires_at is not None and credentials.expires_at - _MARGIN <= self._now()


def _sendable(credentials: Credentials) -> str:
    token = credentials.token
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise AuthError(
            f"The token from {credentials.source} is not one: it is empty or contains spaces, line breaks or "
            "characters that a token cannot have.",
            hint="Copy it again, or log in.",
        )
    return token
