"""What answers and failures mean, in words: pure functions from what arrived to the error a user reads."""

from __future__ import annotations

import json
import re
import socket
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from urllib3 import exceptions as low

from hca_core.errors import ApiError, AuthError, HcaError, NotFoundError
from hca_core.hosts import is_loopback
from hca_core.redact import readable as readable
from hca_core.redact import redact

_LONGEST_BODY = 65536
_REQUEST_ID_HEADERS = ("X-AWS-REQUEST-ID", "x-amzn-RequestId", "x-amz-request-id")
_CODE_KEYS = ("code", "Code", "error")
_LOCAL_TRIES = 4  # within a second
_TITLE_KEYS = ("title", "message", "Message", "error_description", "detail")


@dataclass(frozen=True)
class Explanation:
    """What a service says about an error: a `code` for programs, a `title` for the kind of error, and more `detail`.

    `details` are its whole words (JSON or text).
    """

    code: str | None = None
    title: str | None = None
    details: Any = None
    detail: str | None = None

    def __str__(self) -> str:
        detail = self.detail if self.detail != self.title else None
        parts = [self.code, self.title, detail] if self.code or self.title else [self.details or None]
        return ": ".join(readable(part) for part in parts if part)


@dataclass(frozen=True)
class Failure:
    """Why no answer came. `never_left`: the service has not seen the request; `final`: trying again cannot help.

    `tries` is how many tries make sense at most, where that is fewer than usual.
    """

    reason: str
    never_left: bool = False
    final: bool = False
    hint: str | None = None
    tries: int | None = None


def place(method: str, url: str) -> str:
    """Return how messages call a request: its method and address, without the query."""
    parts = urlsplit(url)
    return readable(f"{method} {parts.scheme}://{parts.netloc}{parts.path}")


def explain(body: bytes, headers: Mapping[str, str]) -> Explanation:
    """Return what the body of an error says: a problem document, another JSON object, S3's XML, or text."""
    text = redact(_unpacked(body, headers.get("Content-Encoding") or "").decode("utf-8", "replace"))
    kind = (headers.get("Content-Type") or "").lower()
    if "json" in kind or text.lstrip().startswith("{"):
        return _explain_json(text)
    if "xml" in kind or text.lstrip().startswith("<?xml"):
        return Explanation(_element("Code", text), _element("Message", text), text)
    if "html" in kind:
        return Explanation(title=_element("title", text) or "an HTML page", details=text)
    return Explanation(details=text)


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding.lower() not in ("gzip", "deflate"):
        return body
    try:
        # 47: whichever of the two formats it is. The limit keeps small bodies from becoming huge ones.
        return zlib.decompressobj(47).decompress(body, _LONGEST_BODY)
    except zlib.error:
        return b""


def _explain_json(text: str) -> Explanation:
    try:
        details = json.loads(text)
    except (ValueError, RecursionError):
        return Explanation(details=text)
    if not isinstance(details, dict):
        return Explanation(details=details)
    nested = details.get("error")
    fields = nested if isinstance(nested, dict) else details
    detail = _first_text(fields, ("detail",))
    return Explanation(_first_text(fields, _CODE_KEYS), _first_text(fields, _TITLE_KEYS), details, detail)


