"""Chooses where access tokens come from, by what the user has said and what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from hca_core.credentials.advice import environment_names
from hca_core.credentials.token_endpoint import is_token
from hca_gen3 import keys, workspace
from hca_gen3.errors import KeyFileError, UsageError
from hca_gen3.keys import ApiKey, origin
from hca_gen3.sources import Client, Fixed, Key, Partner, Source, Workspace
from hca_gen3.tokens import DEFAULT_SCOPES

__all__ = ["Surroundings", "address", "default", "named"]

_IDP = "idp://wts/"
_TOKEN = "accesstoken:///"  # noqa: S105 - what comes before a token
_APART = (
    ("refresh_file", "refresh_token"),
    ("endpoint", "idp"),
    *(("client_credentials", other) for other in ("refresh_file", "refresh_token", "idp")),
    *(("access_token", other) for other in ("refresh_file", "refresh_token", "idp", "client_credentials")),
)


class Surroundings:
    """What is there beside the arguments: the environment, and the user's settings, read when one is asked for."""

    def __init__(self, environ: Mapping[str, str], setting: Callable[[str], Any]) -> None:
        self.environ = environ
        self._setting = setting

    def text(self, key: str) -> str | None:
        """Return a setting as text; None if it is not set."""
        value = self._setting(f"gen3.{key}")
        return str(value).strip() or None if value is not None else None

    def workspace(self, *, idp: str | None = None, endpoint: str | None = None) -> Workspace:
        """Return the workspace in which we run, if we do."""
        service = workspace.service_address(self.environ, self.text("workspace_token_service"))
        return Workspace(service, idp, endpoint)


def address(text: str | None) -> str | None:
    """Return the address of a commons without blanks around it and slashes at its end; None if there is none.

    Raises:
        UsageError: it cannot be one.
    """
    found = (text or "").strip()
    return origin(found) + urlsplit(found).path.rstrip("/") if found else None


def named(
    around: Surroundings,
    *,
    endpoint: str | None,
    refresh_file: str | None,
    refresh_token: str | Mapping[str, Any] | None,
    idp: str | None,
    client_credentials: tuple[str, str] | None,
    client_scopes: str | None,
    access_token: str | None,
) -> Source | None:
    """Return the source that the arguments of `Auth` name; None if they name none.

    Raises:
        UsageError: they do not go together.
        KeyFileError: a key file is missing, or a key is none.
    """
    _check(locals())
    if access_token:
        return _fixed(access_token, "the access_token argument", endpoint)
    if client_credentials:
        return _client(client_credentials, client_scopes, endpoint or address(around.text("endpoint")))
    if refresh_token:
        return _with_key(keys.parse(refresh_token, "the refresh_token argument"), endpoint, idp)
    if refresh_file:
        return _from_file(str(refresh_file), endpoint, around, idp)
    return around.workspace(idp=idp) if idp else None


def default(around: Surroundings, endpoint: str | None) -> Source:
    """Return the source for a user who names none. The first one of these that is there counts:

    HCA_GEN3_TOKEN; HCA_TOKEN if an endpoint is named; GEN3_API_KEY; GEN3_CLIENT_ID; the settings gen3.key_file,
    gen3.client_id and, unless an endpoint is given, gen3.idp; the key file called "credentials"; the workspace.

    Raises:
        KeyFileError: a key file that the user names is missing, or a key file cannot be used.
        UsageError: what is there does not go together.
    """
    named = endpoint or address(around.text("endpoint"))
    return (
        _from_environment(around, named)
        or _from_settings(around, named)
        or (None if endpoint else _from_idp(around, named))
        or _from_usual_file(around, named)
        or around.workspace(endpoint=named)
    )


def _check(given: Mapping[str, Any]) -> None:
    for one, other in _APART:
        if given[one] and given[other]:
            raise UsageError(f"{one} and {other} cannot be given together.", parameter=other)
    if given["client_scopes"] and not given["client_credentials"]:
        raise UsageError("client_scopes are those of client_credentials, which are missing.", parameter="client_scopes")


def _from_environment(around: Surroundings, endpoint: str | None) -> Source | None:
    environ = around.environ
    for variable in environment_names("gen3"):
        # A token for all services does not say which commons is meant.
        if environ.get(variable, "").strip() and (endpoint or variable != "HCA_TOKEN"):
            return _fixed(environ[variable].strip(), variable, endpoint)
    if environ.get("GEN3_API_KEY"):
        return _from_file(environ["GEN3_API_KEY"], endpoint, around)
    if environ.get("GEN3_CLIENT_ID"):
        return _client((environ["GEN3_CLIENT_ID"], environ.get("GEN3_CLIENT_SECRET", "")), None, endpoint)
    return None


def _from_settings(around: Surroundings, endpoint: str | None) -> Source | None:
    file, client_id = around.text("key_file"), around.text("client_id")
    if file:
        return _from_file(file, endpoint, around)
    if client_id:
        return _client((client_id, around.text("client_secret") or ""), around.text("client_scopes"), endpoint)
    return None


def _from_idp(around: Surroundings, endpoint: str | None) -> Source | None:
    idp = around.text("idp")
    if idp and endpoint:
        raise UsageError("The settings gen3.endpoint and gen3.idp each say which commons is meant; unset one of them.")
    return around.workspace(idp=idp) if idp else None


def _from_usual_file(around: Surroundings, endpoint: str | None) -> Source | None:
    file = keys.locate(keys.DEFAULT_NAME, around.environ)
    return _with_key(keys.read(file), endpoint) if file else None


def _from_file(name: str, endpoint: str | None, around: Surroundings, idp: str | None = None) -> Source:
    """Return what is named where the name of a key file is expected."""
    if name.startswith(_TOKEN):
        return _fixed(name[len(_TOKEN) :], _TOKEN, endpoint)
    if name.startswith(_IDP):
        if endpoint or idp:
            raise UsageError(f"{_IDP}… says which commons is meant; neither endpoint nor idp can be given beside it.")
        return around.workspace(idp=name[len(_IDP) :].strip("/") or None)
    file = keys.locate(name, around.environ)
    if file is None:
        hint = "A name without a folder is looked for here and in ~/.gen3."
        raise KeyFileError(f"There is no Gen3 key file {name}.", file=name, hint=hint)
    return _with_key(keys.read(file), endpoint, idp)


def _fixed(token: str, name: str, endpoint: str | None) -> Fixed:
    if not is_token(token):
        raise UsageError(f"What {name} holds is not a token.", hint="Give the token alone, without `Bearer` before it.")
    return Fixed(token, name, endpoint)


def _with_key(key: ApiKey, endpoint: str | None, idp: str | None = None) -> Source:
    if idp or (endpoint and origin(endpoint) != key.commons):
        return Partner(key, idp, endpoint)
    return Key(key)


def _client(credentials: tuple[str, str], scopes: str | None, endpoint: str | None) -> Client:
    if endpoint is None:
        raise UsageError("client_credentials need an endpoint.", parameter="endpoint")
    if isinstance(credentials, str) or len(credentials) != 2 or not all(credentials):
        raise UsageError("client_credentials are an ID and a secret.", parameter="client_credentials")
    client_id, secret = credentials
    return Client(endpoint, client_id, secret, scopes or DEFAULT_SCOPES)
