"""One request followed to its final answer: redirects, waits, retries, one renewal of the token and of an address."""

from __future__ import annotations

import http.client
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import urllib3

from hca_core.errors import AuthError, ConfigError, HcaError, NetworkError
from hca_core.http import answers
from hca_core.http.answers import place, readable
from hca_core.redact import redact
from hca_core.retry import RetryPolicy, parse_retry_after

__all__ = ["Answer", "Call", "Exchange", "Tools", "escaped", "foreign_address", "redirected"]

log = logging.getLogger(__name__)

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PRIVATE_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_BODY_HEADERS = frozenset({"content-length", "content-type", "transfer-encoding"})
_FOREIGN = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_NO_ANSWER = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
# Waits up to this many seconds go unmentioned.
_UNNOTICED = 1.0


class Answer(Protocol):
    """What the exchange needs to know about an answer."""

    status: int
    headers: Mapping[str, str]

    def rest(self) -> bytes:
        """Return the beginning of the body, and close."""

    def drop(self) -> None:
        """Close without interest in the body."""


A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Call:
    """A request, ready to be sent any number of times. `retryable`: sending it twice does no harm."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | str | None = field(default=None, repr=False)
    retryable: bool = False

    @property
    def token_sent(self) -> bool:
        """Whether the request carries credentials."""
        return "Authorization" in self.headers

    def with_token(self, token: str) -> Call:
        """Return the request with this bearer token."""
        return replace(self, headers={**self.headers, "Authorization": f"Bearer {token}"})


@dataclass(frozen=True)
class Tools:
    """What an exchange works with; `now` is seconds since 1970, `clock` only ever moves forward.

    `check_url` raises a ConfigError for addresses that are not allowed; `renew` gives another token than a refused one.
    """

    policy: RetryPolicy
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    now: Callable[[], float]
    rand: Callable[[], float]
    on_wait: Callable[[float, str], None] | None
    check_url: Callable[[str], object]
    renew: Callable[[str], str | None]


def redirected(call: Call, status: int, location: str) -> Call:
    """Return the request that a redirect asks for.

    Credentials stay with the scheme, host and port they were meant for. 303 turns everything but HEAD into GET, 301
    and 302 only POST; the body goes with the method.

    Raises:
        NetworkError: the redirect leads from https to plain http.
    """
    target = escaped(_text(location)).partition("#")[0]
    # Joining normalises, which costs time and may break a signature.
    url = target if target.startswith(("https://", "http://")) else urljoin(call.url, target)
    before, after = urlsplit(call.url), urlsplit(url)
    if before.scheme == "https" and after.scheme == "http":
        raise _refused_redirect(call, "to plain http, where everybody on the way can read what is sent")
    drop = frozenset() if _origin(before) == _origin(after) else _PRIVATE_HEADERS
    if (status == 303 and call.method != "HEAD") or (status in (301, 302) and call.method == "POST"):
        return Call("GET", url, _without(drop | _BODY_HEADERS, call.headers), retryable=True)
    return replace(call, url=url, headers=_without(drop, call.headers))


def foreign_address(status: int, headers: Mapping[str, str]) -> str | None:
    """Return where an answer redirects to if that is no place of the web, such as `s3://bucket/key`."""
    location = _text(headers.get("Location") or "")
    return location if status in REDIRECTS and _FOREIGN.match(location) else None


def _text(header: str) -> str:
    # Headers arrive as Latin-1 although servers write UTF-8.
    return header.encode("latin-1", "replace").decode("utf-8", "replace")


def _without(names: frozenset[str], headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in names}


def escaped(url: str) -> str:
    """Return a URL with what cannot be sent as it is percent-encoded; what is encoded already stays."""
    return quote(url, safe="!#$%&'()*+,/:;=?@[]~", errors="replace")


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port


def _refused_redirect(call: Call, where: str) -> NetworkError:
    return NetworkError(
        f"{place(call.method, call.url)} is redirected {where}; not followed.", url=redact(call.url), attempts=1
    )


class Exchange(Generic[A]):
    """Sends a call with `send` until there is an answer to return, or an error to raise."""

    def __init__(
        self,
        call: Call,
        send: Callable[[Call], A],
        tools: Tools,
        *,
        accept: frozenset[int] = frozenset(),
        addresses: bool = False,
    ) -> None:
        self._call = self._first = call
        self._send = send
        self._tools = tools
        self._accept = accept
        self._addresses = addresses
        self._started = tools.clock()
        self._tries = 0
        self._quick_redirects = 0
        self._renewed = False
        self._begun_again = False

    def run(self) -> A:
        """Return the first answer below 400 (or accepted) that is no redirect, or one that is an address (if wanted).

        Raises:
            ApiError, NotFoundError, AuthError: the service refuses the request.
            NetworkError: no answer, or none but 429 and 5xx, or too many redirects, or too long a wait.
        """
        while True:
            self._tries += 1
            try:
                answer = self._send(self._call)
            except _NO_ANSWER as error:
                self._no_answer(error)
                continue
            if log.isEnabledFor(logging.DEBUG):
                log.debug("%s %s: %d", self._call.method, redact(self._call.url), answer.status)
            if self._addresses and foreign_address(answer.status, answer.headers):
                return answer
            location = answer.headers.get("Location")
            if answer.status in REDIRECTS and location:
                self._redirect(answer, location)
            elif answer.status < 400 or answer.status in self._accept:
                return answer
            else:
                self._refused(answer)

    def _redirect(self, answer: A, location: str) -> None:
        answer.drop()
        wait = self._retry_after(answer) or 0.0
        self._quick_redirects += wait < 1
        if self._quick_redirects > self._tools.policy.max_redirects:
            raise _refused_redirect(self._call, f"more than {self._tools.policy.max_redirects} times")
        try:
            target = redirected(self._call, answer.status, location)
            self._tools.check_url(target.url)
        except (ConfigError, ValueError) as error:
            reason = error.message if isinstance(error, ConfigError) else "It is not a web address."
            raise _refused_redirect(self._call, f"to an address that is not allowed ({reason})") from None
        if self._exceeds(wait):
            raise self._too_long(f"{self._host} is still preparing the answer", wait)
        if wait:
            self._wait(wait, f"{self._host} is preparing the answer")
        self._call, self._tries = target, 0

    def _refused(self, answer: A) -> None:
        """Wait for the next try, or raise."""
        call, status = self._call, answer.status
        explanation = answers.explain(answer.rest(), answer.headers)
        if status == 401 and self._renew_token(explanation, answers.request_id(answer.headers)):
            return
        if not self._tools.policy.should_retry(call.retryable, status):
            if status < 500 and self._begin_again():
                return
            raise answers.refusal(
                status, answer.headers, explanation, method=call.method, url=call.url, token_sent=call.token_sent
            )
        self._again(answers.refused(status, explanation, method=call.method, url=call.url), answer)

    def _renew_token(self, explanation: answers.Explanation, request_id: str | None) -> bool:
        """Put another token into the call, once; return whether there was one.

        An AuthError tells by which answer the old one was refused, and in which words.
        """
        scheme, _, rejected = self._call.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not rejected or self._renewed:
            return False
        self._renewed = True
        try:
            token = self._tools.renew(rejected)
        except AuthError as error:
            error.status, error.code, error.request_id = 401, explanation.code, request_id
            if str(explanation):
                error.message = f"{error.message} The service said: {str(explanation).rstrip('.')}."
                error.args = (error.message,)
            raise
        if token is None:
            return False
        self._call, self._first = self._call.with_token(token), self._first.with_token(token)
        return True

    def _begin_again(self) -> bool:
        """Go back to where the redirects began, once: the address they led to may have expired on the way."""
        if self._begun_again or self._call.url == self._first.url or not self._first.retryable:
            return False
        log.debug("%s is refused; asking again for where it is", redact(self._call.url))
        self._call, self._tries, self._begun_again = self._first, 0, True
        return True

    def _no_answer(self, error: Exception) -> None:
        """Wait for the next try, or raise."""
        failure = answers.failure(error, host=self._host)
        may_repeat = self._call.retryable or failure.never_left
        if failure.final or not self._tools.policy.should_retry(may_repeat, None):
            raise self._gave_up(failure.reason, failure.hint) from error
        try:
            self._again(failure.reason, None, failure.hint, failure.tries)
        except HcaError as given_up:
            raise given_up from error

    def _again(self, reason: str, answer: A | None, hint: str | None = None, tries: int | None = None) -> None:
        """Wait for the next try; raise if there have been enough, or it would take too long."""
        policy = self._tools.policy
        asked = self._retry_after(answer) if answer else None
        wait = policy.delay(self._tries, asked, self._tools.rand())
        if self._tries >= min(policy.attempts, tries or policy.attempts):
            raise self._gave_up(reason, hint)
        if self._exceeds(wait):
            raise self._too_long(reason, wait)
        self._wait(wait, reason)

    def _wait(self, seconds: float, reason: str) -> None:
        log.debug("waiting %.1f s: %s", seconds, reason)
        if seconds > _UNNOTICED and self._tools.on_wait:
            self._tools.on_wait(seconds, reason)
        self._tools.sleep(seconds)

    def _retry_after(self, answer: A) -> float | None:
        return parse_retry_after(answer.headers.get("Retry-After"), self._tools.now())

    def _exceeds(self, wait: float) -> bool:
        return self._tools.clock() - self._started + wait > self._tools.policy.deadline

    def _too_long(self, reason: str, wait: float) -> NetworkError:
        allowed = f"the {self._tools.policy.deadline:g} s that one request may take"
        return self._error(
            f"{reason}. The next try is due in {wait:.0f} s, beyond {allowed}.",
            "Try again later, or raise the setting network.deadline.",
        )

    def _gave_up(self, reason: str, hint: str | None) -> NetworkError:
        tries = f" (given up after {self._tries} tries)" if self._tries > 1 else ""
        return self._error(f"{reason}{tries}.", hint or "Try again later.")

    def _error(self, message: str, hint: str) -> NetworkError:
        return NetworkError(message, url=redact(self._call.url), attempts=self._tries, hint=hint)

    @property
    def _host(self) -> str:
        return readable(urlsplit(self._call.url).netloc, 100)
