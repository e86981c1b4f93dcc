"""Ending a login."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from open_id import SECRET, OpenId

from hca_core.credentials.logout import LoggedOut, log_out
from hca_core.credentials.store import Login, TokenStore
from hca_core.http import Session
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, Request

HOST = "dss.example.org"


@pytest.fixture
def provider() -> Iterator[OpenId]:
    with OpenId() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "credentials.json")


def post(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Any:
    with Session(policy=RetryPolicy(attempts=1)) as session:
        return session.send("POST", url, data=form, headers=headers).json()


def end(store: TokenStore, environ: Mapping[str, str] | None = None) -> LoggedOut:
    return log_out("dss", HOST, store=store, post=post, environ=environ or {})


def login(provider: OpenId, **more: Any) -> Login:
    known = {"refresh_token": "r3fr3sh", "client_id": "local-cli", "client_secret": SECRET}
    return Login("acc3ss", **{**known, "revocation_endpoint": f"{provider.url}/oauth/revoke", **more})


def test_the_refresh_token_is_revoked_and_everything_forgotten(provider: OpenId, store: TokenStore) -> None:
    store.put(HOST, login(provider))
    store.put("other", Login("theirs"))
    assert end(store) == LoggedOut(HOST, True)
    assert provider.forms("/oauth/revoke") == [
        {
            "token": "r3fr3sh",
            "token_type_hint": "refresh_token",
            "client_id": "local-cli",
            "client_secret": SECRET,
        }
    ]
    assert store.get(HOST) is None
    text = store.path.read_text()
    assert not any(secret in text for secret in ("r3fr3sh", "acc3ss", SECRET))
    assert store.get("other") == Login("theirs")


def test_the_secret_goes_as_it_went_at_the_login(provider: OpenId, store: TokenStore) -> None:
    provider.methods = ["client_secret_basic"]
    store.put(HOST, login(provider, auth_method="client_secret_basic"))
    assert end(store) == LoggedOut(HOST, True)
    assert provider.forms("/oauth/revoke") == [{"token": "r3fr3sh", "token_type_hint": "refresh_token"}]
    store.put(HOST, login(provider))
    assert "invalid_client" in (end(store).warning or "")


def test_nothing_to_forget(provider: OpenId, store: TokenStore) -> None:
    assert end(store) == LoggedOut(HOST, False)
    assert not store.path.exists()


@pytest.mark.parametrize("more", [{"refresh_token": None}, {"revocation_endpoint": None}])
def test_nothing_to_revoke(provider: OpenId, store: TokenStore, more: dict[str, Any]) -> None:
    store.put(HOST, login(provider, **more))
    assert end(store) == LoggedOut(HOST, True)
    assert provider.requests == []


@pytest.mark.parametrize("answer", [Answer(200), Answer.json({}), Answer(204)])
def test_the_status_says_success(provider: OpenId, store: TokenStore, answer: Answer) -> None:
    provider.on("POST", "/oauth/revoke", answer)
    store.put(HOST, login(provider))
    assert end(store).warning is None


def _echo(request: Request) -> Answer:
    return Answer.json({"error": "server_error", "error_description": f"{request.body.decode()} {SECRET} r3fr3sh"}, 400)


@pytest.mark.parametrize(
    ("answer", "words"), [(Answer(503), "503"), (Answer(hang_up=True), "broke"), (_echo, "server_error")]
)
def test_a_provider_that_cannot_revoke_is_a_warning(
    provider: OpenId, store: TokenStore, answer: Any, words: str
) -> None:
    provider.on("POST", "/oauth/revoke", answer)
    store.put(HOST, login(provider))
    done = end(store)
    assert done.removed
    assert words in (done.warning or "")
    assert SECRET not in (done.warning or "")
    assert "r3fr3sh" not in (done.warning or "")
    assert store.get(HOST) is None


def test_a_token_is_not_sent_where_others_can_listen(provider: OpenId, store: TokenStore) -> None:
    store.put(HOST, login(provider, revocation_endpoint="http://auth.example.org/revoke"))
    assert "plain http" in (end(store).warning or "")


def test_what_logs_the_user_in_nevertheless(provider: OpenId, store: TokenStore) -> None:
    environ = {"HCA_TOKEN": "t", "HCA_DSS_TOKEN": "t", "HCA_AUTH_TOKEN": "t", "GOOGLE_APPLICATION_CREDENTIALS": "f"}
    assert end(store, environ).still_set == ("HCA_DSS_TOKEN", "HCA_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS")
    assert end(store, {"HCA_TOKEN": " "}).still_set == ()
