"""`Auth` as the `auth` of the package `requests`."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from fake_fence import FakeFence

from hca_core.app import App
from hca_core.errors import AuthError
from hca_core.testing import Answer
from hca_gen3 import Auth

KEYS = "/user/credentials/api/access_token"


@pytest.fixture
def fence() -> Iterator[FakeFence]:
    with FakeFence() as running:
        yield running


@pytest.fixture
def auth(fence: FakeFence, home: Path) -> Iterator[Auth]:
    app = App(environ={"HOME": str(home)})
    yield Auth(refresh_token=fence.new_key(), app=app)
    app.close()


def revoke_and_answer(fence: FakeFence, path: str) -> None:
    """Answer for `path` only to those who have a token that is good."""
    fence.on("POST", path, lambda request: Answer(200 if fence.is_known(request) else 401, request.body))


def test_a_request_carries_the_token(fence: FakeFence, auth: Auth) -> None:
    assert requests.get(f"{fence.url}/user/user", auth=auth, timeout=5).json()["username"] == "ada"
    assert fence.tokens_seen("/user/user") == [auth.get_access_token()]


def test_a_refused_token_is_replaced_once(fence: FakeFence, auth: Auth) -> None:
    old = auth.get_access_token()
    fence.tokens.clear()
    answer = requests.get(f"{fence.url}/user/user", auth=auth, timeout=5)
    assert answer.status_code == 200
    assert [one.status_code for one in answer.history] == [401]
    assert fence.tokens_seen("/user/user") == [old, auth.get_access_token()]
    fence.on("GET", "/user/user", Answer(401))
    assert requests.get(f"{fence.url}/user/user", auth=auth, timeout=5).status_code == 401
    assert fence.count("GET", "/user/user") == 4


def test_what_is_forbidden_is_not_tried_again(fence: FakeFence, auth: Auth) -> None:
    fence.on("GET", "/user/user", Answer(403))
    assert requests.get(f"{fence.url}/user/user", auth=auth, timeout=5).status_code == 403
    assert fence.count("GET", "/user/user") == 1
    assert fence.count("POST", KEYS) == 1


def test_a_body_is_sent_again_from_where_it_began(fence: FakeFence, auth: Auth) -> None:
    revoke_and_answer(fence, "/upload")
    auth.get_access_token()
    file = io.BytesIO(b"header,body")
    file.seek(7)
    for body in (b"body", "body", file):
        fence.tokens.clear()
        answer = requests.post(f"{fence.url}/upload", data=body, auth=auth, timeout=5)
        assert (answer.status_code, answer.content) == (200, b"body")


def test_a_body_that_is_gone_is_not_sent_again(fence: FakeFence, auth: Auth) -> None:
    revoke_and_answer(fence, "/upload")
    auth.get_access_token()
    fence.tokens.clear()
    answer = requests.post(f"{fence.url}/upload", data=iter([b"bo", b"dy"]), auth=auth, timeout=5)
    assert answer.status_code == 401
    assert fence.count("POST", "/upload") == 1


def test_a_given_token_cannot_be_replaced(fence: FakeFence, auth: Auth) -> None:
    given = Auth(access_token=fence.new_token(), app=auth.app)
    fence.tokens.clear()
    assert requests.get(f"{fence.url}/user/user", auth=given, timeout=5).status_code == 401
    assert fence.count("GET", "/user/user") == 1


def test_the_token_goes_to_no_other_host(fence: FakeFence, auth: Auth) -> None:
    with FakeFence() as other:
        for url in (f"{other.url}/user/user", "http://commons.example.org/user/user"):
            with pytest.raises(AuthError, match=f"The token for {fence.url} is not sent to {url}"):
                requests.get(url, auth=auth, timeout=5)
        assert other.requests == []


def test_a_redirect_takes_the_token_to_no_other_host(fence: FakeFence, auth: Auth) -> None:
    with FakeFence() as other:
        fence.on("GET", "/away", Answer.redirect(f"{other.url}/user/user"))
        answer = requests.get(f"{fence.url}/away", auth=auth, timeout=5)
        assert answer.status_code == 401
        assert [request.headers.get("Authorization") for request in other.requests] == [None]
    assert fence.count("POST", KEYS) == 1
