"""Says who the user is for a service, as far as that can be told without asking the service."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Literal

from hca_core.credentials.advice import login_hint, replacing_hint
from hca_core.credentials.claims import issuer, scopes, subject
from hca_core.credentials.places import Places
from hca_core.credentials.store import STORED_LOGIN, Login
from hca_core.errors import AuthError
from hca_core.hosts import host_of
from hca_core.records import Credentials

__all__ = ["State", "Status", "describe", "iso", "of_token", "require"]

State = Literal["valid", "expired", "none", "unknown"]


@dataclass(frozen=True)
class Status:
    """Who the user is at the `host` of a service.

    `source` is where the token was found; `subject` whom it names, `issuer` who gave it out and `scopes` what for
    (nobody has checked that); `expires_at` is in UTC, ISO 8601. `state` is "unknown" if only the service, or a
    renewal, can tell whether the token is good.
    """

    service: str
    host: str | None
    source: str | None = None
    subject: str | None = None
    expires_at: str | None = None
    state: State = "none"
    issuer: str | None = None
    scopes: list[str] = field(default_factory=list)


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
        login = offline.login(url) if found.source == STORED_LOGIN else None
        status = _status(service, status.host, found, login, offline.now())
        # An expired login counts only if there is nothing else.
        if found.source != STORED_LOGIN or status.state != "expired":
            return status
    return status


def of_token(service: str, found: Credentials, moment: float) -> Status:
    """Return who the user is with a token that would be sent now; `moment` is in seconds since 1970."""
    return _status(service, None, found, None, moment)


def require(status: Status) -> None:
    """Raise an AuthError unless the user is logged in, as far as that is known."""
    if status.state == "none":
        problem, hint = f"You are not logged in to the {status.service} service.", login_hint(status.service)
    elif status.state == "expired":
        problem = f"Your login to the {status.service} service ({status.source}) has expired."
        hint = replacing_hint(status.service, status.source or "")
    else:
        return
    raise AuthError(problem, service=status.service, hint=hint)


def _status(service: str, host: str | None, found: Credentials, login: Login | None, moment: float) -> Status:
    """Return what a login knows of its token, else what that says itself."""
    return Status(
        service,
        host,
        found.source,
        (login.subject if login else None) or found.subject or subject(found.token),
        iso(found.expires_at),
        _state(found, login, moment),
        (login.issuer if login else None) or issuer(found.token),
        login.scope.split() if login and login.scope else scopes(found.token),
    )


def _state(found: Credentials, login: Login | None, moment: float) -> State:
    if found.expires_at is None:
        return "unknown"
    if found.expires_at > moment:
        return "valid"
    return "unknown" if login and login.renewable else "expired"


def iso(moment: float | None) -> str | None:
    """Return seconds since 1970 as ISO 8601, in UTC; None if they are no time of a calendar."""
    if moment is None:
        return None
    try:
        return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None
