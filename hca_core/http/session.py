"""`Session`: sends requests to services and opens files for reading, with one set of rules for both."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from hca_core.errors import ApiError, ArgumentError, NetworkError
from hca_core.http.answers import place
from hca_core.http.bearer import Authorize, Bearer
from hca_core.http.exchange import Answer, Call, Exchange, Tools, escaped
from hca_core.http.routes import Routes
from hca_core.http.stream import Stream, of_urllib3, read_whole
from hca_core.redact import redact
from hca_core.retry import REPEATABLE, RetryPolicy

A = TypeVar("A", bound=Answer)

_FILE_STATUSES = frozenset({200, 206, 416})
_REFUSALS = frozenset(range(400, 600))
# Failures go back to the exchange at once, as they are: it alone decides what is tried again.
_RETRIES_OFF = urllib3.Retry(total=False, redirect=False)


class Session:
    """A set of connections and the rules for using them. Thread-safe.

    Redirects are followed, waiting as long as they ask (`Retry-After`), credentials staying with the host they are
    for; requests that may be repeated are tried again as `policy` says. Plain http is spoken only to this machine
    unless `allow_http`. `proxy` (URL) and `ca_bundle` (file or folder) win over the environment.

    Args:
        connect_timeout: seconds to wait for a connection.
        read_timeout: seconds to wait for the next bytes of an answer.
        authorize: called for requests that are `secured`, with the token that was refused or None.
        pool_size: connections per host that are kept open between requests.
        on_wait: told the seconds and the reason of every wait above one second.
        sleep, clock, now, rand: for tests.
    """

    def __init__(
        self,
        *,
        policy: RetryPolicy | None = None,
        connect_timeout: float = 20.0,
        read_timeout: float = 40.0,
        authorize: Authorize | None = None,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        allow_http: bool = False,
        user_agent: str | None = None,
        pool_size: int = 256,
        on_wait: Callable[[float, str], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._timeouts = (connect_timeout, read_timeout)
        self._timeout = urllib3.Timeout(connect=connect_timeout, read=read_timeout)
        self._routes = Routes(
            proxy=proxy, ca_bundle=ca_bundle, allow_http=allow_http, pool_size=pool_size, timeouts=self._timeouts
        )
        self._adapter = _Adapter(self._routes)
        self._user_agent = user_agent or default_user_agent()
        self._bearer = Bearer(authorize, now)
        self._tools = Tools(
            policy=policy or RetryPolicy(),
            sleep=sleep,
            clock=clock,
            now=now,
            rand=rand,
            on_wait=on_wait,
            check_url=self._routes.route,
            renew=self._bearer.renew,
        )
        impatient = replace(self._tools.policy, attempts=1, deadline=0.0, max_redirects=0)
        self._impatient = replace(self._tools, policy=impatient)

    @property
    def proxy(self) -> str | None:
        """The proxy the user named for everything; None means that the environment decides per host."""
        return self._routes.proxy

    @property
    def ca_bundle(self) -> str | None:
        """The file or folder of trusted authorities, from the user or the environment; None means the usual ones."""
        return self._routes.ca_bundle

    @property
    def token_expired(self) -> bool:
        """Whether the token kept from earlier requests has expired, or may do so on its way."""
        return self._bearer.expired

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | list[tuple[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | str | Mapping[str, Any] | None = None,
        secured: bool = False,
        retryable: bool | None = None,
        stream: bool = False,
        addresses: bool = False,
        accept: Collection[int] = (),
    ) -> requests.Response:
        """Return the final answer to a request; its status is below 400, or one of those to `accept`.

        `retryable` says that sending the request twice does no harm; by default that holds for GET, HEAD, PUT and
        DELETE. With `stream` the body is left to be read by the caller, who closes the answer. With `addresses` a
        redirect to no place of the web is an answer (see `foreign_address`), and else a failure.

        Raises:
            ApiError, NotFoundError, AuthError: the service refuses the request.
            NetworkError: no usable answer came, however often it was tried.
            ConfigError: the address, the proxy or the CA bundle cannot be used; nothing was sent.
        """
        # A bad address is refused before anyone is asked to log in.
        self._routes.route(url)
        own = {"User-Agent": self._user_agent, "Accept-Encoding": "identity" if stream else "gzip, deflate"}
        request = requests.Request(method, url, params=params, headers={**own, **(headers or {})}, json=json, data=data)
        prepared = _prepare(request)
        call = _to_call(prepared, retryable)
        accepted, in_time = frozenset(accept), self._in_time()

        def transport(call: Call) -> _ApiAnswer:
            answer = self._send_once(prepared, call)
            if not stream and (answer.status < 300 or answer.status in accepted):
                # A body that breaks off is a failed try like any other.
                read_whole(answer.response, in_time=in_time)
            return answer

        return self._follow(call, transport, secured=secured, addresses=addresses, accept=accepted).response

    def open(self, url: str, *, offset: int = 0, validator: str | None = None, secured: bool = False) -> Stream:
        """Open a file for reading from byte `offset` on; the caller closes the stream.

        Its status is 200 (the whole file, whatever the offset), 206 (the rest) or 416 (nothing there). `validator`
        is the ETag the file must still have for a 206. A body that breaks off later is for the caller to resume.

        Raises:
            As `send`; ApiError also for an answer that is no file.
        """
        self._routes.route(url)
        url = escaped(url)
        headers = {"User-Agent": self._user_agent, "Accept-Encoding": "identity"}
        if offset and (validator is None or _is_header_value(validator)):
            headers["Range"] = f"bytes={offset}-"
            if validator:
                headers["If-Range"] = validator
        call = Call("GET", url, headers, retryable=True)
        stream = self._follow(call, self._open_once, secured=secured, accept=_FILE_STATUSES)
        if stream.status not in _FILE_STATUSES:
            stream.drop()
            sentence = f"{place('GET', stream.url)} was answered with {stream.status}, which is not a file."
            raise ApiError(sentence, status=stream.status, url=redact(stream.url))
        if not secured:
            stream.open_slice = partial(self._open_slice, stream.url)
        return stream

    def _open_slice(self, url: str, start: int, stop: int, validator: str) -> Stream:
        """Ask once for the bytes from `start` up to `stop`, and return the answer; a redirect is a NetworkError."""
        if not _is_header_value(validator):
            raise NetworkError("The ETag of the file cannot be sent.", url=redact(url), attempts=0)
        own = {"User-Agent": self._user_agent, "Accept-Encoding": "identity"}
        headers = {**own, "Range": f"bytes={start}-{stop - 1}", "If-Range": validator}
        call = Call("GET", url, headers, retryable=True)
        return Exchange(call, self._open_once, self._impatient, accept=_REFUSALS).run()

    def close(self) -> None:
        """Close all connections."""
        self._routes.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self, call: Call, transport: Callable[[Call], A], *, secured: bool, **options: Any) -> A:
        if secured:
            call = call.with_token(self._bearer.token())
        return Exchange(call, transport, self._tools, **options).run()

    def _send_once(self, prepared: requests.PreparedRequest, call: Call) -> _ApiAnswer:
        request = prepared.copy()
        request.method, request.url, request.body = call.method, call.url, call.body
        request.headers.clear()
        request.headers.update(call.headers)
        proxy = self._routes.route(call.url).proxy
        proxies = {urlsplit(call.url).scheme: proxy} if proxy else {}
        response = self._adapter.send(request, stream=True, timeout=self._timeouts, proxies=proxies)
        if response.status_code < 200:
            response.close()
            raise HTTPException("something came before the answer")
        return _ApiAnswer(response)

    def _in_time(self) -> Callable[[], bool]:
        """Return what tells whether something that begins now may still go on."""
        latest = self._tools.clock() + self._tools.policy.deadline
        return lambda: self._tools.clock() < latest

    def _open_once(self, call: Call) -> Stream:
        route = self._routes.route(call.url)
        target = route.target(urlsplit(call.url))
        if route.wire:
            return route.wire.get(call.url, target, call.headers)
        raw = route.pool.urlopen(
            call.method,
            target,
            headers=call.headers,
            retries=_RETRIES_OFF,
            redirect=False,
            assert_same_host=False,
            timeout=self._timeout,
            preload_content=False,
            decode_content=False,
        )
        return of_urllib3(raw, call.url)


class _Adapter(HTTPAdapter):
    """requests' way of sending, over our connections (which know proxies and certificates)."""

    def __init__(self, routes: Routes) -> None:
        super().__init__(max_retries=_RETRIES_OFF)
        self._routes = routes

    def get_connection_with_tls_context(self, request: Any, *_: Any, **__: Any) -> Any:
        return self._routes.route(request.url).pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """The connections verify already; requests would load its own authorities for each of them again."""


