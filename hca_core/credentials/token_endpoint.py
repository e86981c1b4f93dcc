"""Asks a token endpoint for tokens; nothing secret that it was sent comes back in words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from hca_core.credentials.application import Application
from hca_core.credentials.claims import expiry
from hca_core.errors import ApiError, AuthError, HcaError, NetworkError
from hca_core.hosts import keeps_secrets
from hca_core.redact import HIDDEN, redact

__all__ = ["Post", "Refusal", "Tokens", "is_token", "request", "send", "without"]

Post = Callable[[str, Mapping[str, str], Mapping[str, str]], Any]
"""Sends a form to a URL, with these headers, and returns the parsed JSON of the answer; an HcaError or ValueError if
there is none."""


@dataclass(frozen=True)
class Tokens:
    """What a token endpoint gave. `expires_at` is seconds since 1970, None if it is not known."""

    access_token: str = field(repr=False)
    expires_at: float | None
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    scope: str | None = None


class Refusal(Exception):
    """Why a token endpoint gave no tokens, in words without secrets.

    `ended`: what was sent is not good any more. `temporary`: trying again later may help.
    """

    def __init__(self, words: str, *, ended: bool = False, temporary: bool = False) -> None:
        super().__init__(words)
        self.ended = ended
        self.temporary = temporary


def send(post: Post, endpoint: str, application: Application, form: Mapping[str, str | None]) -> Any:
    """Return what an endpoint answers to an application that sends `form`, without its empty fields."""
    fields = {**form, **application.form}
    return post(endpoint, {name: value for name, value in fields.items() if value}, application.headers)


def request(
    post: Post,
    endpoint: str,
    application: Application,
    form: Mapping[str, str | None],
    *,
    secrets: Iterable[str | None],
    moment: float,
) -> Tokens:
    """Return what the token endpoint answers to an application that sends `form`, without its empty fields.

    `secrets` is what no words may repeat, beside the application's; `moment` is now, in seconds since 1970.

    Raises:
        Refusal: there are no tokens, or they cannot be used.
    """
    if not keeps_secrets(endpoint):
        raise Refusal(f"it would be asked for over plain http, at {redact(endpoint)[:200]}")
    try:
        answer = send(post, endpoint, application, form)
    except (ApiError, AuthError, NetworkError) as error:
        # The endpoint may repeat what it was sent.
        words = without((*secrets, *application.secrets), error.message)
        raise Refusal(words, ended="invalid_grant" in error.message, temporary=_is_temporary(error)) from None
    except ValueError:
        raise Refusal("the token endpoint did not answer with JSON") from None
    return _read(answer, moment)


def is_token(value: Any) -> TypeGuard[str]:
    """Return whether a value can be sent as a bearer token."""
    return isinstance(value, str) and re.fullmatch(r"[!-~]+", value) is not None


def without(secrets: Iterable[str | None], text: str) -> str:
    """Return `text` with these secrets, and everything that looks like one, hidden."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN) if secret else text
    return redact(text)


def _is_temporary(error: HcaError) -> bool:
    return isinstance(error, NetworkError) or (isinstance(error, ApiError) and error.status >= 500)


def _read(answer: Any, moment: float) -> Tokens:
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not is_token(token):
        raise Refusal("the token endpoint did not answer with a token")
    kind = answer.get("token_type")
    if kind is not None and str(kind).lower() != "bearer":
        raise Refusal("the token endpoint answered with a token of an unknown type")
    return Tokens(
        token,
        _expires_at(token, answer.get("expires_in"), moment),
        *(_text(answer.get(name)) for name in ("refresh_token", "id_token", "scope")),
    )


def _expires_at(token: str, expires_in: Any, moment: float) -> float | None:
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError, OverflowError):
        return expiry(token)
    return moment + seconds if math.isfinite(seconds) and seconds > 0 else expiry(token)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
