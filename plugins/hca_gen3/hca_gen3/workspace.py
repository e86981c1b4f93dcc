"""The workspace token service (WTS): gives tokens of the commons at which a user has logged in there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hca_core.errors import ApiError, AuthError
from hca_core.redact import readable
from hca_gen3.errors import UsageError
from hca_gen3.keys import origin
from hca_gen3.tokens import refuse, token_in

if TYPE_CHECKING:
    from hca_core.http import Session

__all__ = ["LOCAL", "Provider", "providers", "select", "service_address", "token"]

LOCAL = "local"
"""What a workspace token service calls the commons that it belongs to."""


@dataclass(frozen=True)
class Provider:
    """A commons at which the users of a workspace can log in. `commons` is its address."""

    idp: str
    commons: str


def service_address(environ: Mapping[str, str], named: str | None = None) -> str | None:
    """Return where the token service of the workspace is in which we run; None outside of workspaces.

    `named` is the address that the user has given.

    Raises:
        UsageError: the environment variable NAMESPACE cannot be part of a host name.
    """
    if named:
        return named.strip().rstrip("/")
    namespace = environ.get("NAMESPACE", "").strip()
    if not namespace and not environ.get("KUBERNETES_SERVICE_HOST"):
        return None
    if not re.fullmatch(r"[a-z0-9-]{0,63}", namespace):
        raise UsageError(f"The environment variable NAMESPACE is no Kubernetes namespace: {readable(namespace, 63)!r}.")
    return f"http://workspace-token-service.{namespace or 'default'}.svc.cluster.local"


def token(session: Session, service: str, idp: str | None, *, secured: bool) -> str:
    """Return an access token of the commons that the service calls `idp`, by default its own.

    Raises:
        AuthError: the service gives none.
        NetworkError: nobody is there to ask.
    """
    try:
        answer = session.send("GET", f"{service}/token/", params={"idp": idp} if idp else None, secured=secured)
    except (ApiError, AuthError) as error:
        hint = "Log in to it on the Workspaces page of the commons, then try again."
        refuse(f"The workspace token service gave no token of {readable(idp or LOCAL, 60)!r}", error, hint)
    return token_in(answer, "token")


def providers(session: Session, service: str) -> list[Provider]:
    """Return the commons at which the service's users can log in, beside its own; it tells everybody.

    Raises:
        AuthError: the service does not tell.
        NetworkError: nobody is there to ask.
    """
    try:
        answer = session.send("GET", f"{service}/external_oidc/")
    except (ApiError, AuthError) as error:
        refuse("The workspace token service does not tell which commons it knows", error, None)
    try:
        found = answer.json()["providers"]
        return [provider for entry in found if (provider := _provider(entry))]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise AuthError(
            f"What {readable(answer.url, 200)} answered with is no list of commons.", service="gen3"
        ) from None


def select(found: Sequence[Provider], commons: str) -> Provider:
    """Return the provider for the commons at this address.

    Raises:
        AuthError: there is none, or more than one.
    """
    matching = [provider for provider in found if provider.commons == commons]
    if len(matching) == 1:
        return matching[0]
    known = ", ".join(f"{readable(provider.idp, 60)} ({provider.commons})" for provider in found) or "none"
    if matching:
        raise AuthError(
            f"The workspace token service knows {commons} by several names.",
            service="gen3",
            hint=f"Choose one of them as idp: {', '.join(readable(provider.idp, 60) for provider in matching)}.",
        )
    raise AuthError(
        f"The workspace token service has no login at {commons}.", service="gen3", hint=f"It knows: {known}."
    )


def _provider(entry: Any) -> Provider | None:
    """Return what an entry describes; None if it is nothing that a token could be for."""
    if not isinstance(entry, Mapping):
        return None
    idp, address = entry.get("idp"), entry.get("base_url")
    if not isinstance(idp, str) or not idp or not isinstance(address, str):
        return None
    try:
        return Provider(idp, origin(address))
    except UsageError:
        return None
