"""The provider's other addresses, and what holds for all of them."""

from __future__ import annotations

import http.client
import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hca_core.errors import ConfigError, HcaError
from hca_core.redact import redact
from hca_local.oidc.provider import Provider
from hca_local.oidc.tokens import default_audience

from .conftest import CHEAP, PASSWORD, Browser, Program, Service


def test_the_configuration(service: Service) -> None:
    answer = service.get("/.well-known/openid-configuration")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    found = answer.json()
    assert found["issuer"] == service.url
    for name in ("authorization", "token", "revocation", "userinfo", "logout"):
        address = found[f"{name}_endpoint"]
        assert address.startswith(service.url)
        assert service.provider.handles(urlsplit(address).path)
    assert found["jwks_uri"] == f"{service.url}/.well-known/jwks.json"
    assert {"openid", "profile", "email", "offline_access"} == set(found["scopes_supported"])
    assert found["response_types_supported"] == ["code"]
    assert found["code_challenge_methods_supported"] == ["S256"]


def ask(service: Service, path: str, host: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc)
    connection.request("GET", path, headers={"Host": host})
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_configuration_is_not_for_other_hosts(service: Service) -> None:
    port = service.url.rpartition(":")[2]
    path = "/.well-known/openid-configuration"
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "x y"):
        assert ask(service, path, host) == 400
    for host in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        assert ask(service, path, f"{host}:{port}") == 200


