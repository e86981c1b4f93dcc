"""Serves an API from its description: finds the operation, checks the request, turns answers and problems into HTTP."""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

from hca_core.openapi.model import Api, Operation
from hca_local.arguments import Format, RequestCheck, parse_json
from hca_local.problem import NO_TOKEN, Problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from hca_local.s3.blobs import Readable
    from hca_local.users import User

__all__ = ["Answer", "Call", "Format", "Handler", "Problem", "Router", "page"]

log = logging.getLogger(__name__)

MAX_BODY = 32 * 1024 * 1024  # bytes; a bundle of 100 000 files takes some 20 MiB
RETRY_AFTER = 10  # seconds

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_BEARER = re.compile(r"Bearer +([^\s,]+) *", re.IGNORECASE)
_BUSY = frozenset({500, 502, 503, 504})
_REPEATABLE = frozenset({"HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE"})


class KnowsUsers(Protocol):
    """Finds users by their tokens."""

    def from_token(self, token: str) -> User | None:
        """Return the user with this token, or None if nobody has it."""


@dataclass(frozen=True)
class Call:
    """A request that matches its description.

    `arguments` has every declared parameter by name (None if it has no value); a UUID in the path is in lower case if
    the name of its parameter ends in `uuid`. `body` is parsed JSON, None if there is none. `user` is set if the
    operation is secured. `query` are the declared query parameters as they were sent; `base_url` and `path` make up the
    address of the request. `content` gives the body of an operation for which the description declares none.
    """

    operation: Operation
    arguments: Mapping[str, Any]
    body: Any
    user: User | None
    base_url: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Headers = field(default_factory=Headers, repr=False)
    content: Readable = field(default_factory=BytesIO, repr=False)

    def link(self, changes: Mapping[str, Any]) -> str:
        """Return the address of this request with some query parameters changed."""
        return f"{self.base_url}{quote(self.path)}?{urlencode({**self.query, **changes})}"


