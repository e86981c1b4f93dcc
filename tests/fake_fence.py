"""The part of a Gen3 commons that knows its users, with the answers of the real one."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from hca_core.testing import Answer, FakeServer, Request

HOUR = 3600
MONTH = 30 * 24 * HOUR
CLIENT = ("client-1", "secret of client-1")
SCOPES = frozenset({"user", "data", "openid"})
_numbers = itertools.count(1)


def jwt(**claims: Any) -> str:
    """Return a token with these claims; nobody has signed it."""
    parts = ({"alg": "RS256", "typ": "JWT", "kid": "fence_key"}, {**claims, "jti": f"jti-{next(_numbers)}"})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def html(status: int, words: str) -> Answer:
    """Return an error as fence tells it to what it takes for a browser."""
    page = f"<!DOCTYPE html><html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>"
    return Answer(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"})


class FakeFence(FakeServer):
    """A commons whose user is ada.

    `keys` are the API keys that are good, `tokens` the access tokens; taking one away is what revokes it. `lifetime`
    is how many seconds the next access token is good for. `partners` are the commons at which ada has logged in by
    way of the workspace token service, by idp; `base_urls` what that says about where they are, if not the truth.

    Mixed with a server of records (`class Whole(FakeFence, FakeCommons)`) it decides who may ask that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()
        self.tokens: set[str] = set()
        self.lifetime: float = HOUR
        self.partners: dict[str, FakeFence] = {}
        self.base_urls: dict[str, Any] = {}

    def __enter__(self) -> FakeFence:
        super().__enter__()
        return self

    def new_key(self, lifetime: float = MONTH) -> dict[str, str]:
        """Return what the profile page offers to save as credentials.json."""
        key = jwt(iss=f"{self.url}/user", pur="api_key", exp=int(time.time() + lifetime), aud=["gen3"], sub="1")
        self.keys.add(key)
        return {"api_key": key, "key_id": f"key-{next(_numbers)}"}

    def save_key(self, file: Path) -> str:
        """Write a new key into a file, which only its owner can read; return the key."""
        key = self.new_key()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_text(json.dumps(key))
        return key["api_key"]

    def new_token(self, lifetime: float | None = None, **claims: Any) -> str:
        """Return an access token that is good."""
        expires = int(time.time() + (self.lifetime if lifetime is None else lifetime))
        who = {"context": {"user": {"name": "ada"}}, "sub": "1", "azp": "", "aud": ["gen3"], "scope": sorted(SCOPES)}
        token = jwt(iss=f"{self.url}/user", pur="access", exp=expires, **{**who, **claims})
        self.tokens.add(token)
        return token

    def is_known(self, request: Request) -> bool:
        """Return whether a request comes with a token of ours."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and token in self.tokens

    def tokens_seen(self, path: str) -> list[str]:
        """The tokens with which `path` was asked."""
        asked = [request for request in self.requests if request.path == path]
        return [request.headers.get("Authorization", "").partition(" ")[2] for request in asked]

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        if found.status != 404:
            return found
        if request.path in ("/user/credentials/api/access_token", "/user/credentials/cdis/access_token"):
            return self._token_for_key(request)
        if request.path == "/user/oauth2/token":
            return self._token_for_client(request)
        if request.path == "/user/user":
            return self._user(request)
        if request.path.startswith("/wts/"):
            open_to_all = request.path == "/wts/external_oidc/"
            known = open_to_all or self.is_known(request)
            return self.wts(request, request.path.removeprefix("/wts")) if known else _unknown()
        return found

    def wts(self, request: Request, path: str) -> Answer:
        """Return what the workspace token service answers to somebody it knows."""
        if path == "/external_oidc/":
            return Answer.json({"providers": [self._provider(idp) for idp in self.partners]})
        if path != "/token/":
            return Answer.json({"error": "not found"}, 404)
        idp = request.params.get("idp", ["local"])[0]
        if idp == "local":
            return Answer.json({"token": self.new_token()})
        partner = self.partners.get(idp)
        words = {"error": f"requested idp not configured: {idp}"}
        return Answer.json({"token": partner.new_token()}) if partner else Answer.json(words, 400)

    def _token_for_key(self, request: Request) -> Answer:
        if request.method != "POST":
            return html(405, "Method Not Allowed")
        try:
            key = request.json().get("api_key")
        except ValueError:
            key = parse_qs(request.body.decode()).get("api_key", [None])[0]
        if not key:
            return html(400, "Please provide an api_key in payload")
        if key not in self.keys:
            return html(401, "Not authorized: signature of the API key has expired")
        lifetime = min(HOUR, float(request.params.get("expires_in", [self.lifetime])[0]))
        return Answer.json({"access_token": self.new_token(lifetime)})

    def _token_for_client(self, request: Request) -> Answer:
        kind, _, words = request.headers.get("Authorization", "").partition(" ")
        known = base64.b64encode(":".join(CLIENT).replace(" ", "+").encode()).decode()
        plain = base64.b64encode(":".join(CLIENT).encode()).decode()
        if kind != "Basic" or words not in (known, plain):
            return Answer.json({"error": "invalid_client", "error_description": "Invalid client"}, 401)
        given = {**request.params, **parse_qs(request.body.decode())}
        scopes = given.get("scope", [""])[0].split()
        if given.get("grant_type") != ["client_credentials"]:
            return Answer.json({"error": "unsupported_grant_type"}, 400)
        if not SCOPES.issuperset(scopes):
            return Answer.json({"error": "invalid_scope", "error_description": "The requested scope is invalid"}, 400)
        token = self.new_token(min(1200, self.lifetime), scope=scopes, azp=CLIENT[0])
        return Answer.json({"access_token": token, "expires_in": 1200, "token_type": "Bearer"})

    def _user(self, request: Request) -> Answer:
        if not self.is_known(request):
            return _unknown()
        access: Mapping[str, Any] = {"demo": ["read", "create", "update"]}
        return Answer.json(
            {
                "username": "ada",
                "email": "ada@example.org",
                "project_access": access,
                "resources": ["/programs/demo"],
                "authz": {"/programs/demo": [{"method": "read", "service": "*"}]},
            }
        )

    def _provider(self, idp: str) -> dict[str, Any]:
        return {
            "name": idp.title(),
            "idp": idp,
            "base_url": self.base_urls.get(idp, self.partners[idp].url),
            "urls": [{"name": idp.title(), "url": f"{self.url}/wts/oauth2/authorization_url?idp={idp}"}],
            "refresh_token_expiration": None,
        }


class FakeWorkspace(FakeServer):
    """What a pod in a workspace of `commons` talks to: the token service, without any login."""

    def __init__(self, commons: FakeFence) -> None:
        super().__init__()
        self.commons = commons

    def __enter__(self) -> FakeWorkspace:
        super().__enter__()
        return self

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        return self.commons.wts(request, request.path) if found.status == 404 else found


def _unknown() -> Answer:
    return html(401, "Unauthorized: no valid token")