def test_the_application_secrets(service: Service) -> None:
    found = service.get("/internal/application_secrets").json()
    assert found == service.provider.application_secrets()
    installed = found["installed"]
    assert installed["auth_uri"] == f"{service.url}/oauth/authorize"
    assert installed["token_uri"] == f"{service.url}/oauth/token"
    assert installed["redirect_uris"] == ["http://localhost:8080/", f"{service.url}/echo"]
    service.restart()
    assert service.provider.application_secrets() == found


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo(service: Service, browser: Browser, program: Program, method: str) -> None:
    token = program.tokens(browser)["access_token"]
    answer = service.send(method, "/oauth/userinfo", headers={"Authorization": f"bearer {token}"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.json()
    assert found.pop("sub").startswith("local|")
    assert found == {
        "email": "ada@lab.example",
        "email_verified": True,
        f"https://{urlsplit(service.url).netloc}/app_metadata": {"authorization": {"roles": ["r-ada@lab.example"]}},
    }


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer opaque", "Bearer a.b.c", "Basic YTpi", "x", "Bearer \xff"])
def test_userinfo_without_a_good_token(service: Service, header: str | None) -> None:
    headers = {"Authorization": header.encode("latin-1")} if header else {}
    answer = service.get("/oauth/userinfo", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 401


def test_userinfo_tells_what_is_missing(service: Service) -> None:
    title = "This needs a token, as `Bearer TOKEN` in the header Authorization."
    assert service.get("/oauth/userinfo").json()["title"] == title == redact(title)
    assert service.userinfo("opaque").json()["title"] == "The token is not valid."


def test_userinfo_of_somebody_who_is_shut_out(service: Service) -> None:
    token = service.provider.mint("ada@lab.example")
    service.provider.accounts.set_disabled("ada@lab.example", True)
    assert service.userinfo(token).status_code == 403


def test_echo_tells_programs_what_they_sent_but_no_headers(service: Service) -> None:
    answer = service.get("/echo?code=c-41&state=s-77", headers={"Authorization": "Bearer secret", "Cookie": "a=b"})
    assert answer.json() == {"method": "GET", "path": "/echo", "query": {"code": "c-41", "state": "s-77"}}
    assert service.get("/echo").json()["query"] == {}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/.well-known/jwks.json", "GET, HEAD"),
        ("GET", "/oauth/token", "POST"),
        ("GET", "/oauth/revoke", "POST"),
        ("DELETE", "/oauth/userinfo", "GET, HEAD, POST"),
        ("PUT", "/oauth/authorize", "GET, HEAD, POST"),
        ("POST", "/logout", "GET, HEAD"),
    ],
)
def test_methods_that_are_not_possible(service: Service, method: str, path: str, allowed: str) -> None:
    answer = service.send(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_what_is_not_there(service: Service) -> None:
    assert service.get("/oauth").status_code == 404
    assert not service.provider.handles("/v1/users")
    assert service.provider.handles("/oauth/token")


def test_head_has_no_body(service: Service) -> None:
    answer = service.send("HEAD", "/.well-known/jwks.json")
    assert (answer.status_code, answer.content) == (200, b"")


def test_answers_can_be_told_apart(service: Service) -> None:
    identifiers = {service.get("/login").headers["X-AWS-REQUEST-ID"] for _ in range(2)}
    assert len(identifiers) == 2


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/sign-in", "/oauth/authorize"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "multipart/form-data"])
def test_a_body_is_small(service: Service, path: str, kind: str) -> None:
    answer = service.post(path, b"a=" + b"x" * 70_000, headers={"Content-Type": kind})
    assert answer.status_code in (400, 401, 413)
    assert answer.status_code == 413 or kind != "application/x-www-form-urlencoded"


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/sign-in", "/oauth/consent"])
@pytest.mark.parametrize("body", [b"\xff\xfe=%ff%00", b"%", b"&&&==", b"client_id=%00&token=%ff"])
def test_nonsense_is_no_accident(service: Service, path: str, body: bytes) -> None:
    answer = service.post(path, body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (400, 401)


@pytest.mark.parametrize(
    "query", ["%ff%fe=%00", "client_id=%ff", "redirect_uri=%00", "client_id", "&&=", "state=%0d%0a"]
)
def test_nonsense_at_the_authorize_step(service: Service, query: str) -> None:
    assert service.get(f"/oauth/authorize?{query}").status_code in (200, 302, 400)
    assert service.get(f"/login?{query}").status_code == 301


def test_a_state_cannot_add_headers(service: Service, browser: Browser, program: Program) -> None:
    state = "a\r\nSet-Cookie: x=y&z=\u00fc"
    assert browser.through(program.url(state=state))["state"] == state


def test_minting(service: Service) -> None:
    assert service.provider.from_token(service.provider.mint("ADA@lab.example", 60)) is not None
    with pytest.raises(HcaError, match="no account nobody@lab.example") as caught:
        service.provider.mint("nobody@lab.example")
    assert "hca local user add" in (caught.value.hint or "")
    for seconds in (0, -1, 7 * 24 * 3600 + 1):
        with pytest.raises(HcaError, match="lasts up to 604800 seconds"):
            service.provider.mint("ada@lab.example", seconds)
    service.provider.accounts.set_disabled("ada@lab.example", True)
    with pytest.raises(HcaError, match="is disabled"):
        service.provider.mint("ada@lab.example")


def test_the_usual_audience_is_the_one_of_the_setting(service: Service) -> None:
    service.restart(audience=None)
    assert default_audience() == "https://dev.data.humancellatlas.org/"
    token = service.provider.mint("ada@lab.example")
    assert service.provider.from_token(token) is not None


def test_accounts_survive_a_restart(service: Service, browser: Browser, program: Program) -> None:
    service.provider.accounts.add("eve@lab.example", PASSWORD)
    service.restart()
    assert "code" in browser.through(program.url(), "eve@lab.example")


def test_only_the_owner_reads_the_files(service: Service) -> None:
    service.provider.mint("ada@lab.example")
    files = list(service.folder.iterdir())
    assert {"provider.db", "provider.db-wal"} <= {file.name for file in files}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(service.folder.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX modes")
def test_a_file_that_others_can_read_is_refused(service: Service, tmp_path: Path) -> None:
    service.provider.close()
    (service.folder / "provider.db").chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        service.open()
    (service.folder / "provider.db").chmod(0o600)
    service.open()


def test_a_new_folder_is_private_from_the_start(tmp_path: Path) -> None:
    provider = Provider(tmp_path / "new", issuer="http://127.0.0.1:1", app_metadata=lambda _: {}, cost=CHEAP)
    assert stat.S_IMODE((tmp_path / "new" / "provider.db").stat().st_mode) == 0o600
    provider.close()


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, json, hca_local.oidc, hca_local.accounts_cli; print(json.dumps(sorted(sys.modules)))"
    loaded: list[Any] = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"authlib", "joserfc", "werkzeug", "sqlite3", "cryptography", "requests"} & set(loaded)


def test_no_switch_is_left_in_the_environment() -> None:
    code = "import os; before = dict(os.environ); import hca_local.oidc.provider; print(dict(os.environ) == before)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"True\n"