@dataclass(frozen=True)
class Answer:
    """What an operation answers: `body` is JSON; without one there is none."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Answer]


def page(call: Call, body: Any, key: str, following: Mapping[str, Any] | None) -> Answer:
    """Return one page of a list, which is at `key` (dotted) in `body`; `following` are the changes for the next."""
    headers = {"X-OpenAPI-Paginated-Content-Key": key, "X-OpenAPI-Pagination": "false"}
    if following is None:
        return Answer(200, body, headers)
    link = f'<{call.link(following)}>; rel="next"'
    return Answer(206, body, {**headers, "X-OpenAPI-Pagination": "true", "Link": link})


class Router:
    """A WSGI application that performs the operations of an API through their handlers, which it knows by name.

    `public_url` is the address of the service without a slash at the end; the path of the description's own address
    is added. `documents` are JSON documents by their full path. `admit` may refuse a checked call (by raising a
    Problem) before its handler sees it. `formats` are those of the description that are to be checked. Services that
    are busy name `retry_after` in seconds. Bodies have at most `max_body` bytes. `describe` makes the document that
    answers a problem.
    """

    def __init__(
        self,
        api: Api,
        handlers: Mapping[str, Handler],
        *,
        public_url: str,
        users: KnowsUsers,
        documents: Mapping[str, Any] | None = None,
        admit: Callable[[Call], None] = lambda _call: None,
        formats: Mapping[str, Format] | None = None,
        retry_after: int = RETRY_AFTER,
        max_body: int = MAX_BODY,
        describe: Callable[[Problem], Mapping[str, Any]] = lambda problem: problem.document,
    ) -> None:
        self._base_path = urlsplit(api.base_url).path
        self._base_url = public_url + self._base_path
        self._places = _places(api.operations, handlers, formats or {})
        self._documents = {path: Answer(200, document) for path, document in (documents or {}).items()}
        self._users = users
        self._admit = admit
        self._retry_after = retry_after
        self._max_body = max_body
        self._describe = describe

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request_id = str(uuid.uuid4())
        try:
            response = _response(self._perform(request))
        except Problem as problem:
            response = self._refuse(problem)
        except Exception:
            log.exception("Request %s failed: %s %r", request_id, request.method, request.path)
            response = self._refuse(_unexpected(request_id))
        if response.status_code in _BUSY and _may_repeat(request):
            response.headers["Retry-After"] = str(self._retry_after)
        response.headers["X-AWS-REQUEST-ID"] = request_id
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response(environ, start_response)

    def _perform(self, request: Request) -> Answer:
        if request.path in self._documents:
            _check_method(request.method, ("GET",))
            return self._documents[request.path]
        route, values = self._find(request.path, request.method)
        if route.handler is None:
            title = f"This service does not offer the operation {route.operation.name}."
            raise Problem(501, "not_implemented", title)
        user = self._authenticate(request) if route.operation.secured else None
        body = _read_body(request, self._max_body) if route.operation.body_schema is not None else None
        route.check.body(body)
        query = {name: request.args.getlist(name)[-1] for name in route.query_names if name in request.args}
        arguments = route.check.arguments({"path": values, "query": query, "header": request.headers})
        path = route.fill(values)
        content = request.environ["wsgi.input"]
        call = Call(route.operation, arguments, body, user, self._base_url, path, query, request.headers, content)
        self._admit(call)
        return route.handler(call)

    def _refuse(self, problem: Problem) -> Response:
        body = json.dumps(self._describe(problem))
        return Response(body, problem.status, problem.headers, mimetype="application/problem+json")

    def _find(self, path: str, method: str) -> tuple[_Route, dict[str, str]]:
        if path.startswith(self._base_path + "/"):
            for place in self._places:
                values = place.match(path[len(self._base_path) :])
                if values is not None:
                    return place.route(method), values
        raise Problem(404, "not_found", f"There is nothing at {path[:200]}.")

    def _authenticate(self, request: Request) -> User:
        bearer = _BEARER.fullmatch(request.headers.get("Authorization", ""))
        headers = {"WWW-Authenticate": "Bearer"}
        if bearer is None:
            raise Problem(401, "OAuthProblem", NO_TOKEN, headers=headers)
        user = self._users.from_token(bearer[1])
        if user is None:
            raise Problem(401, "Unauthorized", "The token is not valid.", headers=headers)
        return user


@dataclass(frozen=True)
class _Route:
    operation: Operation
    handler: Handler | None
    check: RequestCheck
    query_names: tuple[str, ...]

    def fill(self, values: Mapping[str, str]) -> str:
        return re.sub(r"\{([^{}]*)\}", lambda found: values[found[1]], self.operation.path)


class _Place:
    """One path of the description, with the operations that it has."""

    def __init__(self, path: str, routes: Mapping[str, _Route]) -> None:
        pieces = re.split(r"\{([^{}]*)\}", path)
        self._names = pieces[1::2]
        self._expression = re.compile("([^/]+)".join(map(re.escape, pieces[::2])))
        self._routes = routes

    def match(self, path: str) -> dict[str, str] | None:
        """Return the values in `path`, or None if it is another one."""
        found = self._expression.fullmatch(path)
        return dict(map(_normal, self._names, found.groups())) if found else None

    def route(self, method: str) -> _Route:
        """Return the operation for a method; HEAD is GET without a body unless the description knows it."""
        if method == "HEAD" and method not in self._routes:
            method = "GET"
        _check_method(method, self._routes)
        return self._routes[method]


def _places(
    operations: Sequence[Operation], handlers: Mapping[str, Handler], formats: Mapping[str, Format]
) -> list[_Place]:
    by_path: dict[str, dict[str, _Route]] = {}
    for operation in operations:
        query_names = tuple(one.name for one in operation.parameters if one.location == "query")
        route = _Route(operation, handlers.get(operation.name), RequestCheck(operation, formats), query_names)
        by_path.setdefault(operation.path, {})[operation.method] = route
    return [_Place(path, by_path[path]) for path in sorted(by_path, key=_generality)]


def _generality(path: str) -> list[bool]:
    """Sorts `/bundles/all` before `/bundles/{uuid}`."""
    return ["{" in segment for segment in path.split("/")]


def _normal(name: str, value: str) -> tuple[str, str]:
    return name, value.lower() if name.endswith("uuid") and _UUID.fullmatch(value) else value


def _check_method(method: str, allowed: Iterable[str]) -> None:
    names = sorted({*allowed, *(("HEAD",) if "GET" in allowed else ())})
    if method not in names:
        title = f"{method[:20]} is not possible here, only {', '.join(names)}."
        raise Problem(405, "method_not_allowed", title, headers={"Allow": ", ".join(names)})


def _read_body(request: Request, most: int) -> Any:
    data = _receive(request, most)
    if not data:
        return None
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        title = f"The body is announced as {request.mimetype[:100] or 'nothing'}, not as application/json."
        raise Problem(415, "unsupported_media_type", title)
    try:
        return parse_json(data)
    except ValueError as error:
        raise Problem(400, "illegal_arguments", f"The body is not valid JSON: {error}.") from None


def _receive(request: Request, most: int) -> bytes:
    """The whole body. (Werkzeug's own stream cuts a long one, and does not notice when one breaks off.)"""
    length = request.content_length
    if length is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    data = b""
    if length is None or length <= most:
        try:
            data = request.environ["wsgi.input"].read(most + 1 if length is None else length)
        except (OSError, ValueError) as error:
            raise Problem(400, "illegal_arguments", f"The body cannot be read: {error}.") from error
    if max(len(data), length or 0) > most:
        raise Problem(413, "body_too_large", f"The body has more than {most} bytes.")
    if length is not None and len(data) < length:
        raise Problem(400, "illegal_arguments", f"The body breaks off after {len(data)} of {length} bytes.")
    return data


def _may_repeat(request: Request) -> bool:
    return request.method in _REPEATABLE or (request.method == "POST" and "search" in request.path)


def _unexpected(request_id: str) -> Problem:
    return Problem(
        500, "unhandled_exception", f"Something went wrong inside the service; its log has request {request_id}."
    )


def _response(answer: Answer) -> Response:
    if answer.body is None:
        response = Response(status=answer.status, headers=dict(answer.headers))
        del response.headers["Content-Type"]  # there is no content
        return response
    return Response(json.dumps(answer.body), answer.status, dict(answer.headers), mimetype="application/json")
