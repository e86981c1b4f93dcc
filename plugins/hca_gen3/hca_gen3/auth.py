"""Who the user is at a Gen3 commons: `Auth` gives access tokens, and requests that carry them."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.app import App
from hca_core.credentials import claims
from hca_core.errors import AuthError, NetworkError
from hca_core.records import Credentials
from hca_gen3 import choice
from hca_gen3.errors import UsageError
from hca_gen3.keys import issuing_commons, origin
from hca_gen3.sources import Fixed, Key, Partner, Source, Workspace

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from hca_core.http import Session

__all__ = ["Auth", "known_endpoint", "offered"]

log = logging.getLogger(__name__)

MARGIN = 300.0  # seconds before it expires in which a token is replaced already
METHODS = ("GET", "POST", "PUT", "DELETE")


class Auth:
    """Access tokens for one Gen3 commons, renewed before they expire. Thread-safe; sends nothing before one is needed.

    It can be the `auth` of any request of the package `requests`. The arguments say where tokens come from; without
    them it is, in this order: a token in HCA_GEN3_TOKEN (or HCA_TOKEN, if an endpoint is named), GEN3_API_KEY,
    GEN3_CLIENT_ID with GEN3_CLIENT_SECRET, the settings gen3.key_file, gen3.client_id and gen3.idp, the key file
    "credentials", the workspace in which the program runs.

    Args:
        endpoint: address of the commons. By default that of the commons which gave out the key; if no other argument
            is given the setting gen3.endpoint comes first.
        refresh_file: path of a key file, or its name in ~/.gen3. `idp://wts/IDP` is a login in a workspace,
            `accesstoken:///TOKEN` an access token.
        refresh_token: an API key, or the content of a key file.
        idp: what the workspace token service calls the commons; "local" is its own.
        client_credentials: ID and secret of an OIDC client with the `client_credentials` grant.
        client_scopes: what the client's tokens are for, words separated by spaces; by default "user data openid".
        access_token: an access token, which is used as it is.
        app: settings and network; by default those of the user.

    Raises:
        UsageError: the arguments do not go together; it is a ValueError.
        KeyFileError: the key file is missing, or something else; it is a ValueError.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        refresh_file: str | None = None,
        refresh_token: str | Mapping[str, Any] | None = None,
        idp: str | None = None,
        client_credentials: tuple[str, str] | None = None,
        client_scopes: str | None = None,
        access_token: str | None = None,
        *,
        app: App | None = None,
    ) -> None:
        self.app = app or App()
        self._endpoint = choice.address(endpoint)
        self._lock = threading.RLock()
        self._kept: Credentials | None = None
        self._session: Session | None = None
        self._named = choice.named(
            self._around,
            endpoint=self._endpoint,
            refresh_file=refresh_file,
            refresh_token=refresh_token,
            idp=idp,
            client_credentials=client_credentials,
            client_scopes=client_scopes,
            access_token=access_token,
        )

    @property
    def endpoint(self) -> str:
        """The address of the commons, without a slash at its end.

        In a workspace only a token says it, so one may be fetched.

        Raises:
            AuthError, NetworkError: as `credentials`.
        """
        return self.source.endpoint or issuing_commons(self.get_access_token(), f"the token from {self.source.name}")

    @property
    def source(self) -> Source:
        """Where the tokens come from.

        Raises:
            KeyFileError, UsageError: what the user's settings or environment name cannot be used.
        """
        with self._lock:
            if self._named is None:
                self._named = choice.default(self._around, self._endpoint)
            return self._named

    def credentials(self, rejected: str | None = None) -> Credentials:
        """Return a token that is good for five minutes at least, and is not the `rejected` one.

        Raises:
            AuthError: there is none to be had.
            NetworkError: nobody is there to ask.
        """
        with self._lock:
            kept = self._kept
            if kept is None or kept.token == rejected or _ends_soon(kept):
                self._kept = self._next(rejected)
            assert self._kept is not None
            return self._kept

    def get_access_token(self) -> str:
        """Return an access token; a new one if it would expire within five minutes.

        Raises:
            AuthError, NetworkError: as `credentials`.
        """
        return self.credentials().token

    def refresh_access_token(self, endpoint: str | None = None) -> str:
        """Return a new access token; from the workspace token service if it is for another `endpoint`.

        Raises:
            AuthError, NetworkError: as `credentials`.
        """
        if endpoint and origin(endpoint) != origin(self.endpoint):
            return self.get_access_token_from_wts(endpoint)
        if isinstance(self.source, Fixed):
            log.warning("The token from %s cannot be replaced by a new one.", self.source.name)
            return self.source.token
        with self._lock:
            self._kept = self._fetched()
            return self._kept.token

    def get_access_token_from_wts(self, endpoint: str | None = None) -> str:
        """Return an access token that the workspace token service gives for the idp; without one for `endpoint`.

        Without either it is a token of the service's own commons, "local". With an API key, the service is that of
        the commons which gave out the key.

        Raises:
            AuthError: there is no workspace, or it has no login there.
            NetworkError: nobody is there to ask.
        """
        return self._at_service(choice.address(endpoint)).fetch(self._open)

    def curl(self, path: str, request: str | None = None, data: str | None = None) -> Response:
        """Return the answer to a request for `path`, such as /user/user.

        `request` is GET, POST, PUT or DELETE; by default POST if there is `data`, which is JSON text, or the name of a
        file with JSON after an @.

        Raises:
            UsageError: the method is unknown, or the data no JSON; it is a ValueError.
            HcaError: the commons refuses; see `hca_core.http.Session.send`.
        """
        method = (request or ("GET" if data is None else "POST")).upper()
        if method not in METHODS:
            raise UsageError(f"{request} is not one of {', '.join(METHODS)}.", parameter="request")
        body = None if data is None else _document(data)
        headers = None if data is None else {"Content-Type": "application/json"}
        url = f"{self.endpoint}/{path.lstrip('/')}"
        return self.session().send(method, url, headers=headers, data=body, secured=True)

    def session(self) -> Session:
        """Return the session whose secured requests carry the token, and a new one after a 401."""
        with self._lock:
            if self._session is None:
                self._session = self.app.session("gen3", self.endpoint, authorize=self.credentials)
            return self._session

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put the token into a request of the package `requests`; after a 401 it is sent once more with a new one.

        Raises:
            AuthError: the request goes elsewhere than to the commons; and as `credentials`.
        """
        from hca_gen3.resending import authorize

        return authorize(request, self)

    def __repr__(self) -> str:
        return f"<Auth {self._named.name if self._named else self._endpoint or 'of the user'}>"

    @property
    def _around(self) -> choice.Surroundings:
        return choice.Surroundings(self.app.environ, lambda key: self.app.settings.value(key))

    def _next(self, rejected: str | None) -> Credentials:
        from hca_gen3.kept import recall

        source = self.source
        if isinstance(source, Fixed):
            return self._only(source, rejected)
        found = recall(self.app, source)
        if found and found.token != rejected and not _ends_soon(found):
            return found
        try:
            return self._fetched()
        except NetworkError:
            if self._kept is None or self._kept.token == rejected or _is_over(self._kept):
                raise
            return self._kept

    def _only(self, source: Fixed, rejected: str | None) -> Credentials:
        if source.token == rejected:
            raise AuthError(
                f"{source.endpoint} refused the token from {source.name}.",
                service="gen3",
                hint="It may have expired: give another one, or none to use your API key.",
            )
        return _credentials(source.token, source)

    def _fetched(self) -> Credentials:
        from hca_gen3.kept import keep

        source = self.source
        found = _credentials(source.fetch(self._open), source)
        keep(self.app, source, found)
        return found

    def _at_service(self, endpoint: str | None) -> Source:
        source = self.source
        if isinstance(source, (Workspace, Partner)):
            return source if endpoint is None else replace(source, idp=None, endpoint=endpoint)
        if isinstance(source, Key):
            return Partner(source.key, None, None if endpoint in (None, source.endpoint) else endpoint)
        return self._around.workspace(endpoint=endpoint)

    def _open(
        self, url: str, authorize: Callable[[str | None], Credentials] | None = None, *, allow_http: bool = False
    ) -> Session:
        from hca_core.retry import RetryPolicy

        def nobody(rejected: str | None) -> None:
            return None

        # Somebody waits for the token; and a key must not follow where another host redirects it to.
        policy = RetryPolicy(attempts=3, deadline=30.0, max_redirects=0)
        options: dict[str, Any] = {"allow_http": True} if allow_http else {}
        return self.app.session(
            "gen3",
            url,
            authorize=authorize or nobody,
            policy=policy,
            connect_timeout=10.0,
            read_timeout=20.0,
            **options,
        )


def known_endpoint(app: App) -> str | None:
    """Return the address of the user's commons as far as it is known without asking anybody."""
    return Auth(app=app).source.endpoint


