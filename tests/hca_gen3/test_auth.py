import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_fence import CLIENT, FakeFence, FakeWorkspace

from hca_core.app import App
from hca_core.errors import ApiError, AuthError, NetworkError, NotFoundError
from hca_core.plugins import Plugins
from hca_core.testing import Answer
from hca_gen3 import Auth
from hca_gen3.errors import UsageError

KEYS = "/user/credentials/api/access_token"


@pytest.fixture
def fence() -> Iterator[FakeFence]:
    with FakeFence() as running:
        yield running


@pytest.fixture
def partner() -> Iterator[FakeFence]:
    with FakeFence() as running:
        yield running


@pytest.fixture
def make_app(home: Path, tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Make an application with these settings of gen3, and these variables in its environment."""
    made: list[App] = []

    def make(settings: dict[str, Any] | None = None, **variables: str) -> App:
        environ = {"HOME": str(home), **variables}
        plugins = Plugins(environ, cache_file=tmp_path / "plugins.json")
        made.append(App(config={"gen3": settings or {}}, environ=environ, plugins=plugins))
        return made[-1]

    yield make
    for app in made:
        app.close()


@pytest.fixture
def auth(fence: FakeFence, make_app: Callable[..., App]) -> Auth:
    return Auth(refresh_token=fence.new_key(), app=make_app())


def me(auth: Auth) -> str:
    return str(auth.curl("/user/user").json()["username"])


def test_nothing_is_sent_before_a_token_is_needed(fence: FakeFence, auth: Auth) -> None:
    assert auth.endpoint == fence.url
    auth.session()
    assert fence.requests == []
    assert me(auth) == "ada"


def test_a_token_is_fetched_once(fence: FakeFence, auth: Auth) -> None:
    assert auth.get_access_token() == auth.get_access_token()
    assert me(auth) == me(auth) == "ada"
    assert fence.count("POST", KEYS) == 1


@pytest.mark.parametrize(("lifetime", "times"), [(310, 1), (290, 2)])
def test_a_token_is_replaced_within_five_minutes_of_its_end(
    fence: FakeFence, auth: Auth, lifetime: int, times: int
) -> None:
    fence.lifetime = lifetime
    auth.get_access_token()
    auth.get_access_token()
    assert fence.count("POST", KEYS) == times


def test_a_token_that_still_holds_is_used_if_there_is_no_other_yet(fence: FakeFence, auth: Auth) -> None:
    fence.lifetime = 200
    token = auth.get_access_token()
    fence.on("POST", KEYS, Answer(500))
    assert auth.get_access_token() == token
    with pytest.raises(NetworkError):
        auth.credentials(token)


def test_a_new_token_can_be_asked_for(fence: FakeFence, auth: Auth) -> None:
    first = auth.get_access_token()
    second = auth.refresh_access_token()
    assert second != first
    assert auth.get_access_token() == second
    assert auth.refresh_access_token(f"{fence.url}/") not in (first, second)


def test_threads_share_one_token(fence: FakeFence, auth: Auth) -> None:
    seen: set[str] = set()
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        seen.add(auth.get_access_token())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1
    assert fence.count("POST", KEYS) == 1


def test_a_session_asks_for_another_token_after_a_401(fence: FakeFence, auth: Auth) -> None:
    assert me(auth) == "ada"
    fence.tokens.clear()
    assert me(auth) == "ada"
    assert fence.count("POST", KEYS) == 2


def test_a_commons_that_refuses_every_token_is_not_asked_for_ever(fence: FakeFence, auth: Auth) -> None:
    fence.on("GET", "/user/user", Answer(401))
    with pytest.raises(AuthError) as caught:
        me(auth)
    assert caught.value.status == 401
    assert fence.count("GET", "/user/user") == 2


def test_what_is_forbidden_stays_forbidden(fence: FakeFence, auth: Auth) -> None:
    fence.on("GET", "/user/user", Answer.json({"message": "user is unauthorized"}, 403))
    with pytest.raises(AuthError, match="user is unauthorized"):
        me(auth)
    assert fence.count("GET", "/user/user") == 1
    assert fence.count("POST", KEYS) == 1


# what is kept for the next program


def test_the_next_program_uses_the_same_token(fence: FakeFence, make_app: Callable[..., App]) -> None:
    key = fence.new_key()
    first = Auth(refresh_token=key, app=make_app()).get_access_token()
    assert Auth(refresh_token=key, app=make_app()).get_access_token() == first
    assert Auth(refresh_token=fence.new_key(), app=make_app()).get_access_token() != first
    assert fence.count("POST", KEYS) == 2


def test_tokens_are_kept_where_nobody_else_can_read_them(auth: Auth, home: Path) -> None:
    auth.get_access_token()
    file = home / ".cache" / "hca" / "gen3-tokens.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert not (home / ".cache" / "gen3").exists()


def test_a_kept_token_that_was_revoked_is_replaced(fence: FakeFence, make_app: Callable[..., App]) -> None:
    key = fence.new_key()
    Auth(refresh_token=key, app=make_app()).get_access_token()
    fence.tokens.clear()
    assert me(Auth(refresh_token=key, app=make_app())) == "ada"
    assert fence.count("POST", KEYS) == 2


def test_tokens_that_others_can_read_are_not_used(
    fence: FakeFence, make_app: Callable[..., App], home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = fence.new_key()
    Auth(refresh_token=key, app=make_app()).get_access_token()
    (home / ".cache" / "hca" / "gen3-tokens.json").chmod(0o644)
    assert me(Auth(refresh_token=key, app=make_app())) == "ada"
    assert fence.count("POST", KEYS) == 2
    assert "Kept tokens are not used" in caplog.text


# clients, tokens that are given


def test_a_client_is_refreshed_without_being_told_the_endpoint(fence: FakeFence, make_app: Callable[..., App]) -> None:
    auth = Auth(fence.url, client_credentials=CLIENT, app=make_app())
    first = auth.get_access_token()
    assert auth.refresh_access_token() != first
    assert me(auth) == "ada"
    assert f"scope={'user+data+openid'}" in fence.requests[0].body.decode()


def test_a_given_token_is_used_as_it_is(
    fence: FakeFence, make_app: Callable[..., App], caplog: pytest.LogCaptureFixture
) -> None:
    token = fence.new_token(lifetime=10)
    auth = Auth(access_token=token, app=make_app())
    assert me(auth) == "ada"
    assert auth.refresh_access_token() == token
    assert "cannot be replaced" in caplog.text
    fence.tokens.clear()
    with pytest.raises(AuthError, match="refused the token from the access_token argument"):
        me(auth)
    assert fence.count("POST", KEYS) == 0


# workspaces


@pytest.fixture
def workspace(fence: FakeFence, partner: FakeFence) -> Iterator[FakeWorkspace]:
    fence.partners["other"] = partner
    with FakeWorkspace(fence) as running:
        yield running


def test_in_a_workspace_the_token_says_which_commons_it_is(
    workspace: FakeWorkspace, fence: FakeFence, make_app: Callable[..., App]
) -> None:
    auth = Auth(app=make_app({"workspace_token_service": workspace.url}))
    assert workspace.requests == []
    assert auth.endpoint == fence.url
    assert me(auth) == "ada"


def test_in_a_workspace_another_commons_may_be_named(
    workspace: FakeWorkspace, fence: FakeFence, partner: FakeFence, make_app: Callable[..., App]
) -> None:
    app = make_app({"workspace_token_service": workspace.url})
    for auth in (
        Auth(idp="other", app=app),
        Auth(refresh_file="idp://wts/other", app=app),
        Auth(partner.url, app=app),
    ):
        assert auth.endpoint == partner.url
        assert me(auth) == "ada"
    assert Auth(fence.url, app=app).get_access_token() in fence.tokens
    with pytest.raises(AuthError, match="no login at https://third.example.org"):
        Auth("https://third.example.org", app=app).get_access_token()


def test_a_workspace_that_does_not_answer(make_app: Callable[..., App]) -> None:
    app = make_app({"workspace_token_service": "http://127.0.0.1:1"})
    with pytest.raises(NetworkError):
        Auth(app=app).get_access_token()


def test_a_key_opens_the_commons_that_its_own_has_a_login_at(
    fence: FakeFence, partner: FakeFence, make_app: Callable[..., App]
) -> None:
    fence.partners["other"] = partner
    key = fence.new_key()
    for auth in (
        Auth(f"{partner.url}/", refresh_token=key, app=make_app()),
        Auth(refresh_token=key, idp="other", app=make_app()),
    ):
        assert auth.endpoint == partner.url
        assert me(auth) == "ada"
    assert not any(key["api_key"].encode() in request.body for request in partner.requests)
    assert partner.count("POST", KEYS) == 0


def test_a_key_does_not_go_to_a_commons_that_somebody_else_names(
    fence: FakeFence, partner: FakeFence, make_app: Callable[..., App]
) -> None:
    fence.partners["other"] = partner
    fence.base_urls["other"] = "https://elsewhere.example.org"
    with pytest.raises(AuthError, match=f"no login at {partner.url}") as caught:
        Auth(partner.url, refresh_token=fence.new_key(), app=make_app()).get_access_token()
    assert caught.value.hint == "It knows: other (https://elsewhere.example.org)."
    assert partner.requests == []


def test_the_token_service_may_be_asked_directly(
    fence: FakeFence, partner: FakeFence, workspace: FakeWorkspace, make_app: Callable[..., App]
) -> None:
    auth = Auth(refresh_token=fence.new_key(), app=make_app())
    assert auth.get_access_token_from_wts() in fence.tokens
    assert auth.get_access_token_from_wts(partner.url) in partner.tokens
    assert auth.refresh_access_token(partner.url) in partner.tokens
    assert auth.get_access_token() in fence.tokens
    inside = Auth(idp="other", app=make_app({"workspace_token_service": workspace.url}))
    assert inside.get_access_token_from_wts() in partner.tokens
    assert inside.get_access_token_from_wts(fence.url) in fence.tokens
    given = Auth(access_token=fence.new_token(), app=make_app())
    with pytest.raises(AuthError, match="this is no Gen3 workspace"):
        given.get_access_token_from_wts()


# curl


def echo(request: Any) -> Answer:
    return Answer.json({"method": request.method, "body": request.body.decode()})


@pytest.mark.parametrize("path", ["/index/index", "index/index", "///index/index"])
def test_a_path_has_one_slash_before_it(fence: FakeFence, auth: Auth, path: str) -> None:
    fence.on("GET", "/index/index", echo)
    assert auth.curl(path).json()["method"] == "GET"


def test_data_are_json_that_is_sent_as_such(fence: FakeFence, auth: Auth, home: Path) -> None:
    for method in ("POST", "PUT", "DELETE"):
        fence.on(method, "/x", echo)
    (home / "data.json").write_text('{"a": "ü"}', "utf-8")
    assert json.loads(auth.curl("/x", data='{"a": [1]}').json()["body"]) == {"a": [1]}
    assert json.loads(auth.curl("/x", data="@data.json").json()["body"]) == {"a": "ü"}
    assert auth.curl("/x", "put", "7").json() == {"method": "PUT", "body": "7"}
    assert auth.curl("/x", "DELETE").json() == {"method": "DELETE", "body": ""}
    assert auth.curl("/x", "POST", "null").json() == {"method": "POST", "body": "null"}


@pytest.mark.parametrize(
    ("request_", "data", "words"),
    [
        ("PATCH", None, "PATCH is not one of GET, POST, PUT, DELETE"),
        (None, "{a}", r"The data is not JSON: .* \(line 1, column 2\)"),
        (None, "", "The data is not JSON"),
        (None, "@nowhere.json", "nowhere.json cannot be read: No such file"),
        (None, "@folder", "folder cannot be read"),
        (None, "@image", "What is in image is not JSON"),
        (None, "[" * 100_000, "The data is not JSON"),
    ],
)
def test_what_cannot_be_sent(
    fence: FakeFence, auth: Auth, home: Path, request_: str | None, data: str | None, words: str
) -> None:
    (home / "folder").mkdir()
    (home / "image").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=words) as caught:
        auth.curl("/x", request_, data)
    assert isinstance(caught.value, UsageError)
    assert fence.requests == []


def test_a_refusal_is_an_error(fence: FakeFence, auth: Auth) -> None:
    with pytest.raises(NotFoundError):
        auth.curl("/nothing")
    fence.on("GET", "/bad", Answer.json({"message": "no"}, 400))
    with pytest.raises(ApiError, match="no"):
        auth.curl("/bad")


def test_nothing_secret_is_logged(fence: FakeFence, auth: Auth, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = auth.source.identity
    assert key
    me(auth)
    fence.tokens.clear()
    me(auth)
    assert fence.url in caplog.text
    assert str(key[1]) not in caplog.text
    assert not any(token in caplog.text for token in fence.tokens_seen("/user/user"))


def test_a_token_without_an_end_is_good_until_it_is_refused(fence: FakeFence, auth: Auth) -> None:
    fence.tokens |= {"opaque", "other"}
    fence.on("POST", KEYS, Answer.json({"access_token": "opaque"}), Answer.json({"access_token": "other"}))
    assert auth.credentials().expires_at is None
    assert auth.get_access_token() == "opaque"
    fence.tokens.remove("opaque")
    assert me(auth) == "ada"
    assert auth.get_access_token() == "other"


def test_a_kept_token_that_has_ended_is_replaced(fence: FakeFence, make_app: Callable[..., App]) -> None:
    key = fence.new_key()
    fence.lifetime = 1
    old = Auth(refresh_token=key, app=make_app()).get_access_token()
    fence.lifetime = 3600
    new = Auth(refresh_token=key, app=make_app()).credentials()
    assert new.token != old
    assert new.expires_at
    assert new.expires_at > time.time() + 3000
