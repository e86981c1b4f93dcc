"""Finds the OpenID provider at which users of a service log in; what servers say about it is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from hca_core.credentials.application import Application, chosen_method
from hca_core.errors import ApiError, AuthError, ConfigError
from hca_core.hosts import is_loopback, keeps_secrets
from hca_core.redact import readable

__all__ = ["Get", "Provider", "find"]

Get = Callable[[str], Any]
"""Returns the parsed JSON of the document at a URL; an HcaError or ValueError if there is none."""

SECRETS = "/internal/application_secrets"
DISCOVERY = "/.well-known/openid-configuration"
# Nobody listens there: the browser shows this address with the code in it, to be copied.
NOWHERE = "http://127.0.0.1:8080/"


@dataclass(frozen=True)
class Provider:
    """An OpenID provider, and as which application (`client_id`) hca is known there.

    `jwks_uri` and `issuer` are what its identity tokens are checked with. `paste_uri` is where a browser ends from
    which the user copies the code; `auth_method` is how the secret is shown.
    """

    authorization_endpoint: str
    token_endpoint: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    issuer: str | None = None
    jwks_uri: str | None = None
    revocation_endpoint: str | None = None
    paste_uri: str = NOWHERE
    auth_method: str | None = None

    @property
    def application(self) -> Application:
        """As which application hca logs in."""
        return Application(self.client_id, self.client_secret, self.auth_method)


def find(service: str, url: str, get: Get, *, issuer: str | None = None, client_id: str | None = None) -> Provider:
    """Return the provider of the service whose API is at `url`.

    That is `issuer` if it is given; else what the service publishes: its application secrets, or a discovery
    document. `client_id` wins over the application that the service names.

    Raises:
        AuthError: nothing says where to log in, or what says it cannot be used.
        ConfigError: the issuer cannot be used, or does not know us.
        NetworkError: no answer.
    """
    for key, value in (("login.issuer", issuer), ("login.client_id", client_id)):
        if value is not None and not _is_word(value):
            raise ConfigError(f"The setting {key} must be one word, not {readable(value)!r}.", key=key)
    if not keeps_secrets(issuer or url):
        raise ConfigError(
            f"Nobody can log in safely over plain http, at {readable(issuer or url)}.",
            key="login.issuer" if issuer else None,
            hint="Use its https:// address.",
        )
    if issuer:
        return _discovered(f"{issuer.rstrip('/')}{DISCOVERY}", get, service, client_id, issuer=issuer)
    source = f"{_origin(url)}{SECRETS}"
    application = _document(get, source)
    if isinstance(application.get("installed"), Mapping):
        found = _of_application(_Source(application["installed"], source, service), get)
        return replace(found, client_id=client_id, client_secret=None) if client_id else found
    return _discovered(f"{_origin(url)}{DISCOVERY}", get, service, client_id)


@dataclass(frozen=True)
class _Source:
    """A document of a server, and where it came from."""

    document: Mapping[str, Any]
    url: str
    service: str

    def text(self, name: str) -> str:
        value = self.document.get(name)
        if not _is_word(value):
            raise self.refused(f"{name} is missing, or not a word")
        return str(value)

    def optional(self, name: str) -> str | None:
        return None if self.document.get(name) in (None, "") else self.text(name)

    def address(self, name: str) -> str:
        """Return a URL to which secrets and the user's browser may be sent."""
        value = self.text(name)
        if not _is_address(value, named_by=self.url):
            raise self.refused(f"{name} is not an https:// address")
        return value

    def optional_address(self, name: str) -> str | None:
        return None if self.optional(name) is None else self.address(name)

    def refused(self, why: str) -> AuthError:
        return AuthError(
            f"{readable(self.url)} does not tell how to log in: {why}.",
            service=self.service,
            hint="Tell the service's operators, or use a token: see `--access-token`.",
        )


def _of_application(source: _Source, get: Get) -> Provider:
    """Return the provider that an application is registered at, with what that says about itself, if anything."""
    authorize = source.address("auth_uri")
    at = f"{_origin(authorize)}{DISCOVERY}"
    more = _Source(_document(get, at), at, source.service)
    return Provider(
        authorization_endpoint=authorize,
        token_endpoint=source.address("token_uri"),
        client_id=source.text("client_id"),
        client_secret=source.optional("client_secret"),
        issuer=more.optional("issuer"),
        jwks_uri=more.optional_address("jwks_uri"),
        revocation_endpoint=more.optional_address("revocation_endpoint"),
        paste_uri=f"{_origin(authorize)}/echo",
        auth_method=chosen_method(more.document),
    )


def _discovered(at: str, get: Get, service: str, client_id: str | None, *, issuer: str | None = None) -> Provider:
    source = _Source(_document(get, at), at, service)
    if not source.document:
        raise source.refused("there is no such document")
    if client_id is None:
        raise ConfigError(
            f"{readable(at)} does not tell as which application hca logs in.",
            key="login.client_id",
            hint="Ask the service's operators, and set login.client_id.",
        )
    # Elsewhere the service speaks for its provider; an issuer that the user names has to speak for itself.
    if issuer and source.text("issuer").rstrip("/") != issuer.rstrip("/"):
        raise source.refused(f"its issuer is not {readable(issuer)}")
    return Provider(
        authorization_endpoint=source.address("authorization_endpoint"),
        token_endpoint=source.address("token_endpoint"),
        client_id=client_id,
        issuer=source.text("issuer"),
        jwks_uri=source.address("jwks_uri"),
        revocation_endpoint=source.optional_address("revocation_endpoint"),
    )


def _document(get: Get, url: str) -> Mapping[str, Any]:
    """Return the JSON object at `url`; an empty one if there is none."""
    try:
        found = get(url)
    except (ApiError, AuthError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[!-~]{1,2000}", value) is not None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_address(url: str, *, named_by: str) -> bool:
    try:
        parts, source = urlsplit(url), urlsplit(named_by)
        _ = parts.port
    except ValueError:
        return False
    if not keeps_secrets(url) or not parts.hostname or parts.username is not None or parts.fragment:
        return False
    # A server elsewhere has no business on this machine.
    return parts.scheme == "https" or is_loopback(source.hostname or "")
