"""The Python client of a service: one method per operation of its API description."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeVar

from hca_core.credentials.advice import login_hint
from hca_core.errors import ApiError, ArgumentError, AuthError, ConfigError, HcaError
from hca_core.openapi import describe, pages
from hca_core.openapi.model import Api, Operation
from hca_core.openapi.names import identifier
from hca_core.openapi.request import Request, build

if TYPE_CHECKING:
    from requests import Response

    from hca_core.app import App
    from hca_core.credentials.login import Dialogue
    from hca_core.credentials.logout import LoggedOut
    from hca_core.http import Session

__all__ = ["ApiClient", "ApiMethod", "known_address"]

_Client = TypeVar("_Client", bound="ApiClient")


class ApiMethod:
    """An operation, ready to be called: `client.get_bundle(uuid=…, replica="aws")`.

    It has no state of its own, so any number of threads may call it. Arguments are given by position (required ones
    first, as in the signature) or by name.
    """

    def __init__(self, client: ApiClient, operations: tuple[Operation, ...]) -> None:
        self._client = client
        self._operations = operations
        self.__name__ = operations[0].name
        self.__qualname__ = f"{type(client).__name__}.{self.__name__}"
        self.__doc__ = describe.documentation(operations)
        self.__signature__ = describe.signature(operations)

    def __repr__(self) -> str:
        return f"{self.__qualname__}{self.__signature__}"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Send one request: parsed JSON, text or bytes, None if nothing had to change, the `Response` for HEAD.

        An answer that only says where something is in an object store is that address: `s3://bucket/key`.
        """
        return self._call(self._request(args, kwargs))

    def iterate(self, /, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Yield the items of all pages; a page is fetched when the one before it is used up."""
        found = self._pages(self._request(args, kwargs))
        return (item for page in found for item in pages.items(page))

    def paginate(self, /, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Yield the parsed bodies of all pages."""
        return (page.body for page in self._pages(self._request(args, kwargs)))

    def collect(self, /, *args: Any, **kwargs: Any) -> Any:
        """Return one body with the items of all pages, without what describes a single page."""
        return pages.merge(self._pages(self._request(args, kwargs)))

    @contextmanager
    def stream(self, /, *args: Any, **kwargs: Any) -> Iterator[Response]:
        """Give the `requests.Response` before its body is read; it is closed at the end of the block."""
        response = self._send(self._request(args, kwargs), stream=True)
        try:
            yield response
        finally:
            response.close()

    def _request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
        return build(self._operations, self._named(args, kwargs), base_url=self._client.api.base_url)

    def _call(self, request: Request) -> Any:
        response = self._send(request)
        return response if request.method == "HEAD" else _content(response, binary=request.operation.binary)

    def _named(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        names = list(self.__signature__.parameters)
        if len(args) > len(names):
            raise self._misuse(f"takes {len(names)} arguments, but {len(args)} were given")
        arguments = dict(zip(names, args, strict=False))
        twice = arguments.keys() & kwargs.keys()
        if twice:
            raise self._misuse(f"got {min(twice)} twice, by position and by name")
        tolerated = self._client.tolerated.get(self.__name__, frozenset())
        return {**arguments, **{name: value for name, value in kwargs.items() if name not in tolerated}}

    def _misuse(self, problem: str) -> ArgumentError:
        return ArgumentError(f"{self.__name__} {problem}.", operation=self.__name__, hint=f"Call it as {self!r}.")

    def _pages(self, request: Request) -> Iterator[pages.Page]:
        def fetch(url: str) -> tuple[Mapping[str, str], Any]:
            response = self._send(request, url=url)
            return response.headers, _content(response)

        return pages.follow(fetch, request.url)

    def _send(self, request: Request, *, url: str | None = None, stream: bool = False) -> Response:
        try:
            return self._client.session.send(
                request.method,
                url or request.url,
                headers=request.headers,
                json=request.json,
                data=request.form,
                secured=request.secured,
                retryable=request.retryable,
                stream=stream,
                addresses=request.operation.streaming,
            )
        except AuthError as error:
            _explain(error, self._client.service)
            raise


class ApiClient:
    """A client of the service named by the class attribute `service`, for example `DSSClient`.

    `config` overrides the settings (see `HCAConfig`), `swagger_url` says where the service's API description is, and
    with it which deployment is used. `session_options` are passed on to `App.session` (`token=`, `read_timeout=` …).
    Nothing is read or sent before the first operation is used.
    """

    service: str = ""
    # Names of arguments that documented calls of an operation give although it has no such parameter.
    tolerated: Mapping[str, frozenset[str]] = {}
    # What operations become: another kind of method, where one request is not all that a call takes.
    method_class: type[ApiMethod] = ApiMethod

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        swagger_url: str | None = None,
        *,
        app: App | None = None,
        **session_options: Any,
    ) -> None:
        self._config = config
        self._swagger_url = swagger_url
        self._session_options = session_options
        # Re-entrant: opening the session asks for the API.
        self._lock = threading.RLock()
        self._app: App | None = app
        self._api: Api | None = None
        self._session: Session | None = None
        self._methods: dict[str, ApiMethod] = {}

    @property
    def app(self) -> App:
        """The application this client belongs to."""
        with self._lock:
            if self._app is None:
                from hca_core.app import App

                self._app = App(config=self._config)
            return self._app

    @property
    def swagger_url(self) -> str:
        """Where the service's API description is; this decides which deployment is used."""
        return self._swagger_url or self.app.description_url(self.app.service(self.service))

    @property
    def api(self) -> Api:
        """The service's API; its description is read on first use.

        Raises:
            SpecError: the description cannot be used.
            NetworkError: it cannot be fetched, and there is no copy.
        """
        with self._lock:
            if self._api is None:
                self._api = self.app.api(self.service, swagger_url=self._swagger_url)
            return self._api

    @property
    def session(self) -> Session:
        """The HTTP session that all requests of this client go through."""
        with self._lock:
            if self._session is None:
                self._session = self.app.session(self.service, self.api.base_url, **self._session_options)
            return self._session

    def method(self, name: str) -> ApiMethod:
        """Return the method of the operation `name`; `get_jwks.json` may also be written `get_jwks_json`.

        Raises:
            ArgumentError: the API has no such operation.
        """
        with self._lock:
            if name not in self._methods:
                self._methods[name] = self.method_class(self, self._named(name))
            return self._methods[name]

    def _named(self, name: str) -> tuple[Operation, ...]:
        names = {identifier(operation.name): operation.name for operation in self.api.operations}
        operations = self.api.named(name) or self.api.named(names.get(name, name))
        if operations:
            return operations
        from difflib import get_close_matches

        close = get_close_matches(name, names, n=1)
        raise ArgumentError(
            f"The API {self.api.title!r} has no operation {name!r}.",
            operation=name,
            hint=f"Did you mean {close[0]!r}?" if close else None,
        )

    def __getattr__(self, name: str) -> ApiMethod:
        # Copying, pickling and notebooks ask for private names; a property that failed is asked for a second time.
        if name.startswith("_") or hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        try:
            return self.method(name)
        except ArgumentError as error:
            raise AttributeError(f"{error.message} {error.hint or ''}".strip()) from error

    def __dir__(self) -> list[str]:
        try:
            operations = {identifier(operation.name) for operation in self.api.operations}
        except HcaError:
            operations = set()  # a completion must not fail because a service cannot be reached
        return sorted({*super().__dir__(), *operations})

    def expired_token(self) -> bool:
        """Return whether the token in use has expired, or may do so on its way; a new one is got when it is needed."""
        with self._lock:
            return self._session is not None and self._session.token_expired

    def login(
        self,
        access_token: str = "",
        remote: bool = False,
        *,
        browser: bool = True,
        timeout: float = 300.0,
        dialogue: Dialogue | None = None,
    ) -> None:
        """Log in to the service and keep the login, which later runs renew and use.

        Your browser is opened for it, unless you say otherwise: with `access_token` that token is kept, and nothing is
        asked; with `remote` you log in with a browser anywhere, and paste what it shows; without `browser` you open the
        address on this machine yourself. `dialogue` says how to talk to you; by default addresses are logged as
        warnings, which Python shows, and `input` is used.

        Raises:
            AuthError: the login failed, or nobody logged in within `timeout` seconds.
            NetworkError: no answer from the service or its provider.
            ConfigError: the login cannot be kept.
        """
        from hca_core.credentials.login import Dialogue, from_token

        if access_token:
            found, url = from_token(self.service, access_token), self._known_address()
        else:
            url = self.api.base_url
            flow = self.app.login_flow(self.service, url, dialogue or Dialogue())
            found = flow.by_hand() if remote else flow.in_browser(opens=browser, timeout=timeout)
        self.app.keep_login(url, found)
        self.close()  # a session keeps the token that it has begun with

    def logout(self) -> LoggedOut:
        """Forget the login to the service, and have its provider revoke it if it can; return what became of it.

        Raises:
            ConfigError: the login cannot be removed.
        """
        self.close()
        return self.app.logout(self.service, self._known_address())

    def _known_address(self) -> str:
        return self._api.base_url if self._api else known_address(self.app, self.service, self._swagger_url)

    @staticmethod
    def load_swagger_json(swagger_json: IO[str] | IO[bytes], ptr_str: str = "$ref") -> dict[str, Any]:
        """Return the API description in an open file, each reference `{ptr_str: "#/…"}` replaced by what it means.

        Raises:
            SpecError: it is no JSON object, or a reference leads outside of the document, to nothing, or in a circle.
        """
        from hca_core.openapi.document import References, loads

        content = swagger_json.read()
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        found = loads(text, str(getattr(swagger_json, "name", "The API description")))
        return dict(References(found, pointer=ptr_str).resolve(found))

    def clear_cache(self) -> None:
        """Forget the kept API descriptions, so that the next use fetches them again."""
        self.app.descriptions.clear()
        with self._lock:
            self._api = None
            self._methods.clear()

    def close(self) -> None:
        """Close the connections; the client opens new ones if it is used again."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def __enter__(self: _Client) -> _Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _explain(error: AuthError, service: str) -> None:
    """Add to a service's refusal what only its client knows."""
    if error.service is None:
        error.service = service
        error.hint = login_hint(service) if error.status == 401 else error.hint


def known_address(app: App, service: str, swagger_url: str | None = None) -> str:
    """Return the address of a service's API as far as it is known without asking the service.

    Raises:
        ConfigError: a service has no API description, and the user has not said where it is.
    """
    spec = app.service(service)
    if not spec.described:
        return _named_address(app, service)
    url = swagger_url or app.description_url(spec)
    if url != spec.description_url and app.descriptions.cached(url) is None:
        # Its description was never fetched; a service nearly always publishes it on its own host.
        return url
    return app.api(service, swagger_url=url, offline=True).base_url


def _named_address(app: App, service: str) -> str:
    url = app.address(service)
    if url is None:
        raise ConfigError(f"Nothing says where the {service} service is.")
    return url


def _content(response: Response, *, binary: bool = False) -> Any:
    """The body of an answer: parsed if it is JSON, text if it is that, else bytes; None if there is none (304).

    An answer that leads to an object store is the address there.
    """
    from hca_core.http import foreign_address

    address = foreign_address(response.status_code, response.headers)
    if address:
        response.close()
        return address
    if response.status_code == 304:
        response.close()  # a body that is there against the rules must not be read as the next answer
        return None
    kind = response.headers.get("Content-Type", "").lower()
    if kind.startswith("text/") and not binary:
        return _text(response, kind)
    if not kind.startswith("application/json"):
        return response.content
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise ApiError(
            "The service's answer is said to be JSON but cannot be read as such.",
            status=response.status_code,
            url=response.url,
            details=response.text[:1000],
        ) from error


def _text(response: Response, kind: str) -> str:
    if "charset" not in kind:
        response.encoding = "utf-8"  # requests would take it for Latin-1
    return response.text
