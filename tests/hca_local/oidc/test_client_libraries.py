"""Programs that others wrote sign in as they always do."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from .conftest import AUDIENCE, REDIRECT, Browser, Program, Service

sessions = pytest.importorskip("requests_oauthlib")


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def test_requests_oauthlib_as_the_old_client_used_it(service: Service, browser: Browser) -> None:
    installed = service.get("/internal/application_secrets").json()["installed"]
    scope = ["openid", "email", "offline_access"]
    session = sessions.OAuth2Session(installed["client_id"], scope=scope, redirect_uri=installed["redirect_uris"][0])
    url, state = session.authorization_url(installed["auth_uri"], audience=AUDIENCE, access_type="offline")
    found = browser.through(url)
    assert found["state"] == state
    token = session.fetch_token(installed["token_uri"], code=found["code"], client_secret=installed["client_secret"])
    assert session.get(service.url + "/oauth/userinfo").json()["email"] == "ada@lab.example"
    secrets = {name: installed[name] for name in ("client_id", "client_secret")}
    again = session.refresh_token(installed["token_uri"], refresh_token=token["refresh_token"], **secrets)
    assert again["refresh_token"] != token["refresh_token"]
    session.close()


def test_requests_oauthlib_as_a_native_program(service: Service, browser: Browser, program: Program) -> None:
    configuration = service.get("/.well-known/openid-configuration").json()
    session = sessions.OAuth2Session(program.client_id, scope=["openid"], redirect_uri=REDIRECT, pkce="S256")
    url, _ = session.authorization_url(configuration["authorization_endpoint"], nonce="n-1")
    code = browser.through(url)["code"]
    token = session.fetch_token(configuration["token_endpoint"], code=code, include_client_id=True)
    claims = verified(configuration, token["id_token"], audience=program.client_id)
    assert (claims["email"], claims["nonce"]) == ("ada@lab.example", "n-1")
    assert verified(configuration, token["access_token"], audience=AUDIENCE)["sub"] == claims["sub"]
    session.close()


def verified(configuration: dict[str, Any], token: str, audience: str) -> dict[str, Any]:
    """Check a token with another library than the provider's, and the keys that it publishes."""
    key = jwt.PyJWKClient(configuration["jwks_uri"]).get_signing_key_from_jwt(token)
    options: Any = {"verify_exp": False, "verify_iat": False}
    found: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256"], audience=audience, issuer=configuration["issuer"], options=options
    )
    return found
