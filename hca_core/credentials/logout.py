"""Ends a login: at the provider if it lets us, and on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hca_core.credentials.advice import set_variables
from hca_core.credentials.store import Login, TokenStore
from hca_core.credentials.token_endpoint import Post, send, without
from hca_core.errors import HcaError
from hca_core.hosts import keeps_secrets

__all__ = ["LoggedOut", "log_out"]


@dataclass(frozen=True)
class LoggedOut:
    """What became of a logout.

    `removed`: there was a login at `host`. `warning` says why the provider may still honour it. `still_set` are the
    environment variables that log the user in nevertheless.
    """

    host: str
    removed: bool
    warning: str | None = None
    still_set: tuple[str, ...] = ()


def log_out(service: str, host: str, *, store: TokenStore, post: Post, environ: Mapping[str, str]) -> LoggedOut:
    """Forget the login at `host`, then ask its provider to revoke the refresh token.

    Raises:
        ConfigError: the store cannot be read or written.
    """
    login = store.remove(host)
    warning = _revoke(login, post) if login else None
    return LoggedOut(host, login is not None, warning, tuple(set_variables(service, environ)))


def _revoke(login: Login, post: Post) -> str | None:
    """Return why the refresh token could not be revoked, or None."""
    endpoint = login.revocation_endpoint
    if not login.refresh_token or not endpoint:
        return None
    if not keeps_secrets(endpoint):
        return "it would be sent over plain http"
    form = {"token": login.refresh_token, "token_type_hint": "refresh_token"}
    try:
        send(post, endpoint, login.application, form)
    except HcaError as error:
        return without((login.refresh_token, *login.application.secrets), error.message)
    except ValueError:
        return None  # success is said by the status; there is nothing to read
    return None
