"""Puts the parts together: settings, plugins, credentials, sessions and clients. Everything is made on first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hca_core import paths
from hca_core.errors import ArgumentError
from hca_core.hosts import host_of
from hca_core.plugins import PER_SERVICE, Plugins
from hca_core.records import Credentials, ServiceSpec

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from hca_core.credentials.login import Dialogue, LoginFlow
    from hca_core.credentials.logout import LoggedOut
    from hca_core.credentials.places import Places
    from hca_core.credentials.store import Login, TokenStore
    from hca_core.http import Session
    from hca_core.openapi.document import DescriptionCache
    from hca_core.openapi.model import Api
    from hca_core.settings import Settings
    from hca_core.transfer.objects import ObjectStore

__all__ = ["App"]


class App:
    """One user's view of hca: which settings hold, which plugins are there, and how to talk to their services.

    `config` is a mapping (such as `HCAConfig`) that overrides all settings; `profile` names a settings profile;
    `on_wait(seconds, reason)` is told when a service asks for patience, `on_settings` the settings when they are read.
    """

    def __init__(
        self,
        *,
        config: Mapping[str, Any] | None = None,
        profile: str | None = None,
        environ: Mapping[str, str] = os.environ,
        plugins: Plugins | None = None,
        on_wait: Callable[[float, str], None] | None = None,
        on_settings: Callable[[Settings], None] | None = None,
    ) -> None:
        self.environ = environ
        self.plugins = plugins or Plugins(environ)
        self._config = config
        self._profile = profile or environ.get("HCA_PROFILE") or None
        self._on_wait = on_wait
        self._on_settings = on_settings
        self._sessions: list[Session] = []

    @cached_property
    def settings(self) -> Settings:
        """The merged settings of all layers.

        Raises:
            ConfigError: a layer cannot be read, or the profile does not exist.
        """
        from hca_core.settings import load

        profiles = self.plugins.profiles() if self._profile else ()
        found = load(
            self.plugins.settings(),
            environ=self.environ,
            profile=self._profile,
            profiles=profiles,
            overrides=self._config,
        )
        if self._on_settings:
            self._on_settings(found)
        return found

    @cached_property
    def descriptions(self) -> DescriptionCache:
        """API descriptions fetched from services, kept for a week."""
        from hca_core.openapi.document import DescriptionCache

        return DescriptionCache(paths.cache_dir(self.environ) / "descriptions")

    def service(self, name: str) -> ServiceSpec:
        """Return the service called `name`.

        Raises:
            ArgumentError: no installed plugin knows it.
        """
        services = self.plugins.services()
        if name not in services:
            known = ", ".join(sorted(services)) or "none"
            raise ArgumentError(f"No installed plugin provides the service {name!r}.", hint=f"Known services: {known}.")
        return services[name]

    def address(self, name: str) -> str | None:
        """Return where a service without an API description is; None if the user has named no place."""
        target = self.service(name).address
        found: str | None = load_target(target)(self) if target else None
        return found

    def document(self, name: str, *, swagger_url: str | None = None, offline: bool = False) -> dict[str, Any]:
        """Return the API description of a service.

        The copy that came with the plugin serves the service's usual address; for any other address
        (`swagger_url`, or the setting) the description is fetched and kept for a week. `offline` takes what is
        there and never asks the network.
        """
        from hca_core.openapi import document

        spec = self._described(name)
        if offline and swagger_url is None and self.descriptions.is_empty():
            # Nothing was ever fetched, so no setting can matter: `hca dss --help` need not read any.
            return document.bundled(spec.description)
        url = swagger_url or self.description_url(spec)
        if offline or url == spec.description_url:
            return self.descriptions.cached(url) or document.bundled(spec.description)
        return self.descriptions.load(url, self._fetch)

    def refresh(self, name: str) -> str:
        """Fetch the API description of a service again and keep it; return where it came from.

        Raises:
            NetworkError, ApiError: it cannot be fetched; the copy that there is stays.
            SpecError: what came is no description.
        """
        from hca_core.openapi.parse import parse

        spec = self._described(name)
        url = self.description_url(spec)
        self.descriptions.store(url, self._fetch(url), check=lambda found: parse(found, source_url=url))
        return url

    def description_url(self, spec: ServiceSpec) -> str:
        """Return where a service's description comes from, according to the settings."""
        return str(self.settings.value(f"{spec.section}.swagger_url") or spec.description_url)

    def api(self, name: str, *, swagger_url: str | None = None, offline: bool = False) -> Api:
        """Return the parsed API of a service; arguments as for `document`."""
        from hca_core.openapi.parse import parse

        spec = self._described(name)
        found = self.document(name, swagger_url=swagger_url, offline=offline)
        # Offline, the operations are wanted and not the address, so the settings need not be read for it.
        url = swagger_url or (spec.description_url if offline else self.description_url(spec))
        return parse(found, source_url=url, safe_posts=spec.safe_posts)

    def session(
        self,
        name: str,
        url: str,
        *,
        token: str | None = None,
        authorize: Callable[[str | None], Credentials | None] | None = None,
        **options: Any,
    ) -> Session:
        """Return a new HTTP session for a service whose API is at `url`.

        Credentials are looked up when an operation needs them, by `authorize` (a function of the token that was
        refused, or None) if it is given. `options` override what the settings say about the network (see
        `hca_core.http.Session`).
        """
        spec = self.service(name)
        own = {key: self._value(key, spec) for key in PER_SERVICE if key.startswith("network.")}
        network = {key.removeprefix("network."): value for key, value in own.items()}
        look_up = authorize or (lambda rejected: self.credentials(name, url, token, rejected=rejected))
        return self._open(network, look_up, **options)

    def credentials(self, name: str, url: str, token: str | None = None, *, rejected: str | None = None) -> Credentials:
        """Return who the user is for a service whose API is at `url`; a login is renewed if it has to be.

        `token` wins over all others; `rejected` is the one that the service has refused.

        Raises:
            AuthError: there is no token, or it cannot be used.
            NetworkError: nobody is there to renew a login.
        """
        from hca_core.credentials.resolve import resolve

        return resolve(
            name,
            url,
            explicit=token,
            environ=self.environ,
            settings=self.settings,
            hook=self.plugins.credentials,
            post=self._post,
            rejected=rejected,
            without_account=self._without_account(),
        )

    def places(self) -> Places:
        """Return the places where tokens may be; nothing in them is renewed."""
        from hca_core.credentials.places import Places

        return Places(self.environ, self.settings, self.plugins.credentials, without_account=self._without_account())

    def login_flow(self, name: str, url: str, dialogue: Dialogue) -> LoginFlow:
        """Return a way to log in to a service whose API is at `url`; its provider is looked up.

        Raises:
            AuthError, ConfigError, NetworkError: there is nowhere to log in.
        """
        from hca_core.credentials import provider
        from hca_core.credentials.login import LoginFlow

        spec = self.service(name)
        issuer, client_id = (self._value(key, spec) for key in ("login.issuer", "login.client_id"))
        found = provider.find(name, url, self._get, issuer=issuer, client_id=client_id)
        return LoginFlow(name, found, self._get, self._post, dialogue, self.settings.value("auth.audience"))

    def keep_login(self, url: str, login: Login) -> None:
        """Keep a login for the service whose API is at `url`, instead of the one that was kept before."""
        self._logins().put(host_of(url), login)

    def logout(self, name: str, url: str) -> LoggedOut:
        """Forget the login to a service whose API is at `url`, and have its provider revoke it if it can."""
        from hca_core.credentials.logout import log_out

        return log_out(name, host_of(url), store=self._logins(), post=self._post, environ=self.environ)

    def client(self, name: str) -> Any:
        """Return a client of a service, for example a `DSSClient`."""
        return load_target(self.service(name).client)(app=self)

    def object_store(self, scheme: str) -> ObjectStore:
        """Return the object store for URLs of a scheme, such as `s3`.

        Raises:
            ArgumentError: no installed plugin knows the scheme.
        """
        stores = self.plugins.object_stores()
        if scheme not in stores:
            known = ", ".join(sorted(stores))
            raise ArgumentError(f"There is no object store for {scheme}:// URLs.", hint=f"Known schemes: {known}.")
        store: ObjectStore = load_target(stores[scheme].target).from_settings(self.settings)
        return store

    def executor(self, name: str, scheduler: str | None = None) -> Executor:
        """Return workers other than local threads; `scheduler` is the address where they are, if not the usual one.

        Raises:
            ArgumentError: no installed plugin knows the name.
        """
        executors = self.plugins.executors()
        if name not in executors:
            known = ", ".join(("local", *sorted(executors)))
            hint = f"Known executors: {known}. Others come with plugins, such as hca-dask."
            raise ArgumentError(f"No installed plugin has an executor {name!r}.", hint=hint)
        made: Executor = load_target(executors[name].target)(self.settings, scheduler)
        return made

    def close(self) -> None:
        """Close all connections."""
        while self._sessions:
            self._sessions.pop().close()

    def _described(self, name: str) -> ServiceSpec:
        spec = self.service(name)
        if not spec.described:
            raise ArgumentError(f"The service {name!r} has no API description.")
        return spec

    def _without_account(self) -> frozenset[str]:
        """Services to which no token is sent that is signed for a Google service account."""
        return frozenset(spec.name for spec in self.plugins.services().values() if not spec.described)

    def _logins(self) -> TokenStore:
        from hca_core.credentials.store import TokenStore

        return TokenStore.of_user(self.environ, self.settings)

    def _value(self, key: str, spec: ServiceSpec) -> Any:
        """Return a setting for one service: its own if there is one, else that for all."""
        own = self.settings.value(f"{spec.section}.{PER_SERVICE[key]}")
        return self.settings.value(key) if own is None else own

    def _open(
        self,
        network: Mapping[str, Any] | None = None,
        authorize: Callable[[str | None], Credentials | None] | None = None,
        **options: Any,
    ) -> Session:
        """Return a session with the network settings, but for those in `network`; `options` are the session's own."""
        from hca_core.http import Session
        from hca_core.retry import RetryPolicy

        def value(name: str) -> Any:
            return (network or {}).get(name, self.settings.value(f"network.{name}"))

        defaults = {
            "policy": RetryPolicy(attempts=value("retries") + 1, deadline=value("deadline")),
            "connect_timeout": value("connect_timeout"),
            "read_timeout": value("read_timeout"),
            "proxy": value("proxy"),
            "ca_bundle": value("ca_bundle"),
            "allow_http": value("allow_http"),
            "on_wait": self._on_wait,
            "authorize": authorize,
        }
        session = Session(**{**defaults, **options})
        self._sessions.append(session)
        return session

    def _fetch(self, url: str) -> str:
        session = self._open()
        try:
            return session.send("GET", url).text
        finally:
            session.close()

    def _get(self, url: str) -> Any:
        from hca_core.retry import RetryPolicy

        session = self._open(policy=RetryPolicy(attempts=3, deadline=30.0), connect_timeout=5.0, read_timeout=15.0)
        try:
            return session.send("GET", url).json()
        finally:
            session.close()

    def _post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Any:
        from hca_core.retry import RetryPolicy

        # Others wait for the lock of the logins meanwhile, for up to 30 seconds.
        policy = RetryPolicy(attempts=2, deadline=5.0, max_redirects=0)
        session = self._open(policy=policy, connect_timeout=5.0, read_timeout=15.0)
        try:
            return session.send("POST", url, data=form, headers=headers).json()
        finally:
            session.close()


def load_target(target: str) -> Any:
    """Import what a record's target `package.module:attribute` names."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)
