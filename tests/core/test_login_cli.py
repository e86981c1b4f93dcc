"""`hca dss login` and `hca dss logout`, through the front door."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from open_id import SECRET, Browser, OpenId, fetch

from hca_core.app import App
from hca_core.cli.auth_status import show_status, show_token
from hca_core.cli.context import Context
from hca_core.client import ApiClient
from hca_core.credentials.login import Dialogue
from hca_core.credentials.store import Login, TokenStore
from hca_core.errors import AuthError, ConfigError
from hca_core.testing import Answer, Request, Result

USUAL = "dss.data.humancellatlas.org"
SECURED = {"security": [{"dcpAuth": []}], "responses": {"200": {}}}
DESCRIPTION: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "DSS", "version": "1"},
    "basePath": "/v1",
    "paths": {"/subscriptions": {"get": SECURED}},
}
Run = Callable[..., Result]


@pytest.fixture
def service() -> Iterator[OpenId]:
    """A service that is its own provider, as the one in the settings."""
    with OpenId() as server:
        server.on("GET", "/v1/swagger.json", Answer.json(DESCRIPTION))
        server.on("GET", "/v1/subscriptions", lambda request: _who(server, request))
        yield server


def _who(server: OpenId, request: Request) -> Answer:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token.startswith("access-"):
        return Answer.problem(401, "unauthorized", "who?", {"X-AWS-REQUEST-ID": "req-7"})
    return Answer.json({"token": token})


@pytest.fixture
def configured(home: Path, service: OpenId) -> OpenId:
    configure(home, DSSClient={"swagger_url": f"{service.url}/v1/swagger.json"})
    return service


def configure(home: Path, **settings: Any) -> None:
    file = home / ".config" / "hca" / "config.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings))


def stored(home: Path, host: str) -> Login | None:
    return TokenStore(home / ".config" / "hca" / "credentials.json").get(host)


def jwt(**claims: Any) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


def start(*words: str, **environ: str) -> subprocess.Popen[str]:
    """Start `hca WORDS…` in a process of its own."""
    plain = {name: value for name, value in os.environ.items() if name not in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.Popen(
        [sys.executable, "-m", "hca_core", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**plain, **environ},
    )


# a token that is there already


def test_a_token_is_kept_without_the_network(hca: Run, home: Path) -> None:
    result = hca("dss", "login", "--access-token", "test")
    assert (result.code, result.stdout, result.stderr) == (0, "", "Storing access credentials\n")
    assert stored(home, USUAL) == Login("test")
    (status,) = [one for one in hca("auth-status").json if one["service"] == "dss"]
    assert (status["source"], status["state"]) == ("stored login", "unknown")


def test_a_token_is_used_until_it_expires_or_is_refused(hca: Run, home: Path, configured: OpenId) -> None:
    assert hca("dss", "login", "--access-token", "access-mine").code == 0
    assert hca("dss", "refresh-swagger").code == 0
    assert stored(home, configured.host) == Login("access-mine")
    assert hca("dss", "get-subscriptions").json == {"token": "access-mine"}
    assert configured.forms("/oauth/token") == []
    hca("dss", "login", "--access-token", "refused")
    refused = hca("dss", "get-subscriptions")
    assert refused.code == 5
    assert "Run `hca dss login`, or set HCA_DSS_TOKEN to a token." in refused.stderr


def test_a_token_may_come_from_standard_input(hca: Run, home: Path) -> None:
    token = jwt(exp=int(time.time()) + 1000)
    assert hca("dss", "login", "--access-token", "-", stdin=f"{token}\n").code == 0
    login = stored(home, USUAL)
    assert login is not None
    assert login.access_token == token
    assert login.expires_at == pytest.approx(time.time() + 1000, abs=60)


@pytest.mark.parametrize(
    ("token", "stdin", "code", "words"),
    [
        ("", "", 2, "it is empty"),
        ("-", "\n", 2, "it is empty"),
        ("Bearer abc", "", 5, "is not a token"),
        (jwt(exp=5), "", 5, "has expired"),
    ],
)
def test_what_is_no_token_is_not_kept(hca: Run, home: Path, token: str, stdin: str, code: int, words: str) -> None:
    result = hca("dss", "login", "--access-token", token, stdin=stdin)
    assert result.code == code
    assert words in result.stderr
    assert stored(home, USUAL) is None


def test_a_token_in_the_environment_is_stronger(hca: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HCA_TOKEN", "t")
    result = hca("dss", "login", "--access-token", "test")
    assert "HCA_TOKEN is set; it is used instead of this login until you unset it." in result.stderr


# with a browser

VISIT = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()"


@pytest.fixture
def browser(tmp_path: Path) -> str:
    """A value of BROWSER: a program that opens an address, and is gone."""
    script = tmp_path / "browser.py"
    script.write_text(VISIT)
    return f"{sys.executable} {script} %s &"


def test_a_login_in_the_browser(hca: Run, home: Path, configured: OpenId, browser: str) -> None:
    process = start("dss", "login", "--timeout", "60", BROWSER=browser)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, ""), err
    assert err.startswith("Log in with your browser.\n")
    assert err.endswith("Storing access credentials\n")
    assert SECRET not in err
    login = stored(home, configured.host)
    assert login is not None
    assert (login.access_token, login.subject) == ("access-1", "ada@lab.example")
    assert hca("dss", "get-subscriptions").json == {"token": "access-1"}
    (status,) = [one for one in hca("auth-status").json if one["service"] == "dss"]
    assert (status["subject"], status["state"]) == ("ada@lab.example", "valid")
    assert (status["issuer"], status["scopes"]) == (f"{configured.url}/", ["openid", "email", "offline_access"])


def test_a_login_is_renewed_and_ended(hca: Run, home: Path, configured: OpenId, browser: str) -> None:
    configured.tokens = {"expires_in": 1}
    assert start("dss", "login", BROWSER=browser).wait(60) == 0
    assert hca("dss", "get-subscriptions").json == {"token": "access-2"}
    assert configured.forms("/oauth/token")[1]["client_secret"] == SECRET
    result = hca("dss", "logout")
    assert (result.code, result.stderr) == (0, f"Removed the login at {configured.host}.\n")
    assert configured.refresh_tokens == set()
    assert hca("dss", "get-subscriptions").code == 5


def test_without_a_browser_here(hca: Run, home: Path, configured: OpenId) -> None:
    process = start("dss", "login", "--no-browser", "--timeout", "60", BROWSER="false")
    assert process.stderr is not None
    assert process.stderr.readline() == "Open this address in a browser on this machine:\n"
    status, page = fetch(process.stderr.readline().strip())
    assert status == 200
    assert "You are logged in" in page
    assert process.communicate(timeout=60)[1] == "Storing access credentials\n"
    assert stored(home, configured.host) is not None


def test_a_quiet_user_sees_the_address_nevertheless(configured: OpenId) -> None:
    process = start("-q", "dss", "login", "--timeout", "0.1")
    err = process.communicate(timeout=60)[1]
    assert f"{configured.url}/oauth/authorize?" in err
    assert process.returncode == 5


@pytest.mark.parametrize("whole", [True, False])
def test_a_login_with_a_browser_elsewhere(home: Path, configured: OpenId, whole: bool) -> None:
    configured.on("GET", "/echo", lambda request: Answer.json({name: v[0] for name, v in request.params.items()}))
    process = start("dss", "login", "--remote")
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(3)]
    echoed = json.loads(fetch(lines[1].strip())[1])
    typed = f"{configured.url}/echo?code={echoed['code']}&state={echoed['state']}" if whole else echoed["code"]
    assert process.communicate(f"{typed}\n", timeout=60)[1] == "Storing access credentials\n"
    assert process.returncode == 0
    login = stored(home, configured.host)
    assert login is not None
    assert login.subject == "ada@lab.example"


def test_nobody_there_to_paste(hca: Run, configured: OpenId, home: Path) -> None:
    result = hca("dss", "login", "--remote", stdin="")
    assert result.code == 5
    assert "nothing was pasted" in result.stderr
    assert stored(home, configured.host) is None


def test_nobody_logs_in(hca: Run, configured: OpenId, home: Path) -> None:
    result = hca("dss", "login", "--no-browser", "--timeout", "0.1")
    assert result.code == 5
    assert "Nobody logged in to the dss service within 0.1 s." in result.stderr
    assert "use --remote" in result.stderr


def test_a_service_without_a_provider(hca: Run, configured: OpenId) -> None:
    configured.on("GET", "/internal/application_secrets", Answer(404))
    configured.on("GET", "/.well-known/openid-configuration", Answer(404))
    result = hca("dss", "login")
    assert result.code == 5
    assert "does not tell how to log in" in result.stderr


def test_each_service_may_have_its_own_provider(hca: Run, home: Path, service: OpenId) -> None:
    url = f"{service.url}/v1/swagger.json"
    configure(home, DSSClient={"swagger_url": url, "login_client_id": "c"}, login={"issuer": f"{service.url}/nowhere"})
    assert "/nowhere/.well-known" in hca("dss", "login").stderr
    configure(home, DSSClient={"swagger_url": url, "login_issuer": service.url, "login_client_id": "c"})
    result = hca("dss", "login", "--no-browser", "--timeout", "0.1")
    assert f"{service.url}/oauth/authorize?response_type=code&client_id=c&" in result.stderr


def test_logins_may_be_kept_in_the_keyring(hca: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(home, login={"keyring": True})
    monkeypatch.setitem(sys.modules, "keyring", None)
    result = hca("dss", "login", "--access-token", "test")
    assert result.code == 3
    assert "pip install 'hca-core[keyring]'" in result.stderr


# logging out


def test_logging_out_twice(hca: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hca("dss", "login", "--access-token", "test")
    assert hca("dss", "logout").stderr == f"Removed the login at {USUAL}.\n"
    assert stored(home, USUAL) is None
    monkeypatch.setenv("HCA_DSS_TOKEN", "t")
    result = hca("dss", "logout")
    assert (result.code, result.stdout) == (5, "")
    assert result.stderr.splitlines() == [
        f"There was no login at {USUAL}.",
        "Error: HCA_DSS_TOKEN is still set, so you are still logged in to the dss service.",
        "Hint: To be logged out: unset HCA_DSS_TOKEN",
    ]


def test_a_login_is_removed_whatever_the_environment_says(
    hca: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hca("dss", "login", "--access-token", "test")
    monkeypatch.setenv("HCA_TOKEN", "t")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    result = hca("dss", "logout")
    assert result.code == 5
    assert f"Removed the login at {USUAL}." in result.stderr
    assert "HCA_TOKEN and GOOGLE_APPLICATION_CREDENTIALS are still set" in result.stderr
    assert "Hint: To be logged out: unset HCA_TOKEN GOOGLE_APPLICATION_CREDENTIALS" in result.stderr
    assert stored(home, USUAL) is None
    with DSSClient() as client:
        assert client.logout().still_set == ("HCA_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS")


def test_a_provider_that_cannot_revoke(hca: Run, home: Path, configured: OpenId) -> None:
    configured.on("POST", "/oauth/revoke", Answer(400))
    login = Login("a", refresh_token="r3fr3sh", revocation_endpoint=f"{configured.url}/oauth/revoke")
    TokenStore(home / ".config" / "hca" / "credentials.json").put(configured.host, login)
    result = hca("dss", "logout")
    assert result.code == 0
    assert "Warning: the provider could not revoke it: POST" in result.stderr
    assert "r3fr3sh" not in result.stderr


# in Python


class DSSClient(ApiClient):
    service = "dss"


def test_a_client_goes_on_with_its_new_login(configured: OpenId, caplog: pytest.LogCaptureFixture) -> None:
    browser = Browser()
    with DSSClient() as client:
        client.login(access_token="access-old")
        assert client.get_subscriptions() == {"token": "access-old"}
        client.login(dialogue=Dialogue(open_browser=browser), timeout=10)
        assert client.get_subscriptions() == {"token": "access-1"}
        assert browser.opened[0] in caplog.text, "a program that set nothing up shows it as a warning"
        assert client.logout().removed
        with pytest.raises(AuthError, match="no token was found"):
            client.get_subscriptions()


@pytest.mark.parametrize("token", [None, "HCA_DSS_TOKEN"])
def test_a_refusal_tells_what_the_service_said(
    configured: OpenId, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token:
        monkeypatch.setenv(token, "refused")
    with DSSClient() as client:
        if not token:
            client.login(access_token="refused")
        with pytest.raises(AuthError) as caught:
            client.get_subscriptions()
    error = caught.value
    assert (error.service, error.status, error.code, error.request_id) == ("dss", 401, "unauthorized", "req-7")
    assert "hca dss login" in (error.hint or "")
    assert "HCA_DSS_TOKEN" in f"{error.message} {error.hint}"


def test_an_answer_without_a_token_gets_the_same_hint(configured: OpenId) -> None:
    description = {**DESCRIPTION, "paths": {"/subscriptions": {"get": {"responses": {"200": {}}}}}}
    configured.on("GET", "/v1/swagger.json", Answer.json(description))
    with DSSClient() as client, pytest.raises(AuthError) as caught:
        client.get_subscriptions()
    assert (caught.value.status, caught.value.request_id) == (401, "req-7")
    assert caught.value.hint == "Run `hca dss login`, or set HCA_DSS_TOKEN to a token."


def test_an_answer_of_403_is_about_permissions(configured: OpenId) -> None:
    configured.on("GET", "/v1/subscriptions", Answer.problem(403, "forbidden", "no"))
    with DSSClient() as client:
        client.login(access_token="access-1")
        with pytest.raises(AuthError) as caught:
            client.get_subscriptions()
    assert (caught.value.status, caught.value.code) == (403, "forbidden")
    assert "ask the service's operators" in (caught.value.hint or "")


def test_only_a_service_on_a_safe_way_is_logged_in_to(home: Path) -> None:
    with pytest.raises(ConfigError, match="Nobody can log in safely over plain http"):
        App(config={"network": {"allow_http": True}}).login_flow("dss", "http://dss.example.org/v1", Dialogue())


# for plugins that show one service


def shown(show: Callable[[Context, str], None]) -> click.testing.Result:
    @click.command()
    @click.pass_obj
    def command(context: Context) -> None:
        show(context, "dss")

    return CliRunner().invoke(command, obj=Context(App))


def test_the_status_of_one_service(hca: Run, home: Path) -> None:
    none = shown(show_status)
    assert json.loads(none.stdout)["state"] == "none"
    assert isinstance(none.exception, AuthError)
    assert none.exception.message == "You are not logged in to the dss service."
    hca(
        "dss",
        "login",
        "--access-token",
        jwt(iss="https://auth.example.org/", scope="openid x", email="ada@lab.example"),
    )
    found = shown(show_status)
    assert found.exit_code == 0
    assert json.loads(found.stdout) == {
        "service": "dss",
        "host": USUAL,
        "source": "stored login",
        "subject": "ada@lab.example",
        "expires_at": None,
        "state": "unknown",
        "issuer": "https://auth.example.org/",
        "scopes": ["openid", "x"],
    }
    TokenStore(home / ".config" / "hca" / "credentials.json").put(USUAL, Login("old", 5.0))
    over = shown(show_status)
    assert json.loads(over.stdout)["state"] == "expired"
    assert isinstance(over.exception, AuthError)


def test_the_token_of_one_service(home: Path, configured: OpenId) -> None:
    assert isinstance(shown(show_token).exception, AuthError)
    store = TokenStore(home / ".config" / "hca" / "credentials.json")
    configured.refresh_tokens.add("r")
    store.put(configured.host, Login("old", 5.0, "r", f"{configured.url}/oauth/token", "local-cli", SECRET))
    assert shown(show_token).stdout == "access-1\n"
    assert shown(show_token).stdout == "access-1\n"


def test_an_expired_token_is_not_printed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HCA_DSS_TOKEN", jwt(exp=5))
    over = shown(show_token)
    assert over.stdout == ""
    assert isinstance(over.exception, AuthError)
    assert over.exception.message == "Your login to the dss service (HCA_DSS_TOKEN) has expired."
    monkeypatch.setenv("HCA_DSS_TOKEN", jwt(exp=int(time.time()) + 1000))
    assert shown(show_token).exit_code == 0
