"""Finds the token for a service: argument, environment, stored login, plugins, in this order."""

from __future__ import annotations

import base64
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol

from hca_core import paths
from hca_core.credentials.store import STORED_LOGIN, TokenStore, host_of
from hca_core.errors import AuthError
from hca_core.records import Credentials

__all__ = ["CredentialsHook", "environment_names", "expiry", "resolve"]


class CredentialsHook(Protocol):
    """Asks the plugins; `hca_core.plugins.Plugins.credentials` is one."""

    def __call__(
        self, *, service: str, url: str, settings: Mapping[str, Any], rejected: str | None
    ) -> Credentials | None: ...


def resolve(
    service: str,
    url: str,
    *,
    explicit: str | None = None,
    environ: Mapping[str, str],
    settings: Mapping[str, Any],
    hook: CredentialsHook,
    store: TokenStore | None = None,
    rejected: str | None = None,
    now: Callable[[], float] = time.time,
) -> Credentials:
    """Return the first token that there is, and that is not the `rejected` one.

    Nothing behind the place that has a token is touched: with a token in the environment no file is opened. A
    stored login counts until it expires. Without `store`, logins are in `credentials.json` beside the user's settings.

    Raises:
        AuthError: there is no token, or it is not one.
        ConfigError: the file of stored logins cannot be used.
    """
    problem = f"The {service} service needs a login, and no token was found"
    candidates = chain(
        _given(service, explicit, environ),
        _stored(url, store or TokenStore(paths.config_dir(environ) / "credentials.json")),
        _offered(hook, service, url, settings, rejected),
    )
    for candidate in candidates:
        _check(candidate, service)
        if candidate.token == rejected:
            problem = f"The {service} service refused the token from {candidate.source}, and no other was found"
        elif _expired_login(candidate, now()):
            problem = f"Your login to the {service} service has expired"
        else:
            return candidate
    raise AuthError(
        f"{problem}.",
        service=service,
        hint=f"Run `hca {service} login`, or set {environment_names(service)[0]} to a token.",
    )


def environment_names(service: str) -> tuple[str, str]:
    """Return the environment variables that may hold a token for `service`, the stronger first."""
    return f"HCA_{re.sub('[^A-Z0-9]', '_', service.upper())}_TOKEN", "HCA_TOKEN"


def expiry(token: str) -> float | None:
    """Return when a token expires (seconds since 1970) if it is a JWT that says so; its signature is not checked."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        moment = float(claims["exp"])
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None
    return moment if math.isfinite(moment) else None


# These are generators so that a place is looked at only when its turn comes.


def _given(service: str, explicit: str | None, environ: Mapping[str, str]) -> Iterator[Credentials]:
    if explicit:
        yield _described(explicit, "the token argument")
    for name in environment_names(service):
        if environ.get(name, "").strip():
            yield _described(environ[name].strip(), name)


def _stored(url: str, store: TokenStore) -> Iterator[Credentials]:
    stored = store.get(host_of(url))
    if stored:
        yield _described(stored.token, stored.source, stored.expires_at)


def _offered(
    hook: CredentialsHook, service: str, url: str, settings: Mapping[str, Any], rejected: str | None
) -> Iterator[Credentials]:
    offered = hook(service=service, url=url, settings=settings, rejected=rejected)
    if offered:
        yield _described(offered.token, offered.source, offered.expires_at)


def _described(token: str, source: str, expires_at: float | None = None) -> Credentials:
    return Credentials(token, source, expiry(token) if expires_at is None else expires_at)


def _check(credentials: Credentials, service: str) -> None:
    """Refuse what would break the header that carries it."""
    if not re.fullmatch(r"[!-~]+", credentials.token):
        raise AuthError(
            f"What {credentials.source} holds is not a token: it contains a space or an unusual character.",
            service=service,
            hint="Give the token alone, without `Bearer` before it.",
        )


def _expired_login(credentials: Credentials, now: float) -> bool:
    # Other sources are the user's word or renew themselves; a wrong clock here must not overrule them.
    return credentials.source == STORED_LOGIN and (credentials.expires_at or math.inf) <= now
