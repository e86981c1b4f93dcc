"""Gets the next token of a login from its token endpoint, once for all processes that want it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from hca_core.credentials.advice import login_hint
from hca_core.credentials.store import Login, TokenStore
from hca_core.credentials.token_endpoint import Post, Refusal, request
from hca_core.errors import AuthError, HcaError, NetworkError

__all__ = ["renew"]

log = logging.getLogger(__name__)


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
    form = {"grant_type": "refresh_token", "refresh_token": login.refresh_token}
    secrets = (login.refresh_token, login.access_token)
    try:
        tokens = request(post, login.token_endpoint or "", login.application, form, secrets=secrets, moment=moment)
    except Refusal as refusal:
        if refusal.ended:
            log.info("The login at %s has ended: %s", host, refusal)
            return _ended(login, moment)
        raise _failure(service, refusal) from None
    return replace(
        login,
        access_token=tokens.access_token,
        expires_at=tokens.expires_at,
        refresh_token=tokens.refresh_token or login.refresh_token,
    )


def _ended(login: Login, moment: float) -> Login:
    # Sending the dead refresh token again would only look like theft. The rest says whose login has expired.
    return replace(login, refresh_token=None, expires_at=min(moment, login.expires_at or moment))


def _failure(service: str, refusal: Refusal) -> HcaError:
    sentence = f"Your login to the {service} service could not be renewed: {str(refusal).rstrip('.')}."
    if refusal.temporary:
        return NetworkError(sentence, hint="Try again later.")
    return AuthError(sentence, service=service, hint=login_hint(service))
