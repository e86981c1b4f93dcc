"""Where users of a service log in, and what of that is believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from open_id import SECRET, OpenId

from hca_core.credentials.provider import Provider, find
from hca_core.errors import AuthError, ConfigError, HcaError, NetworkError
from hca_core.http import Session
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer


@pytest.fixture
def server() -> Iterator[OpenId]:
    with OpenId() as found:
        yield found


def get(url: str) -> Any:
    with Session(policy=RetryPolicy(attempts=1)) as session:
        return session.send("GET", url).json()


def failure(server: OpenId, kind: type[HcaError] = AuthError, **settings: Any) -> HcaError:
    with pytest.raises(kind) as caught:
        find("dss", f"{server.url}/v1", get, **settings)
    assert SECRET not in f"{caught.value!r} {vars(caught.value)}"
    return caught.value


def test_what_the_service_publishes_is_completed_by_the_provider(server: OpenId) -> None:
    assert find("dss", f"{server.url}/v1", get) == Provider(
        f"{server.url}/oauth/authorize",
        f"{server.url}/oauth/token",
        "local-cli",
        SECRET,
        f"{server.url}/",
        f"{server.url}/jwks",
        f"{server.url}/oauth/revoke",
        f"{server.url}/echo",
        "client_secret_post",
    )


def test_the_provider_may_be_another_server(server: OpenId) -> None:
    with OpenId() as other:
        server.on("GET", "/internal/application_secrets", Answer.json({"installed": other.application()}))
        found = find("dss", f"{server.url}/v1", get)
        assert (found.issuer, found.paste_uri) == (f"{other.url}/", f"{other.url}/echo")


def test_the_provider_need_not_describe_itself(server: OpenId) -> None:
    server.on("GET", "/.well-known/openid-configuration", Answer(404))
    found = find("dss", f"{server.url}/v1", get)
    assert (found.client_id, found.issuer, found.jwks_uri, found.revocation_endpoint) == ("local-cli", None, None, None)


@pytest.mark.parametrize(
    ("offered", "method"),
    [
        (["client_secret_basic", "client_secret_post"], "client_secret_post"),
        (["client_secret_post"], "client_secret_post"),
        (["client_secret_basic"], "client_secret_basic"),
        (["private_key_jwt", "client_secret_basic"], "client_secret_basic"),
        ([], "client_secret_basic"),
        ("client_secret_post", "client_secret_basic"),
        ({"client_secret_post": [5]}, "client_secret_basic"),
        ([["client_secret_post"]], "client_secret_basic"),
    ],
)
def test_how_the_secret_is_shown(server: OpenId, offered: Any, method: str) -> None:
    server.methods = offered
    assert find("dss", f"{server.url}/v1", get).auth_method == method


def test_a_provider_that_does_not_say_takes_what_the_standard_says(server: OpenId) -> None:
    server.methods = None
    assert find("dss", f"{server.url}/v1", get).auth_method == "client_secret_basic"
    server.on("GET", "/.well-known/openid-configuration", Answer(404))
    assert find("dss", f"{server.url}/v1", get).auth_method == "client_secret_post"


@pytest.mark.parametrize("answer", [Answer(404), Answer(403), Answer(200, b"<html>"), Answer.json([]), Answer.json({})])
def test_without_application_secrets_the_service_is_asked_to_describe_itself(server: OpenId, answer: Answer) -> None:
    server.on("GET", "/internal/application_secrets", answer)
    found = find("dss", f"{server.url}/v1/swagger.json", get, client_id="public-cli")
    assert (found.client_id, found.client_secret, found.issuer) == ("public-cli", None, f"{server.url}/")
    assert found.paste_uri == "http://127.0.0.1:8080/"


def test_the_settings_win(server: OpenId) -> None:
    with OpenId() as other:
        found = find("dss", f"{server.url}/v1", get, issuer=other.url, client_id="mine")
        assert (found.authorization_endpoint, found.client_id) == (f"{other.url}/oauth/authorize", "mine")
    assert server.requests == []
    found = find("dss", f"{server.url}/v1", get, client_id="mine")
    assert (found.client_id, found.client_secret, found.token_endpoint) == ("mine", None, f"{server.url}/oauth/token")


def test_somebody_has_to_say_who_we_are(server: OpenId) -> None:
    assert failure(server, ConfigError, issuer=server.url).key == "login.client_id"  # type: ignore[attr-defined]
    server.on("GET", "/internal/application_secrets", Answer(404))
    assert "as which application" in failure(server, ConfigError).message


def test_nobody_says_where_to_log_in(server: OpenId) -> None:
    server.on("GET", "/internal/application_secrets", Answer(404))
    server.on("GET", "/.well-known/openid-configuration", Answer(404))
    error = failure(server)
    assert "does not tell how to log in: there is no such document" in error.message
    assert "--access-token" in (error.hint or "")


def test_a_service_in_trouble_is_not_taken_for_one_without_a_login(server: OpenId) -> None:
    server.on("GET", "/internal/application_secrets", Answer(503))
    failure(server, NetworkError)


@pytest.mark.parametrize(
    "address",
    [
        "http://auth.example.org/authorize",
        "ftp://auth.example.org/",
        "javascript:alert(1)",
        "https://",
        "https://user@auth.example.org/",
        "https://auth.example.org/#top",
        "https://auth.example.org:port/",
        "https://auth.example.org/a b",
        "https://auth.example.org/\r\nX: 1",
        "https://[::1",
        "https://h/" + "x" * 3000,
        "",
        None,
        5,
        ["https://auth.example.org/"],
    ],
)
@pytest.mark.parametrize("name", ["auth_uri", "token_uri"])
def test_addresses_that_no_secret_is_sent_to(server: OpenId, name: str, address: Any) -> None:
    application = {**server.application(), name: address}
    server.on("GET", "/internal/application_secrets", Answer.json({"installed": application}))
    assert name in failure(server).message


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint"])
def test_a_discovery_document_is_no_better(server: OpenId, name: str) -> None:
    document = {**server.discovery(), name: "http://auth.example.org/"}
    server.on("GET", "/.well-known/openid-configuration", Answer.json(document))
    assert name in failure(server, issuer=server.url, client_id="c").message


@pytest.mark.parametrize("name", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_what_a_discovery_document_has_to_say(server: OpenId, name: str) -> None:
    document = {**server.discovery(), name: None}
    server.on("GET", "/.well-known/openid-configuration", Answer.json(document))
    assert f"{name} is missing" in failure(server, issuer=server.url, client_id="c").message


def test_a_server_elsewhere_may_not_send_us_to_this_machine() -> None:
    """A web site must not make us post to what listens on the user's own machine."""
    answers = {
        "https://dss.example.org/internal/application_secrets": {
            "installed": {
                "client_id": "c",
                "auth_uri": "https://auth.example.org/authorize",
                "token_uri": "http://127.0.0.1:8000/admin",
            }
        },
        "https://auth.example.org/.well-known/openid-configuration": {},
    }
    with pytest.raises(AuthError, match="token_uri is not an https:// address"):
        find("dss", "https://dss.example.org/v1", answers.__getitem__)


@pytest.mark.parametrize("issuer", ["https://other.example.org", "http://127.0.0.1:1/"])
def test_an_issuer_has_to_be_the_one_that_was_meant(server: OpenId, issuer: str) -> None:
    document = {**server.discovery(), "issuer": issuer}
    server.on("GET", "/.well-known/openid-configuration", Answer.json(document))
    assert "its issuer is not" in failure(server, issuer=server.url, client_id="c").message


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("http://dss.example.org/v1", {}),
        ("https://dss.example.org/v1", {"issuer": "http://auth.example.org", "client_id": "c"}),
        ("https://dss.example.org/v1", {"issuer": 5}),
        ("https://dss.example.org/v1", {"issuer": "two words"}),
        ("https://dss.example.org/v1", {"client_id": ["c"]}),
    ],
)
def test_what_cannot_be_used_is_not_asked(url: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        find("dss", url, lambda url: pytest.fail("asked"), **settings)
