"""Gets the next token of a login from its token endpoint, once for all processes that want it."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hca_core.credentials.claims import expiry
from hca_core.credentials.store import Login, TokenStore
from hca_core.errors import ApiError, AuthError, HcaError, NetworkError
from hca_core.hosts import keeps_secrets
from hca_core.redact import HIDDEN, redact

__all__ = ["Post", "renew"]

log = logging.getLogger(__name__)

Post = Callable[[str, Mapping[str, str]], Any]
"""Sends a form to a URL and returns the parsed JSON of the answer; an HcaError or ValueError if there is none."""


def renew(
    store: TokenStore, host: str, stale: str, *, service: str, post: Post, now: Callable[[], float]
) -> Login | None:
    """Return the login at `host` with another token than `stale`, which has expired or was refused.

    A login that the token endpoint declares ended is returned, and kept, as expired and without its refresh token;
    one that the user removed meanwhile is None.

    Raises:
        AuthError: the token endpoint refuses for another reason, or cannot be used. The login is kept.
        NetworkError: no answer. The login is kept.
        ConfigError: the store cannot be read or written; nothing was sent.
    """

    def change(login: Login) -> Login:
        # We had to wait for the lock; whoever held it may have done our work.
        others_work = login.access_token != stale and not login.expired(now())
        return login if others_work or not login.renewable else _renewed(login, host, service, post, now())

    return store.update(host, change)


def _renewed(login: Login, host: str, service: str, post: Post, moment: float) -> Login:
    endpoint = login.token_endpoint or ""
    if not keeps_secrets(endpoint):
        raise _not_renewed(service, f"it would be asked for over plain http, at {redact(endpoint)[:200]}")
    try:
        answer = post(endpoint, _form(login))
    except (ApiError, AuthError, NetworkError) as error:
        # The endpoint may repeat what it was sent, so its words go no further than through `_said`.
        said = _said(error, login)
        if "invalid_grant" in error.message:
            log.info("The login at %s has ended: %s", host, said)
            return _ended(login, moment)
        raise _failure(error, service, said) from None
    except ValueError:
        raise _not_renewed(service, "the token endpoint did not answer with JSON") from None
    return _next(login, answer, service, moment)


def _form(login: Login) -> dict[str, str]:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": login.refresh_token,
        "client_id": login.client_id,
        "client_secret": login.client_secret,
    }
    return {name: value for name, value in form.items() if value}


def _ended(login: Login, moment: float) -> Login:
    # Sending the dead refresh token again would only look like theft. The rest says whose login has expired.
    return replace(login, refresh_token=None, expires_at=min(moment, login.expires_at or moment))


def _next(login: Login, answer: Any, service: str, moment: float) -> Login:
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
        raise _not_renewed(service, "the token endpoint did not answer with a token")
    kind = answer.get("token_type")
    if kind is not None and str(kind).lower() != "bearer":
        raise _not_renewed(service, "the token endpoint answered with a token of an unknown type")
    return replace(
        login,
        access_token=token,
        expires_at=_expires_at(token, answer.get("expires_in"), moment),
        refresh_token=_rotated(answer.get("refresh_token")) or login.refresh_token,
    )


def _rotated(token: Any) -> str | None:
    return token if isinstance(token, str) else None


def _expires_at(token: str, expires_in: Any, moment: float) -> float | None:
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError, OverflowError):
        return expiry(token)
    return moment + seconds if math.isfinite(seconds) and seconds > 0 else expiry(token)


def _said(error: HcaError, login: Login) -> str:
    text = error.message
    for secret in (login.refresh_token, login.access_token, login.client_secret):
        text = text.replace(secret, HIDDEN) if secret else text
    return redact(text)


def _failure(error: HcaError, service: str, said: str) -> HcaError:
    temporary = isinstance(error, NetworkError) or (isinstance(error, ApiError) and error.status >= 500)
    if temporary:
        return NetworkError(
            f"Your login to the {service} service could not be renewed: {said}", hint="Try again later."
        )
    return _not_renewed(service, said)


def _not_renewed(service: str, why: str) -> AuthError:
    return AuthError(
        f"Your login to the {service} service could not be renewed: {why.rstrip('.')}.",
        service=service,
        hint=f"Run `hca {service} login`.",
    )
