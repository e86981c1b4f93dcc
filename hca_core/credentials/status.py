"""Says who the user is for a service, as far as that can be told without asking the service."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Literal

from hca_core.credentials.claims import subject
from hca_core.credentials.places import Places
from hca_core.credentials.store import STORED_LOGIN
from hca_core.hosts import host_of
from hca_core.records import Credentials

__all__ = ["State", "Status", "describe"]

State = Literal["valid", "expired", "none", "unknown"]


@dataclass(frozen=True)
class Status:
    """Who the user is at the `host` of a service.

    `source` is where the token was found; `subject` whom it names (nobody has checked that); `expires_at` is in UTC,
    ISO 8601. `state` is "unknown" if only the service, or a renewal, can tell whether the token is good.
    """

    service: str
    host: str | None
    source: str | None = None
    subject: str | None = None
    expires_at: str | None = None
    state: State = "none"


def describe(service: str, url: str, places: Places) -> Status:
    """Return who the user would be in the next request to a service whose API is at `url`.

    No login is renewed. Plugins are asked as for a request.

    Raises:
        AuthError: what is found is not a token.
        ConfigError: a file of logins or keys cannot be used.
    """
    offline = replace(places, post=None)
    status = Status(service, host_of(url))
    for found in offline.tokens(service, url):
        status = Status(
            service,
            status.host,
            found.source,
            subject(found.token),
            _iso(found.expires_at),
            _state(found, url, offline),
        )
        # An expired login counts only if there is nothing else.
        if found.source != STORED_LOGIN or status.state != "expired":
            return status
    return status


def _state(found: Credentials, url: str, places: Places) -> State:
    if found.expires_at is None:
        return "unknown"
    if found.expires_at > places.now():
        return "valid"
    login = places.login(url) if found.source == STORED_LOGIN else None
    return "unknown" if login and login.renewable else "expired"


def _iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    try:
        return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None