class _ApiAnswer:
    """An answer as the exchange sees it, and the `response` our caller gets."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._body = of_urllib3(response.raw, response.url)

    def rest(self) -> bytes:
        return self._body.rest()

    def drop(self) -> None:
        self._body.drop()


def default_user_agent() -> str:
    """Return how we introduce ourselves: `hca/9.0 (Python 3.12; linux)`."""
    from hca_core import __version__

    return f"hca/{__version__} (Python {sys.version_info[0]}.{sys.version_info[1]}; {sys.platform})"


def _prepare(request: requests.Request) -> requests.PreparedRequest:
    try:
        return request.prepare()
    except (requests.RequestException, ValueError) as error:
        # What is wrong may be a secret in a header, so the words of the cause stay here.
        what = f"{request.method} {urlsplit(str(request.url)).hostname}"
        raise ArgumentError(f"The request {what} cannot be sent: {type(error).__name__}.") from None


def _to_call(prepared: requests.PreparedRequest, retryable: bool | None) -> Call:
    method, url, body = prepared.method or "", prepared.url or "", prepared.body
    assert body is None or isinstance(body, (bytes, str)), "send accepts no streams"
    safe = method in REPEATABLE if retryable is None else retryable
    return Call(method, url, dict(prepared.headers), body, retryable=safe)


def _is_header_value(text: str) -> bool:
    return text.isascii() and text.isprintable()
