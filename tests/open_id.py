"""A small OpenID provider that does as it is told, the service whose users log in there, and a browser."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey

from hca_core.testing import Answer, FakeServer, Request

KEY = RSAKey.generate_key(2048, {"kid": "k-1"}, auto_kid=False)
FOREIGN_KEY = RSAKey.generate_key(2048, {"kid": "k-1"}, auto_kid=False)
SECRET = "cl13nt-s3cr3t"
BASIC, IN_FORM = "client_secret_basic", "client_secret_post"


class OpenId(FakeServer):
    """A provider with one client, `local-cli`, and one user, who always agrees; each code and refresh token works once.

    `claims` change what the identity token says (None removes a claim), `tokens` what the token endpoint answers;
    `key` signs. `codes` are the codes that were given out, with the query that asked for each. The secret of the client
    is taken by the `methods` alone; None means that the provider does not say which, and takes Basic.
    """

    def __init__(self) -> None:
        super().__init__()
        self.key: Any = KEY
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "k-1"}
        self.claims: dict[str, Any] = {}
        self.tokens: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: set[str] = set()
        self.methods: list[str] | None = [BASIC, IN_FORM]
        self.on("GET", "/oauth/authorize", self.authorize)
        self.on("POST", "/oauth/token", self.token)
        self.on("POST", "/oauth/revoke", self.revoke)
        self.on("GET", "/jwks", lambda _: Answer.json({"keys": [KEY.as_dict(private=False)]}))
        self.on("GET", "/.well-known/openid-configuration", lambda _: Answer.json(self.discovery()))
        self.on("GET", "/internal/application_secrets", lambda _: Answer.json({"installed": self.application()}))

    def __enter__(self) -> OpenId:
        super().__enter__()
        return self

    def discovery(self) -> dict[str, Any]:
        methods = {"token_endpoint_auth_methods_supported": self.methods} if self.methods is not None else {}
        return {
            **methods,
            "issuer": f"{self.url}/",
            "authorization_endpoint": f"{self.url}/oauth/authorize",
            "token_endpoint": f"{self.url}/oauth/token",
            "jwks_uri": f"{self.url}/jwks",
            "revocation_endpoint": f"{self.url}/oauth/revoke",
        }

    def application(self) -> dict[str, Any]:
        return {
            "client_id": "local-cli",
            "client_secret": SECRET,
            "auth_uri": f"{self.url}/oauth/authorize",
            "token_uri": f"{self.url}/oauth/token",
        }

    def forms(self, path: str) -> list[dict[str, str]]:
        """The forms that were sent to a path."""
        return [_form(request.body) for request in self.requests if (request.method, request.path) == ("POST", path)]

    def authorize(self, request: Request) -> Answer:
        asked = _form(request.query)
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return Answer.redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    def token(self, request: Request) -> Answer:
        form = _form(request.body)
        client = self.client(request, form)
        if client is None:
            return Answer.json({"error": "invalid_client"}, 401)
        if form.get("grant_type") == "refresh_token":
            if form["refresh_token"] not in self.refresh_tokens:
                return Answer.json({"error": "invalid_grant"}, 400)
            self.refresh_tokens.remove(form["refresh_token"])
            return Answer.json(self.grant(None))
        asked = self.codes.pop(form.get("code", ""), None)
        if not asked or asked["redirect_uri"] != form["redirect_uri"]:
            return Answer.json({"error": "invalid_grant"}, 400)
        if asked["code_challenge"] != challenge(form["code_verifier"]) or client != asked["client_id"]:
            return Answer.json({"error": "invalid_grant", "error_description": "another verifier"}, 400)
        return Answer.json(self.grant(asked))

    def grant(self, asked: dict[str, str] | None) -> dict[str, Any]:
        count = self.count("POST", "/oauth/token")
        self.refresh_tokens.add(f"refresh-{count}")
        found: dict[str, Any] = {
            "access_token": f"access-{count}",
            "refresh_token": f"refresh-{count}",
            "expires_in": 3600,
        }
        if asked:
            found["id_token"] = self.id_token(asked)
        return {name: value for name, value in {**found, **self.tokens}.items() if value is not None}

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": f"{self.url}/",
            "sub": "local|ada",
            "aud": asked["client_id"],
            "nonce": asked["nonce"],
        }
        claims |= {"iat": now, "exp": now + 600, "email": "ada@lab.example", **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])

    def revoke(self, request: Request) -> Answer:
        form = _form(request.body)
        if self.client(request, form) is None:
            return Answer.json({"error": "invalid_client"}, 401)
        self.refresh_tokens.discard(form["token"])
        return Answer(200)

    def client(self, request: Request, form: dict[str, str]) -> str | None:
        """Who sent a form, or None if they do not show it as they have to."""
        header = request.headers.get("Authorization", "")
        if header:
            id, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
            # Nobody may use more than one way at once.
            method = BASIC if "client_secret" not in form else None
        else:
            id, secret, method = form.get("client_id", ""), form.get("client_secret", ""), IN_FORM
        if id != "local-cli":
            return id
        return id if secret == SECRET and method in (self.methods or [BASIC]) else None


class Browser:
    """Opens addresses in a thread, following redirects, and keeps the `pages` it ends at."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.opened: list[str] = []
        self._threads: list[threading.Thread] = []

    def __call__(self, url: str) -> bool:
        self.opened.append(url)
        self._threads.append(threading.Thread(target=self._visit, args=(url,), daemon=True))
        self._threads[-1].start()
        return True

    def last_page(self) -> str:
        """The page at which the last visit ended."""
        for thread in self._threads:
            thread.join(10)
        return self.pages[-1]

    def _visit(self, url: str) -> None:
        self.pages.append(fetch(url)[1])


def fetch(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Return status and text of what a browser is shown at `url`."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _form(text: str | bytes) -> dict[str, str]:
    words = text.decode() if isinstance(text, bytes) else text
    return {name: values[-1] for name, values in parse_qs(words).items()}
