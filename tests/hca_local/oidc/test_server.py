"""The token and revocation endpoints: codes, refresh tokens, programs that show who they are, and thieves."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from hca_local.oidc.clients import INSTALLED

from .conftest import PASSWORD, Browser, Program, Service

Changes = dict[str, str | None]
OFFLINE = 30 * 24 * 3600


def error_of(response: requests.Response) -> str:
    assert response.status_code == 400, response.text
    found: str = response.json()["error"]
    return found


def basic(service: Service, client_id: str = INSTALLED, secret: str | None = None) -> dict[str, str]:
    secret = secret or service.provider.application_secrets()["installed"]["client_secret"]
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def test_a_code_gives_tokens(service: Service, browser: Browser, program: Program) -> None:
    answer = program.exchange(browser.through(program.url())["code"])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    found = answer.json()
    assert found.keys() == {"access_token", "refresh_token", "id_token", "expires_in", "token_type"}
    assert (found["expires_in"], found["token_type"]) == (3600, "Bearer")
    assert service.userinfo(found["access_token"]).json()["email"] == "ada@lab.example"


def test_what_is_not_asked_for_is_not_given(browser: Browser, program: Program) -> None:
    assert "refresh_token" not in program.tokens(browser, scope="openid email")
    assert "id_token" not in program.tokens(browser, scope="email")
    assert "id_token" in program.tokens(browser, scope=None)


@pytest.mark.parametrize("way", ["basic", "body"])
def test_a_program_with_a_secret_shows_it(service: Service, browser: Browser, installed: Program, way: str) -> None:
    code = browser.through(installed.url(code_challenge=None, code_challenge_method=None))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": installed.redirect_uri}
    secret = service.provider.application_secrets()["installed"]["client_secret"]
    if way == "basic":
        answer = service.post("/oauth/token", form, headers=basic(service))
    else:
        answer = service.post("/oauth/token", {**form, "client_id": INSTALLED, "client_secret": secret})
    assert answer.status_code == 200
    again = installed.refresh(answer.json()["refresh_token"], client_secret=secret)
    assert again.json().keys() == answer.json().keys()


def test_whoever_does_not_show_it_gets_nothing(service: Service, browser: Browser, installed: Program) -> None:
    code = browser.through(installed.url())["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": installed.redirect_uri}
    form["code_verifier"] = installed.verifier
    as_installed = {**form, "client_id": INSTALLED}
    attempts: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        (form, {}),
        (as_installed, {}),
        ({**as_installed, "client_secret": "wrong"}, {}),
        ({**as_installed, "client_secret": "\u00fc"}, {}),
        ({**form, "client_id": "stranger"}, {}),
        (form, basic(service, secret="wrong")),
        (form, basic(service, client_id="stranger")),
        (form, basic(service, client_id="hca-local-public", secret="x")),
        (form, {"Authorization": "Basic /w=="}),
        (form, {"Authorization": "Basic !"}),
        (form, {"Authorization": "Bearer x"}),
    ]
    for data, headers in attempts:
        answer = service.post("/oauth/token", data, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), (data, headers)
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert answer.headers["Cache-Control"] == "no-store"
    assert service.post("/oauth/token", form, headers=basic(service)).status_code == 200


def test_parameters_count_in_the_body_only(service: Service, browser: Browser, program: Program) -> None:
    code = browser.through(program.url())["code"]
    query = {"grant_type": "authorization_code", "code": code, "client_id": program.client_id}
    assert service.post("/oauth/token", params=query).status_code == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:43211/"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"code": "c-41"}, "invalid_grant"),
        ({"code": "\u00fc"}, "invalid_grant"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ],
)
def test_wrong_exchanges(browser: Browser, program: Program, changes: Changes, error: str) -> None:
    code = browser.through(program.url())["code"]
    assert error_of(program.exchange(code, **changes)) == error


def test_the_challenge_is_no_verifier(browser: Browser, program: Program) -> None:
    code = browser.through(program.url())["code"]
    assert error_of(program.exchange(code, code_verifier=program.challenge)) == "invalid_grant"


def test_a_verifier_needs_a_challenge(service: Service, browser: Browser, installed: Program) -> None:
    code = browser.through(installed.url(code_challenge=None, code_challenge_method=None))["code"]
    secret = service.provider.application_secrets()["installed"]["client_secret"]
    assert error_of(installed.exchange(code, client_secret=secret)) == "invalid_request"


def test_a_code_is_for_one_program(service: Service, browser: Browser, program: Program) -> None:
    code = browser.through(program.url())["code"]
    secret = service.provider.application_secrets()["installed"]["client_secret"]
    stolen = program.exchange(code, client_id=INSTALLED, client_secret=secret)
    assert error_of(stolen) == "invalid_grant"
    assert program.exchange(code).status_code == 200


def test_a_code_lasts_five_minutes(service: Service, browser: Browser, program: Program) -> None:
    code = browser.through(program.url())["code"]
    service.clock.advance(299)
    other = browser.through(program.url())["code"]
    service.clock.advance(1)
    assert error_of(program.exchange(code)) == "invalid_grant"
    assert program.exchange(other).status_code == 200


def test_a_code_used_twice_ends_what_it_gave(service: Service, browser: Browser, program: Program) -> None:
    code = browser.through(program.url())["code"]
    tokens = program.exchange(code).json()
    assert service.userinfo(tokens["access_token"]).status_code == 200
    assert error_of(program.exchange(code)) == "invalid_grant"
    assert service.userinfo(tokens["access_token"]).status_code == 401
    assert error_of(program.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_a_refresh_token_gives_the_next(service: Service, browser: Browser, program: Program) -> None:
    first = program.tokens(browser)
    service.clock.advance(3000)
    second = program.refresh(first["refresh_token"]).json()
    assert second.keys() == first.keys()
    assert second["refresh_token"] != first["refresh_token"]
    service.clock.advance(700)
    assert service.userinfo(first["access_token"]).status_code == 401
    assert service.userinfo(second["access_token"]).status_code == 200
    assert program.refresh(second["refresh_token"]).status_code == 200


def test_a_refresh_token_used_twice_ends_its_family(service: Service, browser: Browser, program: Program) -> None:
    first = program.tokens(browser)
    other = program.tokens(browser)
    second = program.refresh(first["refresh_token"]).json()
    assert error_of(program.refresh(first["refresh_token"])) == "invalid_grant"
    assert error_of(program.refresh(second["refresh_token"])) == "invalid_grant"
    assert service.userinfo(second["access_token"]).status_code == 401
    assert service.userinfo(other["access_token"]).status_code == 200
    assert program.refresh(other["refresh_token"]).status_code == 200


def test_refresh_tokens_survive_a_restart_and_so_does_their_use(
    service: Service, browser: Browser, program: Program
) -> None:
    first = program.tokens(browser)
    service.restart()
    second = program.refresh(first["refresh_token"])
    assert second.status_code == 200
    service.restart()
    assert error_of(program.refresh(first["refresh_token"])) == "invalid_grant"
    assert error_of(program.refresh(second.json()["refresh_token"])) == "invalid_grant"


def test_a_refresh_token_is_for_one_program(service: Service, browser: Browser, program: Program) -> None:
    token = program.tokens(browser)["refresh_token"]
    secret = service.provider.application_secrets()["installed"]["client_secret"]
    assert error_of(program.refresh(token, client_id=INSTALLED, client_secret=secret)) == "invalid_grant"
    assert program.refresh(token).status_code == 200


def test_a_refresh_may_ask_for_less_but_not_for_more(browser: Browser, program: Program) -> None:
    token = program.tokens(browser, scope="openid offline_access")["refresh_token"]
    assert error_of(program.refresh(token, scope="openid email")) == "invalid_scope"
    less = program.refresh(token, scope="offline_access").json()
    assert "id_token" not in less
    assert "id_token" in program.refresh(less["refresh_token"]).json()


def test_a_refresh_token_that_is_not_used_is_forgotten(service: Service, browser: Browser, program: Program) -> None:
    token = program.tokens(browser)["refresh_token"]
    service.clock.advance(OFFLINE - 1)
    token = program.refresh(token).json()["refresh_token"]
    service.clock.advance(OFFLINE)
    assert error_of(program.refresh(token)) == "invalid_grant"


@pytest.mark.parametrize("token", ["", "R-1", "\u00fc", "a.b.c"])
def test_what_is_no_refresh_token(program: Program, token: str) -> None:
    assert error_of(program.refresh(token)) == "invalid_grant"


def end_password(service: Service) -> None:
    service.provider.accounts.set_password("ada@lab.example", "another password")


def end_disabled(service: Service) -> None:
    service.provider.accounts.set_disabled("ada@lab.example", True)


def end_removed(service: Service) -> None:
    service.provider.accounts.remove("ada@lab.example")


@pytest.mark.parametrize("end", [end_password, end_disabled, end_removed])
def test_tokens_end_with_the_account(
    service: Service, browser: Browser, program: Program, end: Callable[[Service], None]
) -> None:
    code = browser.through(program.url())["code"]
    tokens = program.tokens(browser)
    end(service)
    assert service.userinfo(tokens["access_token"]).status_code in (401, 403)
    assert error_of(program.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert error_of(program.exchange(code)) == "invalid_grant"


def at_once(count: int, work: Callable[[], requests.Response]) -> list[requests.Response]:
    """Do the same thing in many threads that start together."""
    start, answers = threading.Barrier(count), []

    def run() -> None:
        start.wait()
        answers.append(work())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_many_that_use_a_code_at_once_one_gets_tokens_and_none_keeps_them(
    service: Service, browser: Browser, program: Program
) -> None:
    code = browser.through(program.url())["code"]
    answers = at_once(8, lambda: program.exchange(code))
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 7]
    (tokens,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert service.userinfo(tokens["access_token"]).status_code == 401
    assert error_of(program.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_of_many_that_use_a_refresh_token_at_once_none_keeps_any(
    service: Service, browser: Browser, program: Program
) -> None:
    token = program.tokens(browser)["refresh_token"]
    answers = at_once(8, lambda: program.refresh(token))
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 7]
    (tokens,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert service.userinfo(tokens["access_token"]).status_code == 401
    assert error_of(program.refresh(tokens["refresh_token"])) == "invalid_grant"


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
@pytest.mark.parametrize("form", ["form", "json"])
def test_revoking(service: Service, browser: Browser, program: Program, kind: str, form: str) -> None:
    tokens = program.tokens(browser)
    body = {"client_id": program.client_id, "token": tokens[kind]}
    options: dict[str, Any] = {"json": body} if form == "json" else {"data": {**body, "token_type_hint": kind}}
    for _ in range(2):
        assert service.post("/oauth/revoke", **options).status_code == 200
    assert service.userinfo(tokens["access_token"]).status_code == 401
    assert error_of(program.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_revoking_as_a_program_with_a_secret(service: Service, browser: Browser, installed: Program) -> None:
    code = browser.through(installed.url())["code"]
    secret = service.provider.application_secrets()["installed"]["client_secret"]
    tokens = installed.exchange(code, client_secret=secret).json()
    form = {"token": tokens["refresh_token"]}
    assert service.post("/oauth/revoke", form, headers=basic(service, secret="wrong")).status_code == 401
    assert service.userinfo(tokens["access_token"]).status_code == 200
    assert service.post("/oauth/revoke", form, headers=basic(service)).status_code == 200
    assert service.userinfo(tokens["access_token"]).status_code == 401


def test_revoking_what_is_not_there_is_no_error(service: Service, program: Program) -> None:
    minted = service.provider.mint("ada@lab.example")
    for token in ("nothing", "a.b.c", minted):
        assert service.post("/oauth/revoke", {"client_id": program.client_id, "token": token}).status_code == 200
    assert service.userinfo(minted).status_code == 200


def test_nobody_revokes_for_another_program(service: Service, browser: Browser, program: Program) -> None:
    tokens = program.tokens(browser)
    form = {"client_id": INSTALLED, "token": tokens["refresh_token"]}
    assert error_of(service.post("/oauth/revoke", form)) == "invalid_grant"
    assert service.userinfo(tokens["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": {"token": "x"}}, 401),
        ({"data": {"token": "x", "client_id": "stranger"}}, 401),
        ({"data": {"client_id": "hca-local-public"}}, 400),
        ({"json": {"token": "x"}}, 401),
        ({"json": {"client_id": "hca-local-public", "token": 7}}, 400),
        ({"json": ["hca-local-public"]}, 400),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"[" * 50_000, "headers": {"Content-Type": "application/json"}}, 400),
    ],
)
def test_wrong_revocations(service: Service, options: dict[str, Any], status: int) -> None:
    assert service.post("/oauth/revoke", **options).status_code == status


def test_nothing_secret_is_logged(
    service: Service, browser: Browser, program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "urllib3")  # the browser's, not the provider's
    browser.sign_in(browser.page(program.url()), password="a wrong password")
    code = browser.through(program.url(nonce="n-1"))["code"]
    tokens = program.exchange(code).json()
    program.refresh(tokens["refresh_token"])
    program.refresh(tokens["refresh_token"])
    said = caplog.text  # as it was when it was said: Authlib logs the answer before the tokens are in it
    assert "used twice" in said
    assert "ada@lab.example" not in said
    given = [tokens[name] for name in ("access_token", "refresh_token", "id_token")]
    for secret in (PASSWORD, "a wrong password", code, program.verifier, *given):
        assert secret not in said


def test_the_default_address_need_not_be_repeated(service: Service, browser: Browser, installed: Program) -> None:
    code = browser.through(installed.url(redirect_uri=None))["code"]
    secret = service.provider.application_secrets()["installed"]["client_secret"]
    assert installed.exchange(code, redirect_uri=None, client_secret=secret).status_code == 200
