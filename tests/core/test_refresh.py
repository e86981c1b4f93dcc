"""Renewing a login, against a real token endpoint on this machine that accepts each refresh token once."""

from __future__ import annotations

import base64
import logging
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from hca_core.credentials.refresh import renew
from hca_core.credentials.resolve import resolve
from hca_core.credentials.store import Login, TokenStore
from hca_core.errors import AuthError, ConfigError, HcaError, NetworkError
from hca_core.http import Session
from hca_core.records import Credentials
from hca_core.retry import RetryPolicy
from hca_core.testing import Answer, FakeServer, Request

URL = "https://dss.example.org/v1"
HOST = "dss.example.org"
NOW = 1_000_000.0
SECRETS = ("access-0", "refresh-0", "client-s3cr3t")


class Endpoint(FakeServer):
    """A token endpoint with rotation: every answer has the next token, and only the newest refresh token is good."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0
        self.more: dict[str, Any] = {"expires_in": 3600, "token_type": "Bearer"}
        self.open = threading.Event()
        self.open.set()
        self.on("POST", "/token", self._token)

    def __enter__(self) -> Endpoint:
        super().__enter__()
        return self

    @property
    def address(self) -> str:
        return f"{self.url}/token"

    @property
    def forms(self) -> list[dict[str, list[str]]]:
        return [parse_qs(request.body.decode()) for request in self.requests]

    def _token(self, request: Request) -> Answer:
        self.open.wait(30)
        form = parse_qs(request.body.decode())
        if form.get("refresh_token") != [f"refresh-{self.rounds}"]:
            return Answer.json({"error": "invalid_grant", "error_description": "used before"}, 400)
        self.rounds += 1
        tokens = {"access_token": f"access-{self.rounds}", "refresh_token": f"refresh-{self.rounds}"}
        return Answer.json({**tokens, **self.more})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "credentials.json")


@pytest.fixture
def login(endpoint: Endpoint, store: TokenStore) -> Login:
    """A stored login that expires at NOW."""
    found = Login(SECRETS[0], NOW, SECRETS[1], endpoint.address, "local-cli", SECRETS[2])
    store.put(HOST, found)
    return found


def post(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Any:
    with Session(policy=RetryPolicy(attempts=1)) as session:
        return session.send("POST", url, data=form, headers=headers).json()


def find(store: TokenStore, moment: float = NOW, offered: str | None = None, **options: Any) -> Credentials:
    return resolve(
        "dss",
        options.pop("url", URL),
        environ={},
        settings={},
        hook=lambda **_: Credentials(offered, "a plugin") if offered else None,
        store=store,
        post=options.pop("post", post),
        now=lambda: moment,
        **options,
    )


def failure(store: TokenStore, kind: type[HcaError], **options: Any) -> HcaError:
    """Return the error that `find` ends in, after checking that it gives nothing away."""
    with pytest.raises(kind) as caught:
        find(store, **options)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert not any(secret in shown for secret in SECRETS)
    return caught.value


# when


@pytest.mark.parametrize("moment", [NOW - 60, NOW - 1, NOW, NOW + 1e6])
def test_an_expired_login_is_renewed(moment: float, endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    found = find(store, moment)
    assert found == Credentials("access-1", "stored login", moment + 3600)
    assert endpoint.forms == [
        {
            "grant_type": ["refresh_token"],
            "refresh_token": ["refresh-0"],
            "client_id": ["local-cli"],
            "client_secret": ["client-s3cr3t"],
        }
    ]
    assert store.get(HOST) == Login(
        "access-1", moment + 3600, "refresh-1", endpoint.address, "local-cli", "client-s3cr3t"
    )


def test_a_good_login_is_left_alone(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    assert find(store, NOW - 61).token == "access-0"
    assert endpoint.requests == []


def test_a_refused_login_is_renewed_before_it_expires(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    assert find(store, NOW - 1000, rejected="access-0").token == "access-1"
    assert find(store, NOW - 1000, rejected="access-0").token == "access-1"
    assert endpoint.rounds == 1


def test_a_login_without_an_expiry_is_renewed_when_it_is_refused(endpoint: Endpoint, store: TokenStore) -> None:
    store.put(HOST, Login("access-0", None, "refresh-0", endpoint.address))
    assert find(store, 1e12).token == "access-0"
    assert find(store, 1e12, rejected="access-0").token == "access-1"
    assert list(endpoint.forms[0]) == ["grant_type", "refresh_token"]


def test_renewing_goes_on(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    assert [find(store, NOW + hour * 3600).token for hour in range(3)] == ["access-1", "access-2", "access-3"]


def test_an_older_login_without_refresh_token_gives_way(store: TokenStore, endpoint: Endpoint) -> None:
    store.put(HOST, Login("access-0", NOW, None, endpoint.address))
    assert find(store, NOW - 1).token == "access-0"
    assert find(store, NOW, offered="other").token == "other"
    assert endpoint.requests == []


def test_nothing_is_sent_without_a_way_to_send(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    assert "has expired" in failure(store, AuthError, post=None).message
    assert endpoint.requests == []


def test_a_stronger_token_makes_renewing_unnecessary(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    assert find(store, explicit="argument").token == "argument"
    assert endpoint.requests == []


@pytest.mark.parametrize(
    "url", ["https://other.example.org/v1", "http://dss.example.org/v1", "https://dss.example.org:8443/v1"]
)
def test_a_login_is_not_renewed_for_another_host(url: str, endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    assert "no token was found" in failure(store, AuthError, url=url).message
    assert endpoint.requests == []
    find(store)
    assert "no token was found" in failure(store, AuthError, url=url).message


def test_other_logins_stay_as_they_are(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    store.put("other", login)
    find(store)
    assert store.get("other") == login


# what the endpoint answers


@pytest.mark.parametrize(
    ("more", "expires_at", "refresh_token"),
    [
        ({"expires_in": 60}, NOW + 60, "refresh-1"),
        ({"expires_in": "60", "token_type": "bearer"}, NOW + 60, "refresh-1"),
        ({}, None, "refresh-1"),
        ({"expires_in": -1}, None, "refresh-1"),
        ({"expires_in": float("inf")}, None, "refresh-1"),
        ({"expires_in": [1]}, None, "refresh-1"),
        ({"expires_in": 10**400}, None, "refresh-1"),
        ({"refresh_token": None}, None, "refresh-0"),
        ({"refresh_token": ""}, None, "refresh-0"),
        ({"refresh_token": 5}, None, "refresh-0"),
        ({"access_token": "e30.eyJleHAiOiAyMDAwMDAwfQ.c2ln"}, 2_000_000, "refresh-1"),
    ],
)
def test_what_is_taken_from_an_answer(
    more: dict[str, Any],
    expires_at: float | None,
    refresh_token: str,
    endpoint: Endpoint,
    login: Login,
    store: TokenStore,
) -> None:
    endpoint.more = more
    found = find(store)
    kept = store.get(HOST)
    assert kept is not None
    assert (kept.access_token, kept.expires_at, kept.refresh_token) == (found.token, expires_at, refresh_token)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(200, b"<html>refresh-0</html>"), "did not answer with JSON"),
        (Answer.json(["access-0"]), "did not answer with a token"),
        (Answer.json({}), "did not answer with a token"),
        (Answer.json({"access_token": 5}), "did not answer with a token"),
        (Answer.json({"access_token": "two words"}), "did not answer with a token"),
        (Answer.json({"access_token": "a\r\nX-Evil: 1"}), "did not answer with a token"),
        (Answer.json({"access_token": "a", "token_type": "mac"}), "an unknown type"),
        (Answer.json({"error": "invalid_client"}, 401), "invalid_client"),
        (Answer.json({"error": "unauthorized_client", "error_description": "no refresh-0 access-0"}, 400), "no "),
        (Answer(404, b"client-s3cr3t"), "404"),
    ],
)
def test_an_answer_that_cannot_be_used_keeps_the_login(
    answer: Answer, words: str, endpoint: Endpoint, login: Login, store: TokenStore
) -> None:
    endpoint.on("POST", "/token", answer)
    error = failure(store, AuthError)
    assert error.message.startswith("Your login to the dss service could not be renewed: ")
    assert words in error.message
    assert error.hint == "Run `hca dss login`, or set HCA_DSS_TOKEN to a token."
    assert store.get(HOST) == login


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_login_that_has_ended_is_not_tried_again(
    status: int, endpoint: Endpoint, login: Login, store: TokenStore, caplog: pytest.LogCaptureFixture
) -> None:
    said = {"error": "invalid_grant", "error_description": "nobody knows refresh-0"}
    endpoint.on("POST", "/token", Answer.json(said, status))
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            error = failure(store, AuthError)
            assert error.message == "Your login to the dss service has expired."
            assert error.hint == "Run `hca dss login`, or set HCA_DSS_TOKEN to a token."
    assert endpoint.count("POST", "/token") == 1
    assert "The login at dss.example.org has ended" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS)
    assert "refresh-0" not in store.path.read_text()


def test_a_refused_login_that_has_ended_counts_as_expired(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    endpoint.rounds = 5
    error = failure(store, AuthError, moment=NOW - 1000, rejected="access-0")
    assert error.message == "The dss service refused the token from stored login, and no other was found."
    kept = store.get(HOST)
    assert kept is not None
    assert (kept.access_token, kept.expires_at, kept.refresh_token) == ("access-0", NOW - 1000, None)
    assert find(store, moment=NOW - 999, offered="other").token == "other"


@pytest.mark.parametrize("answer", [Answer(503, b"client-s3cr3t refresh-0"), Answer(500), Answer(hang_up=True)])
def test_an_endpoint_in_trouble_keeps_the_login(
    answer: Answer, endpoint: Endpoint, login: Login, store: TokenStore
) -> None:
    endpoint.on("POST", "/token", answer)
    error = failure(store, NetworkError)
    assert "Your login to the dss service could not be renewed" in error.message
    assert error.hint == "Try again later."
    assert failure(store, NetworkError, moment=NOW - 1000, rejected="access-0")
    assert store.get(HOST) == login
    assert find(store, NOW - 1).token == "access-0", "it is still good for a second"


def test_a_login_is_not_renewed_where_others_can_listen(login: Login, store: TokenStore) -> None:
    store.put(HOST, Login("access-0", NOW, "refresh-0", "http://auth.example.org/token"))
    error = failure(store, AuthError, post=lambda *_: pytest.fail("it was sent"))
    assert "over plain http" in error.message


def test_a_store_that_cannot_be_written_is_noticed_before_anything_is_sent(
    endpoint: Endpoint, login: Login, store: TokenStore
) -> None:
    store.path.with_name("credentials.json.lock").unlink()
    store.path.with_name("credentials.json.lock").mkdir()
    failure(store, ConfigError)
    assert endpoint.requests == []


# as which application


def test_the_secret_goes_as_it_went_at_the_login(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    store.put(HOST, replace(login, auth_method="client_secret_basic"))
    assert find(store).token == "access-1"
    (request,) = endpoint.requests
    words = base64.b64encode(b"local-cli:client-s3cr3t").decode()
    assert request.headers["Authorization"] == f"Basic {words}"
    assert list(endpoint.forms[0]) == ["grant_type", "refresh_token"]
    kept = store.get(HOST)
    assert kept is not None
    assert kept.auth_method == "client_secret_basic"


def test_an_endpoint_that_repeats_the_header(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    store.put(HOST, replace(login, auth_method="client_secret_basic"))

    def echo(request: Request) -> Answer:
        sent = request.headers["Authorization"].removeprefix("Basic ")
        return Answer.json({"error": "server_error", "error_description": f"what is {sent}"}, 400)

    endpoint.on("POST", "/token", echo)
    assert "what is ***" in failure(store, AuthError).message


# who else is there


def test_the_work_of_another_process_is_used(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    store.put(HOST, Login("theirs", NOW + 3600, "refresh-9", endpoint.address))
    renewed = renew(store, HOST, "access-0", service="dss", post=post, now=lambda: NOW)
    assert renewed is not None
    assert renewed.access_token == "theirs"
    assert endpoint.requests == []


def test_old_work_of_another_process_is_not(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    store.put(HOST, Login("theirs", NOW - 1, "refresh-0", endpoint.address))
    renewed = renew(store, HOST, "access-0", service="dss", post=post, now=lambda: NOW)
    assert renewed is not None
    assert renewed.access_token == "access-1"


def test_a_logout_meanwhile_counts(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    store.remove(HOST)
    assert renew(store, HOST, "access-0", service="dss", post=post, now=lambda: NOW) is None
    assert endpoint.requests == []


def test_an_end_that_another_process_met_counts(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    ended = Login("access-0", NOW, None, endpoint.address)
    store.put(HOST, ended)
    assert renew(store, HOST, "access-0", service="dss", post=post, now=lambda: NOW) == ended
    assert endpoint.requests == []


PROCESS = """
import sys
from pathlib import Path
from hca_core.credentials.resolve import resolve
from hca_core.credentials.store import TokenStore
from hca_core.http import Session