def offered(url: str, settings: Mapping[str, Any], rejected: str | None) -> Credentials | None:
    """Return the user's credentials for the commons at `url`; None if they have none.

    Raises:
        AuthError, NetworkError: they have, but no token is to be had.
    """
    auth = Auth(origin(url), app=App(config=settings))
    source = auth.source
    nothing = isinstance(source, Workspace) and source.service is None
    return None if nothing else auth.credentials(rejected)


def _credentials(token: str, source: Source) -> Credentials:
    return Credentials(token, source.name, claims.expiry(token))


def _ends_soon(credentials: Credentials) -> bool:
    return credentials.expires_at is not None and credentials.expires_at < time.time() + MARGIN


def _is_over(credentials: Credentials) -> bool:
    return credentials.expires_at is not None and credentials.expires_at <= time.time()


def _document(data: str) -> bytes:
    """Return the JSON text that `data` is, or that is in the file which it names after an @."""
    what = f"What is in {data[1:]}" if data.startswith("@") else "The data"
    try:
        text = Path(data[1:]).read_text("utf-8-sig") if data.startswith("@") else data
        json.loads(text)
    except OSError as error:
        raise UsageError(f"{data[1:]} cannot be read: {error.strerror}.", parameter="data") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"{what} is not JSON: {error.msg} ({where}).", parameter="data") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{what} is not JSON.", parameter="data") from None
    return text.encode()
