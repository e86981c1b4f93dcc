"""The places where a token may be, and the order in which they are looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from hca_core.credentials import service_account
from hca_core.credentials.advice import environment_names, set_variables
from hca_core.credentials.claims import expiry
from hca_core.credentials.refresh import renew
from hca_core.credentials.store import STORED_LOGIN, Login, TokenStore
from hca_core.credentials.token_endpoint import Post, is_token
from hca_core.errors import AuthError, NetworkError
from hca_core.hosts import host_of, keeps_secrets
from hca_core.records import Credentials

__all__ = ["ARGUMENT", "CredentialsHook", "Places", "check"]

# Clocks differ, and a request takes a while. It is more than a session allows for, which would otherwise ask for a
# token before each request of the last seconds.
MARGIN = 60.0
ARGUMENT = "the token argument"


class CredentialsHook(Protocol):
    """Asks the plugins; `hca_core.plugins.Plugins.credentials` is one."""

    def __call__(
        self, *, service: str, url: str, settings: Mapping[str, Any], rejected: str | None
    ) -> Credentials | None: ...


@dataclass(frozen=True)
class Places:
    """Where tokens may be: environment, service account, stored login, plugins.

    Without `store` it is the user's own. Without `post` nothing is sent anywhere, so no login is renewed. `now` tells
    the seconds since 1970. Services `without_account` do not know Google's service accounts.
    """

    environ: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    hook: CredentialsHook
    store: TokenStore | None = None
    post: Post | None = None
    now: Callable[[], float] = time.time
    without_account: frozenset[str] = frozenset()

    def tokens(
        self, service: str, url: str, *, explicit: str | None = None, rejected: str | None = None
    ) -> Iterator[Credentials]:
        """Yield the tokens there are for a service at `url`, strongest first, refused and expired ones included.

        Nothing behind the place whose turn it is gets touched.

        Raises:
            AuthError: what a place holds is not a token; a login cannot be renewed.
            ConfigError: a file cannot be used.
            NetworkError: nobody is there to renew a login.
        """
        for found in chain(
            [Credentials(explicit, ARGUMENT)] if explicit else [],
            self._from_environment(service, url),
            self._from_service_account(service, url, rejected),
            self._from_login(service, url, rejected),
            self._from_plugins(service, url, rejected),
        ):
            check(found, service)
            expires_at = expiry(found.token) if found.expires_at is None else found.expires_at
            yield found._replace(expires_at=expires_at)

    def login(self, url: str) -> Login | None:
        """Return the stored login at the host of `url`."""
        return self._store.get(host_of(url))

    def withheld(self, service: str, url: str) -> str | None:
        """Return the environment variable that is ignored because others could read what is sent to `url`."""
        return None if keeps_secrets(url) else next(iter(set_variables(service, self.environ)), None)

    @property
    def _store(self) -> TokenStore:
        return self.store or TokenStore.of_user(self.environ, self.settings)

    def _variable(self, name: str) -> str:
        return self.environ.get(name, "").strip()

    # What is in the environment was given for no particular host, so it does not go where anybody could read it.

    def _from_environment(self, service: str, url: str) -> Iterator[Credentials]:
        for name in environment_names(service):
            if self._variable(name) and keeps_secrets(url):
                yield Credentials(self._variable(name), name)

    def _from_service_account(self, service: str, url: str, rejected: str | None) -> Iterator[Credentials]:
        file = self._variable(service_account.VARIABLE)
        if file and keeps_secrets(url) and service not in self.without_account:
            audience = service_account.audience(self.settings)
            yield service_account.credentials(Path(file), audience, now=self.now(), rejected=rejected)

    def _from_login(self, service: str, url: str, rejected: str | None) -> Iterator[Credentials]:
        login = self.login(url)
        if login and self.post and login.renewable:
            login = self._renewed(login, service, url, rejected, self.post)
        if login:
            yield Credentials(login.access_token, STORED_LOGIN, login.expires_at)

    def _renewed(self, login: Login, service: str, url: str, rejected: str | None, post: Post) -> Login | None:
        """Return a login whose token is good for a while; the same one if it is, or cannot be renewed yet."""
        refused = login.access_token == rejected
        if not refused and not login.expired(self.now() + MARGIN):
            return login
        try:
            return renew(self._store, host_of(url), login.access_token, service=service, post=post, now=self.now)
        except NetworkError:
            if refused or login.expired(self.now()):
                raise
            return login

    def _from_plugins(self, service: str, url: str, rejected: str | None) -> Iterator[Credentials]:
        offered = self.hook(service=service, url=url, settings=self.settings, rejected=rejected)
        if offered:
            yield offered


def check(credentials: Credentials, service: str) -> None:
    """Raise an AuthError if a token would break the header that carries it."""
    if not is_token(credentials.token):
        raise AuthError(
            f"What {credentials.source} holds is not a token: it contains a space or an unusual character.",
            service=service,
            hint="Give the token alone, without `Bearer` before it.",
        )
