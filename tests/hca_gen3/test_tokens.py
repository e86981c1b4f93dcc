import json
from collections.abc import Iterator

import pytest
from fake_fence import CLIENT, FakeFence, html, jwt

from hca_core.errors import AuthError, NetworkError
from hca_core.http import Session
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, Clock
from hca_gen3 import tokens
from hca_gen3.keys import ApiKey

ENDPOINT = "/user/credentials/api/access_token"


@pytest.fixture
def fence() -> Iterator[FakeFence]:
    with FakeFence() as running:
        yield running


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(policy=RetryPolicy(attempts=2, max_redirects=0), sleep=Clock().sleep) as session:
        yield session


def key_of(fence: FakeFence) -> ApiKey:
    return ApiKey(fence.new_key()["api_key"], "credentials.json")


def test_a_key_is_good_for_a_token(fence: FakeFence, session: Session) -> None:
    key = key_of(fence)
    assert tokens.from_key(session, key) in fence.tokens
    assert fence.requests[-1].json() == {"api_key": key.secret}


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_key_is_explained_although_the_words_are_html(
    fence: FakeFence, session: Session, status: int
) -> None:
    key = key_of(fence)
    fence.on("POST", ENDPOINT, html(status, "No such luck"))
    with pytest.raises(AuthError, match="refused the API key in credentials.json") as caught:
        tokens.from_key(session, key)
    assert "No such luck" in caught.value.message
    assert caught.value.status == status
    assert "good for a month" in (caught.value.hint or "")


def test_a_key_that_has_expired_is_said_to(fence: FakeFence, session: Session) -> None:
    key = ApiKey(jwt(iss=f"{fence.url}/user", exp=86400 * 3), "credentials.json")
    with pytest.raises(AuthError) as caught:
        tokens.from_key(session, key)
    assert caught.value.hint == "It expired on 1970-01-04: create a new one on the profile page of the commons."


def test_a_key_with_a_senseless_end_is_no_trouble(fence: FakeFence, session: Session) -> None:
    with pytest.raises(AuthError, match="refused the API key"):
        tokens.from_key(session, ApiKey(jwt(iss=f"{fence.url}/user", exp=-1e300), "credentials.json"))


def test_a_service_that_repeats_the_key_does_not_get_it_printed(fence: FakeFence, session: Session) -> None:
    key = key_of(fence)
    fence.on("POST", ENDPOINT, lambda request: Answer(400, b"You sent " + request.body))
    with pytest.raises(AuthError) as caught:
        tokens.from_key(session, key)
    assert key.secret not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}),
        Answer.json([]),
        Answer.json({"token": "x"}),
        Answer.json({"access_token": None}),
        Answer.json({"access_token": "a\nb"}),
        Answer(200, b"[" * 100_000, {"Content-Type": "application/json"}),
    ],
)
def test_what_is_no_token_is_not_taken_for_one(fence: FakeFence, session: Session, answer: Answer) -> None:
    fence.on("POST", ENDPOINT, answer)
    with pytest.raises(AuthError, match="is no token"):
        tokens.from_key(session, key_of(fence))


def test_a_commons_that_is_busy_is_asked_again(fence: FakeFence, session: Session) -> None:
    key = key_of(fence)
    fence.on("POST", ENDPOINT, Answer(503), Answer.json({"access_token": "t"}))
    assert tokens.from_key(session, key) == "t"
    fence.on("POST", ENDPOINT, Answer(503))
    with pytest.raises(NetworkError):
        tokens.from_key(session, key)


def test_a_key_does_not_follow_a_redirect(fence: FakeFence, session: Session) -> None:
    with FakeFence() as other:
        fence.on("POST", ENDPOINT, Answer.redirect(f"{other.url}{ENDPOINT}", 307))
        with pytest.raises(NetworkError, match="not followed"):
            tokens.from_key(session, key_of(fence))
        assert other.requests == []


def test_a_client_gets_a_token_for_its_scopes(fence: FakeFence, session: Session) -> None:
    token = tokens.from_client(session, fence.url, *CLIENT, "user data")
    assert token in fence.tokens
    assert "scope=user+data" in fence.requests[-1].body.decode()
    assert CLIENT[1] not in fence.requests[-1].body.decode()


@pytest.mark.parametrize(
    ("secret", "scopes", "words"),
    [("wrong", "user", "Invalid client"), (CLIENT[1], "user everything", "requested scope is invalid")],
)
def test_a_refused_client_is_explained(
    fence: FakeFence, session: Session, secret: str, scopes: str, words: str
) -> None:
    with pytest.raises(AuthError, match=f"gave no token to the client 'client-1': .*{words}") as caught:
        tokens.from_client(session, fence.url, CLIENT[0], secret, scopes)
    assert caught.value.hint == "Check the client's ID, secret and scopes."
    assert secret not in str(caught.value)


def test_a_service_that_repeats_the_secret_does_not_get_it_printed(fence: FakeFence, session: Session) -> None:
    fence.on("POST", "/user/oauth2/token", Answer.json({"error": CLIENT[1]}, 400))
    with pytest.raises(AuthError) as caught:
        tokens.from_client(session, fence.url, *CLIENT, "user")
    assert CLIENT[1] not in str(caught.value)


def test_a_client_that_nobody_answers_may_try_again(fence: FakeFence, session: Session) -> None:
    fence.on("POST", "/user/oauth2/token", Answer(502))
    with pytest.raises(NetworkError, match="client-1"):
        tokens.from_client(session, fence.url, *CLIENT, "user")


def test_the_answer_of_a_client_may_be_no_json(fence: FakeFence, session: Session) -> None:
    fence.on("POST", "/user/oauth2/token", Answer(200, json.dumps("x")[1:].encode()))
    with pytest.raises(AuthError, match="did not answer with JSON"):
        tokens.from_client(session, fence.url, *CLIENT, "user")
