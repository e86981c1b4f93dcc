"""People log in to a local stack: with Chromium, and with a browser that knows forms and nothing else."""

from __future__ import annotations

import json
import stat
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from browsers import Browser, ChromiumBrowser, FormBrowser

from .conftest import PASSWORD, Login, Stack, sign_in

DENIED = "The login to the dss service failed: the provider says that access was denied"


@pytest.fixture
def stack(login_stack: Stack, home: Path) -> Stack:
    """The stack, and somebody with an empty home who never logged in."""
    return login_stack.of_somebody(home)


@pytest.fixture
def ada(people: Iterator[str]) -> str:
    return next(people)


@pytest.fixture(params=["forms", "chromium"])
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Each test is done twice."""
    if request.param == "forms":
        forms = FormBrowser()
        yield forms
        forms.close()
    else:
        context = request.getfixturevalue("engine").new_context()
        yield ChromiumBrowser(context.new_page())
        context.close()


def log_in(stack: Stack, browser: Browser, email: str, service: str = "dss") -> None:
    """Log in at a browser that knows nobody."""
    login = Login(stack, service, "login", "--no-browser")
    browser.open(login.url)
    sign_in(browser, email)
    if browser.title.startswith("Allow access"):
        browser.press("Allow")
    assert browser.text.startswith("You are logged in"), browser.text
    login.end()


def kept(stack: Stack, service: str = "dss") -> dict[str, Any]:
    """What is stored of the login to a service."""
    logins = json.loads(credentials(stack).read_text())["tokens"]
    found: dict[str, Any] = logins[urlsplit(stack.facts[f"{service}_url"]).netloc]
    return found


def credentials(stack: Stack) -> Path:
    return Path(stack.environ["HOME"], ".config", "hca", "credentials.json")


def expire(stack: Stack) -> None:
    """Let an hour pass, as far as the stored logins are concerned."""
    file = credentials(stack)
    stored = json.loads(file.read_text())
    for login in stored["tokens"].values():
        login["expires_at"] -= 3600
    file.write_text(json.dumps(stored))


def asked_for_tokens(stack: Stack, login: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Present a refresh token as whoever found it would; return status and answer."""
    form = {name: login[name] for name in ("refresh_token", "client_id", "client_secret")}
    data = urllib.parse.urlencode({"grant_type": "refresh_token", **form}).encode()
    try:
        with urllib.request.urlopen(f"{stack.facts['auth_url']}/oauth/token", data, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


# from the first page to the end


def test_a_login_from_its_beginning_to_its_end(stack: Stack, browser: Browser, ada: str) -> None:
    assert "Run `hca dss login`" in stack.hca("dss", "get-collections", code=5).stderr

    login = Login(stack, "dss", "login", "--no-browser")
    browser.open(login.url)
    assert browser.title == "Sign in - hca local"
    sign_in(browser, ada)
    assert browser.title == "Allow access - hca local"
    assert ada in browser.text
    browser.press("Allow")
    assert browser.text == "You are logged in You can close this page and go back to the terminal."
    assert login.end() == "Storing access credentials\n"

    assert stat.S_IMODE(credentials(stack).stat().st_mode) == 0o600
    first = kept(stack)
    assert first["subject"] == ada
    assert json.loads(stack.hca("dss", "get-collections").stdout) == {"collections": []}
    assert kept(stack) == first

    expire(stack)
    assert json.loads(stack.hca("dss", "get-collections").stdout) == {"collections": []}
    second = kept(stack)
    assert {first[name] != second[name] for name in ("access_token", "refresh_token")} == {True}
    assert stat.S_IMODE(credentials(stack).stat().st_mode) == 0o600

    assert stack.hca("dss", "logout").stderr == f"Removed the login at {urlsplit(stack.facts['dss_url']).netloc}.\n"
    assert "Run `hca dss login`" in stack.hca("dss", "get-collections", code=5).stderr
    assert asked_for_tokens(stack, second)[0] == 400, "the provider has revoked it"


def test_a_refresh_token_is_good_once(stack: Stack, browser: Browser, ada: str) -> None:
    """Who presents it again has stolen it, or was stolen from: nobody can tell, so nobody goes on."""
    log_in(stack, browser, ada)
    stolen = kept(stack)
    expire(stack)
    stack.hca("dss", "get-collections")
    status, answer = asked_for_tokens(stack, stolen)
    assert (status, answer["error"]) == (400, "invalid_grant")
    said = stack.hca("dss", "get-collections", code=5).stderr
    assert "The dss service refused the token from stored login" in said
    assert "its owner signed out, or it may have been stolen" in said


def test_a_second_login_needs_no_password(stack: Stack, browser: Browser, ada: str) -> None:
    log_in(stack, browser, ada)
    login = Login(stack, "auth", "login", "--no-browser")
    browser.open(login.url)
    assert browser.text.startswith("You are logged in")
    login.end()
    assert (kept(stack, "dss")["subject"], kept(stack, "auth")["subject"]) == (ada, ada)
    assert kept(stack, "dss")["refresh_token"] != kept(stack, "auth")["refresh_token"]


def test_a_wrong_password_is_not_the_end(stack: Stack, browser: Browser, ada: str) -> None:
    login = Login(stack, "dss", "login", "--no-browser")
    browser.open(login.url)
    sign_in(browser, ada, "wrong horse battery")
    assert "This e-mail address and this password do not belong together." in browser.text
    browser.fill("Password", PASSWORD)  # the address is still there
    browser.press("Sign in")
    browser.press("Allow")
    login.end()
    assert kept(stack)["subject"] == ada


def test_somebody_does_not_agree(stack: Stack, browser: Browser, ada: str) -> None:
    login = Login(stack, "dss", "login", "--no-browser")
    browser.open(login.url)
    sign_in(browser, ada)
    browser.press("Do not allow")
    assert browser.text.startswith("You are not logged in")
    assert DENIED in browser.text
    assert DENIED in login.end(code=5)
    assert not credentials(stack).exists()


def test_somebody_else_sits_at_the_browser(stack: Stack, browser: Browser, people: Iterator[str]) -> None:
    ada, eve = next(people), next(people)
    login = Login(stack, "dss", "login", "--no-browser")
    browser.open(login.url)
    sign_in(browser, ada)
    browser.press("Use another account")
    sign_in(browser, eve)
    browser.press("Allow")
    login.end()
    assert kept(stack)["subject"] == eve


# without looking at the pages again


def test_somebody_is_shut_out_while_logged_in(stack: Stack, ada: str) -> None:
    log_in(stack, FormBrowser(), ada)
    stack.hca("local", "user", "disable", ada)
    stack.hca("dss", "get-collections", code=5)
    stack.hca("local", "user", "enable", ada)
    assert "Your login to the dss service has expired." in stack.hca("dss", "get-collections", code=5).stderr
    log_in(stack, FormBrowser(), ada)
    stack.hca("dss", "get-collections")


def test_the_auth_service_has_a_login_of_its_own(stack: Stack, ada: str) -> None:
    log_in(stack, FormBrowser(), ada, "auth")
    status = json.loads(stack.hca("auth", "status").stdout)
    issuer = stack.facts["auth_url"]
    assert status == {
        "service": "auth",
        "host": urlsplit(issuer).netloc,
        "source": "stored login",
        "subject": ada,
        "expires_at": status["expires_at"],
        "state": "valid",
        "issuer": issuer,
        "scopes": ["openid", "email", "offline_access"],
    }
    left = datetime.fromisoformat(status["expires_at"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    assert timedelta(minutes=50) < left <= timedelta(minutes=60)
    assert [one["state"] for one in json.loads(stack.hca("auth-status").stdout)][:2] == ["valid", "none"]
    assert json.loads(stack.hca("auth", "get-v1-user", "--user-id", ada).stdout)["status"] == "enabled"
    stack.hca("dss", "get-collections", code=5)
    stack.hca("auth", "logout")
    assert json.loads(stack.hca("auth", "status", code=5).stdout)["state"] == "none"


def test_other_tools_get_the_token_from_hca(stack: Stack, ada: str) -> None:
    log_in(stack, FormBrowser(), ada, "auth")
    expire(stack)  # what is printed is good nevertheless
    token = stack.hca("auth", "token").stdout.strip()
    issuer = stack.facts["auth_url"]
    request = urllib.request.Request(f"{issuer}/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        who = json.load(answer)
    assert who["email"] == ada
    authorization = who[f"https://{urlsplit(issuer).netloc}/app_metadata"]["authorization"]
    assert authorization["groups"] == ["user_default"]


@pytest.mark.parametrize("kind", ["code", "address"])
def test_a_browser_on_another_machine(stack: Stack, browser: Browser, ada: str, kind: str) -> None:
    login = Login(stack, "dss", "login", "--remote")
    browser.open(login.url)
    sign_in(browser, ada)
    browser.press("Allow")
    assert browser.title == "Your code - hca local"
    code = parse_qs(urlsplit(browser.url).query)["code"][0]
    assert code in browser.text
    login.end(pasted=f"{code if kind == 'code' else browser.url}\n")
    assert kept(stack)["subject"] == ada
    stack.hca("dss", "get-collections")


@pytest.mark.parametrize(
    ("pasted", "words"),
    [("wrong\n", "invalid_grant"), ("http://127.0.0.1/?code=a&state=b\n", "another login"), ("", "")],
)
def test_something_else_is_pasted(stack: Stack, pasted: str, words: str) -> None:
    said = Login(stack, "dss", "login", "--remote").end(5, pasted)
    assert "The login to the dss service failed: " in said
    assert words in said
    assert not credentials(stack).exists()


def test_nobody_comes(stack: Stack) -> None:
    said = Login(stack, "dss", "login", "--no-browser", "--timeout", "0.2").end(5)
    assert said.startswith("Error: Nobody logged in to the dss service within 0.2 s.\n")


def test_a_ready_made_token_instead_of_a_login(stack: Stack, ada: str) -> None:
    token = stack.hca("local", "token", ada).stdout
    stack.hca("dss", "login", "--access-token", "-", stdin=token)
    stack.hca("dss", "get-collections")
    assert json.loads(stack.hca("auth-status").stdout)[1]["subject"] == ada
