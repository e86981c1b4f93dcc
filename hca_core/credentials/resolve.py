"""Finds the token for a service: argument, environment, service account, stored login, plugins, in this order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from hca_core.credentials.advice import environment_names, login_hint, replacing_hint
from hca_core.credentials.places import ARGUMENT, CredentialsHook, Places
from hca_core.credentials.store import STORED_LOGIN, TokenStore
from hca_core.credentials.token_endpoint import Post
from hca_core.errors import AuthError
from hca_core.records import Credentials
from hca_core.redact import redact

__all__ = ["resolve"]


def resolve(
    service: str,
    url: str,
    *,
    explicit: str | None = None,
    environ: Mapping[str, str],
    settings: Mapping[str, Any],
    hook: CredentialsHook,
    store: TokenStore | None = None,
    post: Post | None = None,
    rejected: str | None = None,
    now: Callable[[], float] = time.time,
    without_account: frozenset[str] = frozenset(),
) -> Credentials:
    """Return the first token that there is, and that is not the `rejected` one.

    Nothing behind the place that has a token is touched: with a token in the environment no file is opened. If an
    argument's or the environment's token is rejected, no other is looked for. A stored login counts until it expires;
    with `post` it is renewed before. The rest is as for `Places`.

    Raises:
        AuthError: there is no token, or it is not one; a login cannot be renewed.
        ConfigError: a file of logins or keys cannot be used.
        NetworkError: nobody is there to renew a login.
    """
    places = Places(environ, settings, hook, store, post, now, without_account)
    problem, hint = _none_found(service, url, places.withheld(service, url), rejected)
    for found in places.tokens(service, url, explicit=explicit, rejected=rejected):
        if found.token == rejected and found.source in _named_by_user(service):
            # Somebody said who they are here: to go on as somebody else would be a surprise.
            raise AuthError(
                f"The {service} service refused the token from {found.source}.",
                service=service,
                hint=_replacing(found.source, service),
            )
        if found.token == rejected:
            problem = f"The {service} service refused the token from {found.source}, and no other was found"
        elif _is_over(found, now()):
            problem = f"Your login to the {service} service has expired"
        else:
            return found
    raise AuthError(f"{problem}.", service=service, hint=hint)


def _named_by_user(service: str) -> tuple[str, ...]:
    return (ARGUMENT, *environment_names(service))


def _is_over(found: Credentials, moment: float) -> bool:
    # Other sources are the user's word or renew themselves; a wrong clock here must not overrule them.
    return found.source == STORED_LOGIN and found.expires_at is not None and found.expires_at <= moment


def _none_found(service: str, url: str, withheld: str | None, rejected: str | None) -> tuple[str, str]:
    """Return what to say, and what to advise, if there is no token, or none but the `rejected` one.

    `withheld` is a variable that could not be used.
    """
    if rejected:
        return f"The {service} service refused the token, and no other was found", login_hint(service)
    if withheld:
        problem = f"{withheld} is not used for the {service} service, because others could read it on the way"
        return problem, f"Use the https:// address of the service instead of {redact(url)}."
    return f"The {service} service needs a login, and no token was found", login_hint(service)


def _replacing(source: str, service: str) -> str:
    if source == ARGUMENT:
        return f"Give another one, or none to use that of `hca {service} login`."
    return replacing_hint(service, source)
