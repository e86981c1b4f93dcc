"""The ways to get an access token."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hca_core.errors import AuthError
from hca_core.records import Credentials
from hca_gen3 import tokens, workspace
from hca_gen3.keys import ApiKey, issuing_commons, origin

if TYPE_CHECKING:
    from hca_core.http import Session

__all__ = ["ADVICE", "Client", "Fixed", "Key", "OpenSession", "Partner", "Source", "Workspace"]

ADVICE = (
    "Create an API key on the profile page of your commons, and save it as ~/.gen3/credentials.json; or name its file "
    "in GEN3_API_KEY or in the setting gen3.key_file."
)


class OpenSession(Protocol):
    """Opens a session for a few requests to `url`; `authorize` gives the token for those that are secured."""

    def __call__(
        self, url: str, authorize: Callable[[str | None], Credentials] | None = None, *, allow_http: bool = False
    ) -> AbstractContextManager[Session]: ...


class Source(Protocol):
    """A way to get access tokens.

    `name` is how messages call it; `endpoint` the commons whose tokens they are, None if only a token tells;
    `identity` what makes two sources the same, None if there is nothing to fetch and so nothing to keep.
    """

    @property
    def name(self) -> str: ...

    @property
    def endpoint(self) -> str | None: ...

    @property
    def identity(self) -> tuple[str | None, ...] | None: ...

    def fetch(self, open_session: OpenSession) -> str:
        """Return a new access token.

        Raises:
            AuthError: there is none to be had.
            NetworkError: nobody is there to ask.
        """


@dataclass(frozen=True)
class Fixed:
    """A token that the user has given; there is no other."""

    token: str = field(repr=False)
    name: str
    given: str | None = None

    @property
    def endpoint(self) -> str | None:
        return self.given or issuing_commons(self.token, f"the token from {self.name}")

    @property
    def identity(self) -> None:
        return None

    def fetch(self, open_session: OpenSession) -> str:
        return self.token


@dataclass(frozen=True)
class Key:
    """An API key, at the commons that gave it out."""

    key: ApiKey

    @property
    def name(self) -> str:
        return self.key.source

    @property
    def endpoint(self) -> str:
        return self.key.commons

    @property
    def identity(self) -> tuple[str | None, ...]:
        return "key", self.key.secret

    def fetch(self, open_session: OpenSession) -> str:
        with open_session(self.endpoint) as session:
            return tokens.from_key(session, self.key)


@dataclass(frozen=True)
class Client:
    """An OIDC client with the `client_credentials` grant."""

    endpoint: str
    client_id: str
    secret: str = field(repr=False)
    scopes: str

    @property
    def name(self) -> str:
        return f"the client {self.client_id}"

    @property
    def identity(self) -> tuple[str | None, ...]:
        return "client", self.endpoint, self.client_id, self.secret, self.scopes

    def fetch(self, open_session: OpenSession) -> str:
        with open_session(self.endpoint) as session:
            return tokens.from_client(session, self.endpoint, self.client_id, self.secret, self.scopes)


@dataclass(frozen=True)
class Workspace:
    """The workspace in which we run; `service` is where its token service is, None outside of workspaces."""

    service: str | None
    idp: str | None = None
    endpoint: str | None = None

    @property
    def name(self) -> str:
        return f"the workspace, as {self.idp}" if self.idp else "the workspace"

    @property
    def identity(self) -> tuple[str | None, ...]:
        return "workspace", self.service, self.idp, self.endpoint

    def fetch(self, open_session: OpenSession) -> str:
        if self.service is None:
            raise AuthError("There is no Gen3 API key, and this is no Gen3 workspace.", service="gen3", hint=ADVICE)
        # Inside a cluster there is only plain http, and nothing secret is sent: the service knows its pods.
        with open_session(self.service, allow_http=True) as session:
            token = workspace.token(session, self.service, self.idp, secured=False)
            if self.endpoint is None or issuing_commons(token, "the workspace's token") == origin(self.endpoint):
                return token
            found = workspace.providers(session, self.service)
            idp = workspace.select(found, origin(self.endpoint)).idp
            return workspace.token(session, self.service, idp, secured=False)


@dataclass(frozen=True)
class Partner:
    """An API key of one commons, whose workspace token service has logins at others: that called `idp`, or `endpoint`.

    Without either it is the token of the first commons itself.
    """

    key: ApiKey
    idp: str | None = None
    endpoint: str | None = None

    @property
    def name(self) -> str:
        return f"{self.key.source}, by way of {self.key.commons}"

    @property
    def identity(self) -> tuple[str | None, ...]:
        return "partner", self.key.secret, self.idp, self.endpoint

    def fetch(self, open_session: OpenSession) -> str:
        home = Key(self.key)

        def authorize(rejected: str | None) -> Credentials:
            return Credentials(home.fetch(open_session), self.key.source)

        service = f"{self.key.commons}/wts"
        with open_session(self.key.commons, authorize) as session:
            idp = self.idp
            if idp is None and self.endpoint:
                found = workspace.providers(session, service)
                idp = workspace.select(found, origin(self.endpoint)).idp
            return workspace.token(session, service, idp, secured=True)
