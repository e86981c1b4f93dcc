"""The OpenID provider of a local stack as one WSGI application."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from hca_local.oidc.clients import INSTALLED, OLD_REDIRECT_URI, known_clients
from hca_local.oidc.discovery import configuration
from hca_local.oidc.families import ACCESS_SECONDS
from hca_local.oidc.identify import Identifier
from hca_local.oidc.pages import echo_page
from hca_local.oidc.passwords import DEFAULT_COST, Cost
from hca_local.oidc.server import Message, Server
from hca_local.oidc.signin import SignIn
from hca_local.oidc.store import Store
from hca_local.oidc.tokens import SCRIPT_SCOPE, Tokens, default_audience
from hca_local.oidc.web import Request, json_answer, page, problem_answer, redirect
from hca_local.problem import NO_TOKEN, Problem
from hca_local.users import Users

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from hca_local.oidc.accounts import Accounts
    from hca_local.oidc.service_accounts import ServiceAccounts
    from hca_local.users import User

__all__ = ["Provider"]

_READ = ("GET", "HEAD")


class Provider:
    """Signs people in, gives tokens to programs and says whose a token is.

    It keeps what it knows in `folder`. `issuer` is its address without a slash at the end, `audience` what services
    must find in a token (the default of hca's setting if None). `app_metadata` returns the groups, roles and actions
    of a user by e-mail address, and `is_enabled` whether the user is let in. `users` have tokens that the provider did
    not give out. `now` is the time in seconds since 1970; `cost` is that of new passwords.

    Raises:
        HcaError: the folder cannot be used, for example because a newer version of hca wrote it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        issuer: str,
        app_metadata: Callable[[str], Mapping[str, Any]],
        is_enabled: Callable[[str], bool] = lambda _: True,
        users: Users | None = None,
        audience: str | None = None,
        now: Callable[[], float] = time.time,
        cost: Cost = DEFAULT_COST,
    ) -> None:
        audience = audience or default_audience()
        self._issuer = issuer
        self._app_metadata = app_metadata
        self._store = Store(folder, now=now, cost=cost)
        self._store.remember("issuer", issuer)
        self._store.remember("audience", audience)
        self._tokens = Tokens(self._store, issuer=issuer, audience=audience, now=now)
        self._identifier = Identifier(
            self._store,
            issuer=issuer,
            audience=audience,
            users=users or Users({}),
            is_enabled=is_enabled,
            now=now,
        )
        clients = known_clients(issuer, self._store.remember_first("client_secret", secrets.token_urlsafe(32)))
        self._installed = clients[INSTALLED]
        self._server = Server(self._store, self._tokens, self._identifier, clients)
        self._hosts = _hosts(issuer)
        self._routes = self._make_routes(SignIn(self._server, self._store, issuer=issuer, now=now))

    def _make_routes(self, sign_in: SignIn) -> dict[str, tuple[tuple[str, ...], Callable[[Request], Response]]]:
        both = (*_READ, "POST")
        return {
            "/.well-known/openid-configuration": (_READ, self._configuration),
            "/.well-known/jwks.json": (_READ, lambda _: json_answer(self._store.keys.public(), public=True)),
            "/login": (_READ, _login),
            "/logout": (_READ, sign_in.logout),
            "/echo": (_READ, _echo),
            "/oauth/authorize": (both, sign_in.authorize),
            "/oauth/sign-in": (("POST",), sign_in.sign_in),
            "/oauth/consent": (both, sign_in.consent),
            "/oauth/signed-out": (_READ, sign_in.signed_out),
            "/oauth/token": (("POST",), self._token),
            "/oauth/revoke": (("POST",), self._revoke),
            "/oauth/userinfo": (both, self._userinfo),
            "/internal/application_secrets": (_READ, lambda _: json_answer(self.application_secrets())),
        }

    @property
    def accounts(self) -> Accounts:
        """Those who can sign in."""
        return self._store.accounts

    @property
    def service_accounts(self) -> ServiceAccounts:
        """The programs that sign their own tokens."""
        return self._store.service_accounts

    def handles(self, path: str) -> bool:
        """Return whether a path is the provider's to answer."""
        return path in self._routes

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            response = self._answer(Request(environ))
        except Problem as problem:
            response = problem_answer(problem)
        except HTTPException as error:
            response = problem_answer(Problem(error.code or 400, "illegal_arguments", f"{error.description}"))
        response.headers["X-AWS-REQUEST-ID"] = str(uuid.uuid4())
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path not in self._routes:
            raise Problem(404, "not_found", f"There is nothing at {request.path[:200]}.")
        methods, answer = self._routes[request.path]
        if request.method not in methods:
            allowed = ", ".join(methods)
            title = f"{request.method[:20]} is not possible here, only {allowed}."
            raise Problem(405, "method_not_allowed", title, headers={"Allow": allowed})
        return answer(request)

    def application_secrets(self) -> dict[str, Any]:
        """Return what a program needs to sign people in; it is no secret, whatever it is called."""
        return {
            "installed": {
                "client_id": self._installed.id,
                "client_secret": self._installed.secret,
                "auth_uri": f"{self._issuer}/oauth/authorize",
                "token_uri": f"{self._issuer}/oauth/token",
                "redirect_uris": [OLD_REDIRECT_URI, f"{self._issuer}/echo"],
            }
        }

    def from_token(self, token: str) -> User | None:
        """Return whose a token is, or None if it is nobody's.

        Raises:
            Problem: 401, it is not valid; 403, it is, but its owner is not let in.
        """
        caller = self._identifier.identify(token)
        return caller.user if caller else None

    def mint(self, email: str, seconds: int = ACCESS_SECONDS, *, scope: str = SCRIPT_SCOPE) -> str:
        """Return an access token of an account, without anybody signing in.

        Raises:
            HcaError: there is no such account, it is disabled, or no token lasts so long.
        """
        return self._tokens.mint(email, seconds, scope=scope)

    def rotate_keys(self) -> str:
        """Sign with a new key from now on, and return its id; tokens signed with the old one stay good."""
        return self._store.keys.rotate()

    def close(self) -> None:
        """Close the files; no request may follow."""
        self._store.close()

    def _configuration(self, request: Request) -> Response:
        if request.host.lower() not in self._hosts:
            raise Problem(400, "illegal_arguments", "The header Host does not name this service.")
        return json_answer(configuration(self._issuer), public=True)

    def _token(self, request: Request) -> Response:
        return self._server.give_token(self._message(request, request.form))

    def _revoke(self, request: Request) -> Response:
        form = _json_form(request) if request.mimetype == "application/json" else request.form
        return self._server.revoke_token(self._message(request, form))

    def _userinfo(self, request: Request) -> Response:
        authorization = request.authorization
        token = authorization.token if authorization and authorization.type == "bearer" else None
        caller = self._identifier.identify(token) if token else None
        if caller is None:
            title = "The token is not valid." if token else NO_TOKEN
            raise Problem(401, "Unauthorized", title, headers={"WWW-Authenticate": "Bearer"})
        claim = f"https://{urlsplit(self._issuer).netloc}/app_metadata"
        return json_answer(
            {
                "sub": caller.subject,
                "email": caller.user.email,
                "email_verified": True,
                claim: {"authorization": self._app_metadata(caller.user.email)},
            }
        )

    def _message(self, request: Request, form: MultiDict[str, str]) -> Message:
        return Message(request.method, f"{self._issuer}{request.path}", request.headers, form)


def _hosts(issuer: str) -> frozenset[str]:
    parts = urlsplit(issuer)
    port = "" if parts.port in (None, 80) else f":{parts.port}"
    return frozenset({parts.netloc.lower(), *(f"{name}{port}" for name in ("127.0.0.1", "localhost", "[::1]"))})


def _login(request: Request) -> Response:
    query = request.query_string.decode("ascii", "replace")
    return redirect(f"/oauth/authorize?{query}" if query else "/oauth/authorize", 301)


def _echo(request: Request) -> Response:
    wanted = request.accept_mimetypes.best_match(["application/json", "text/html"], "application/json")
    if wanted == "text/html":
        return page(echo_page(request.args.get("code"), request.args.get("error")))
    return json_answer({"method": request.method, "path": request.path, "query": request.args.to_dict()})


def _json_form(request: Request) -> MultiDict[str, str]:
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise Problem(400, "illegal_arguments", "The body is not valid JSON.") from None
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise Problem(400, "illegal_arguments", "The body must be an object with texts in it.")
    return MultiDict(body)