class Noting(TokenStore):
    def get(self, host):
        found = super().get(host)
        print("read", found.access_token, flush=True)
        return found

def post(url, form, headers):
    with Session() as session:
        return session.send("POST", url, data=form, headers=headers).json()

file, url, rejected = sys.argv[1:]
found = resolve(
    "dss", url, environ={}, settings={}, hook=lambda **_: None, store=Noting(Path(file)), post=post,
    rejected=rejected or None,
)
print("found", found.token, flush=True)
"""


@pytest.mark.parametrize(("expires_at", "rejected"), [(NOW, ""), (None, "access-0")])
def test_two_processes_make_one_rotation(
    expires_at: float | None, rejected: str, endpoint: Endpoint, store: TokenStore
) -> None:
    store.put(HOST, Login("access-0", expires_at, "refresh-0", endpoint.address))
    endpoint.open.clear()
    words = [sys.executable, "-c", PROCESS, str(store.path), URL, rejected]
    processes = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        # The endpoint answers nobody before both have seen the old token.
        first_lines = [process.stdout.readline() for process in processes if process.stdout]
        endpoint.open.set()
        rest = [process.communicate(timeout=30)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert first_lines == ["read access-0\n"] * 2
    assert rest == ["found access-1\n"] * 2
    assert endpoint.count("POST", "/token") == 1
    kept = store.get(HOST)
    assert kept is not None
    assert (kept.access_token, kept.refresh_token) == ("access-1", "refresh-1")


def test_many_threads_make_one_rotation(endpoint: Endpoint, login: Login, store: TokenStore) -> None:
    found: list[str] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        found.append(find(store).token)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["access-1"] * 8
    assert endpoint.count("POST", "/token") == 1


# through the front door


def test_a_session_goes_on_with_the_renewed_token(endpoint: Endpoint, store: TokenStore) -> None:
    with FakeServer() as service:
        store.put(service.host, Login("access-0", None, "refresh-0", endpoint.address))
        url = f"{service.url}/v1"
        service.on("PUT", "/v1/x", _only("access-1"))

        def authorize(rejected: str | None) -> Credentials:
            return find(store, url=url, rejected=rejected)

        with Session(authorize=authorize) as session:
            for _ in range(3):
                assert session.send("PUT", f"{url}/x", secured=True).json() == {}
        sent = [request.headers["Authorization"] for request in service.requests]
    assert sent == ["Bearer access-0", *["Bearer access-1"] * 3]
    assert endpoint.rounds == 1


def _only(token: str) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        good = request.headers["Authorization"] == f"Bearer {token}"
        return Answer.json({}) if good else Answer.problem(401, "Unauthorized", "expired")

    return answer
