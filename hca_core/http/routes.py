"""Which connections lead to a URL: the rules for addresses, proxies and certificates, and the pools they give."""

from __future__ import annotations

import logging
import os
import re
import ssl
import threading
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy, should_bypass_proxies

from hca_core.errors import ConfigError
from hca_core.hosts import is_loopback
from hca_core.http.wire import Wire
from hca_core.redact import REDACTING, redact

# In the order in which they are asked; the first two are what requests and curl look at.
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|(?=.*:)[0-9a-f:.]{1,45}")
# urllib3 closes the least recently used host's connections beyond this number, whether or not they are in use.
_HOSTS = 10_000


class Route(NamedTuple):
    """The connections to one host: `pool` for requests, `wire` for files unless there is a `proxy` on the way."""

    pool: urllib3.HTTPConnectionPool
    wire: Wire | None
    proxy: str | None

    def target(self, parts: SplitResult) -> str:
        """Return what the request line names: a proxy for plain http wants to see the whole URL."""
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return f"{parts.scheme}://{parts.netloc}{path}" if self.proxy and parts.scheme == "http" else path


class Routes:
    """Finds and remembers the route to each host. Thread-safe.

    `proxy` and `ca_bundle` win over the environment; hosts in `NO_PROXY` are reached directly in any case.
    """

    def __init__(
        self,
        *,
        proxy: str | None,
        ca_bundle: str | None,
        allow_http: bool,
        pool_size: int,
        timeouts: tuple[float, float],
    ) -> None:
        self.proxy = proxy
        self.ca_bundle = ca_bundle or next((os.environ[name] for name in _CA_VARIABLES if os.environ.get(name)), None)
        self._allow_http = allow_http
        self._pool_size = pool_size
        self._timeouts = timeouts
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._managers: dict[tuple[str, str | None], urllib3.PoolManager] = {}
        self._routes: dict[tuple[str, str], Route] = {}
        # urllib3 logs whole request targets, signatures included.
        for name in ("urllib3.connection", "urllib3.connectionpool"):
            logging.getLogger(name).addFilter(REDACTING)

    def route(self, url: str) -> Route:
        """Return the route to a URL's host.

        Raises:
            ConfigError: the address is not one we talk to, or the proxy or CA bundle cannot be used.
        """
        parts = split(url)
        key = (parts.scheme, parts.netloc)
        found = self._routes.get(key)
        if found:
            return found
        check_address(parts, allow_http=self._allow_http)
        with self._lock:
            if key not in self._routes:
                self._routes[key] = self._new_route(url, parts)
            return self._routes[key]

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            for route in self._routes.values():
                if route.wire:
                    route.wire.close()
            self._routes.clear()
            for manager in self._managers.values():
                manager.clear()

    def _new_route(self, url: str, parts: SplitResult) -> Route:
        proxy = self._proxy_for(url)
        context = self._trust() if "https" in (parts.scheme, (proxy or "").partition(":")[0]) else None
        key = (parts.scheme, proxy)
        if key not in self._managers:
            self._managers[key] = _new_manager(proxy, context, self._pool_size)
        pool = self._managers[key].connection_from_host(parts.hostname, parts.port, parts.scheme)
        wire = None if proxy else Wire(parts, context=context, timeouts=self._timeouts, keep=self._pool_size)
        return Route(pool, wire, proxy)

    def _proxy_for(self, url: str) -> str | None:
        if not self.proxy:
            proxy = select_proxy(url, get_environ_proxies(url, no_proxy=None))
        else:
            proxy = None if should_bypass_proxies(url, no_proxy=None) else self.proxy
        return _checked_proxy(proxy) if proxy else None

    def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = trust(self.ca_bundle)
        return self._context


def split(url: str) -> SplitResult:
    """Split a URL into its parts; raise a ConfigError if that cannot be done."""
    try:
        return urlsplit(url)
    except ValueError:
        raise _no_address(url) from None


def check_address(parts: SplitResult, *, allow_http: bool) -> None:
    """Raise a ConfigError if we do not talk to this address: it is none, names a user, or would go in the clear."""
    try:
        # Reading the port checks it.
        usable = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        usable = False
    # Nothing but plain host names: two parsers must not disagree about where a request goes.
    if not usable or not _HOST.fullmatch(parts.hostname or ""):
        raise _no_address(parts.geturl())
    if parts.username is not None:
        raise ConfigError(
            f"The address of {parts.hostname} contains a user name or password.",
            hint="Remove it from the address; log in instead.",
        )
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"{parts.hostname} would be asked over plain http, where everybody on the way can read and change "
            "what is sent.",
            key="network.allow_http",
            hint="Use its https:// address, or allow plain http with the setting network.allow_http.",
        )


def _no_address(url: str) -> ConfigError:
    return ConfigError(f"{redact(url)[:200]!r} is not a web address such as https://example.org/path.")


def trust(ca_bundle: str | None) -> ssl.SSLContext:
    """Return a TLS set-up that trusts a file or folder of authorities, or the usual ones and the system's.

    Raises:
        ConfigError: the file or folder cannot be read.
    """
    if not ca_bundle:
        context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
        context.load_default_certs()
        return context
    path = Path(ca_bundle).expanduser()
    try:
        if path.is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ConfigError(
            f"The CA bundle {ca_bundle} cannot be used: {error.strerror or error}.",
            file=ca_bundle,
            key="network.ca_bundle",
            hint="Name a PEM file in the setting network.ca_bundle (or REQUESTS_CA_BUNDLE).",
        ) from error


def _checked_proxy(proxy: str) -> str:
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"The proxy {redact(address)!r} is not an http:// or https:// address.",
            key="network.proxy",
            hint="Correct the setting network.proxy or the environment variable HTTPS_PROXY.",
        )
    return address


def _new_manager(proxy: str | None, context: ssl.SSLContext | None, pool_size: int) -> urllib3.PoolManager:
    if not proxy:
        return urllib3.PoolManager(_HOSTS, maxsize=pool_size, ssl_context=context)
    user = urlsplit(proxy)
    login = f"{unquote(user.username)}:{unquote(user.password or '')}" if user.username else None
    return urllib3.ProxyManager(
        proxy,
        _HOSTS,
        maxsize=pool_size,
        ssl_context=context,
        proxy_ssl_context=context,
        proxy_headers=urllib3.make_headers(proxy_basic_auth=login) if login else None,
    )