def _first_text(fields: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((readable(fields[key]) for key in keys if isinstance(fields.get(key), str) and fields[key]), None)


def _element(name: str, text: str) -> str | None:
    found = re.search(rf"<{name}>([^<]{{1,1000}})</{name}>", text)
    return readable(found[1]) if found else None


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return what the service's operators need to find a request in their logs."""
    return next((readable(headers[name], 100) for name in _REQUEST_ID_HEADERS if name in headers), None)


def refused(status: int, explanation: Explanation, *, method: str, url: str) -> str:
    """Return the sentence that says which status answered which request, and what the service said about it."""
    phrase = _phrase(status)
    words = str(explanation).rstrip(".")
    if explanation.code in (None, phrase):
        words = words.removeprefix(f"{phrase}: ")  # a code or title that only repeats the status
    return f"{place(method, url)} was answered with {status} {phrase}{f': {words}' if words else ''}"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(an unknown status)"


def refusal(
    status: int, headers: Mapping[str, str], explanation: Explanation, *, method: str, url: str, token_sent: bool
) -> HcaError:
    """Return the error for an answer that trying again will not change."""
    sentence = refused(status, explanation, method=method, url=url) + "."
    quote = request_id(headers)
    if status in (401, 403):
        return AuthError(
            f"{sentence} (request {quote})" if quote else sentence,
            status=status,
            code=explanation.code,
            request_id=quote,
            hint=_auth_hint(status, token_sent),
        )
    kind = NotFoundError if status == 404 else ApiError
    return kind(
        sentence,
        status=status,
        code=explanation.code,
        title=explanation.title,
        details=explanation.details,
        request_id=quote,
        url=redact(url),
        hint=f"Quote request {quote} when you report this to the service." if quote and status >= 500 else None,
    )


def _auth_hint(status: int, token_sent: bool) -> str:
    if status == 401:
        return "Your login has expired or is not valid here: log in again." if token_sent else "Log in first."
    if token_sent:
        return "You are logged in, but not allowed to do this; ask the service's operators for access."
    return "This needs a login, a permission, or an address that has not expired."


def failure(error: BaseException, *, host: str) -> Failure:
    """Return what a failed exchange with `host` means."""
    causes = list(_causes(error))
    if _one(causes, ssl.SSLCertVerificationError):
        return _untrusted(causes, host)
    if _one(causes, low.ProxyError) or any("Tunnel connection failed" in str(cause) for cause in causes):
        return Failure(
            f"The proxy for {host} cannot be used: {_detail(causes)}",
            never_left=True,
            final=any("Tunnel connection failed: 4" in str(cause) for cause in causes),
            hint="Check the setting network.proxy and the environment variables HTTPS_PROXY and NO_PROXY.",
        )
    if _one(causes, low.NameResolutionError) or _one(causes, socket.gaierror):
        return Failure(f"The name {host} cannot be resolved", never_left=True, hint="Check your network connection.")
    if _one(causes, low.ConnectTimeoutError) and not _one(causes, low.NewConnectionError):
        return Failure(f"{host} did not accept a connection in time", never_left=True)
    if _one(causes, low.NewConnectionError):
        refused = _one(causes, ConnectionRefusedError) is not None
        return Failure(
            f"No connection to {host}: {_detail(causes)}",
            never_left=True,
            hint=f"Is the service at {host} running, and is its address right?" if refused else None,
            # On this machine no packet gets lost: nothing listens there, and only a restart is worth waiting for.
            tries=_LOCAL_TRIES if refused and is_loopback(urlsplit(f"//{host}").hostname or "") else None,
        )
    if _one(causes, low.ReadTimeoutError) or _one(causes, TimeoutError):
        return Failure(f"{host} stopped answering")
    return Failure(f"The connection to {host} broke: {_detail(causes)}")


def _untrusted(causes: list[BaseException], host: str) -> Failure:
    verification = _one(causes, ssl.SSLCertVerificationError)
    why = getattr(verification, "verify_message", "") or "verification failed"
    return Failure(
        f"The certificate of {host} is not trusted: {readable(why)}",
        never_left=True,
        final=True,
        hint="If your organisation has its own certificate authority, name its PEM file in the setting "
        "network.ca_bundle (or in REQUESTS_CA_BUNDLE).",
    )


def _one(causes: list[BaseException], kind: type[BaseException]) -> BaseException | None:
    return next((cause for cause in causes if isinstance(cause, kind)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything it wraps, however requests and urllib3 chose to wrap it."""
    todo, seen = [error], set[int]()
    while todo:
        current = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = [*current.args, getattr(current, "original_error", None), current.__cause__]
        todo.extend(item for item in wrapped if isinstance(item, BaseException))


def _detail(causes: list[BaseException]) -> str:
    """Return the operating system's words if there are any, else those of the innermost error."""
    system = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
    return readable(system or causes[-1] or type(causes[-1]).__name__, 200)
