import base64
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from plugin_folder import install
from service_account_file import EMAIL, write_account

from hca_core.app import App
from hca_core.cli.auth_status import auth_status
from hca_core.cli.context import Context
from hca_core.credentials.places import Places
from hca_core.credentials.status import Status, describe, require
from hca_core.credentials.store import Login, TokenStore
from hca_core.errors import AuthError
from hca_core.plugins import Plugins
from hca_core.records import Credentials
from hca_core.testing import Answer, FakeServer

URL = "https://dss.example.org/v1"
HOST = "dss.example.org"
NOW = 1_800_000_000.0


def jwt(**claims: Any) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.czNjcjN0"


@pytest.fixture
def store(home: Path) -> TokenStore:
    return TokenStore(home / ".config" / "hca" / "credentials.json")


def status(store: TokenStore, environ: dict[str, str] | None = None, offered: Credentials | None = None) -> Status:
    def post(*_: Any) -> Any:
        pytest.fail("a service was asked")

    settings = {"auth": {"audience": "https://dev.example.org/"}}
    places = Places(environ or {}, settings, lambda **_: offered, store, post, lambda: NOW)
    return describe("dss", URL, places)


# what is said


def test_none(store: TokenStore) -> None:
    assert status(store) == Status("dss", HOST, None, None, None, "none")


@pytest.mark.parametrize(
    ("claims", "subject", "expires_at", "state"),
    [
        ({"email": "ada@lab.example", "exp": NOW + 1}, "ada@lab.example", "2027-01-15T08:00:01Z", "valid"),
        ({"sub": "7", "exp": NOW}, "7", "2027-01-15T08:00:00Z", "expired"),
        ({"sub": "7"}, "7", None, "unknown"),
        ({"exp": 1e300}, None, None, "valid"),
    ],
)
def test_a_token_of_the_environment(
    claims: dict[str, Any], subject: str | None, expires_at: str | None, state: Any, store: TokenStore
) -> None:
    store.put(HOST, Login("stored"))
    found = status(store, {"HCA_TOKEN": jwt(**claims)})
    assert found == Status("dss", HOST, "HCA_TOKEN", subject, expires_at, state)


def test_an_opaque_token(store: TokenStore) -> None:
    assert status(store, {"HCA_DSS_TOKEN": "opaque"}) == Status("dss", HOST, "HCA_DSS_TOKEN", state="unknown")


def test_a_service_account(store: TokenStore, tmp_path: Path) -> None:
    file = write_account(tmp_path / "account.json")
    found = status(store, {"GOOGLE_APPLICATION_CREDENTIALS": str(file)})
    assert (found.source, found.subject, found.state) == ("GOOGLE_APPLICATION_CREDENTIALS", EMAIL, "valid")


def test_a_login(store: TokenStore) -> None:
    store.put(HOST, Login(jwt(email="ada@lab.example"), NOW + 3600))
    found = status(store)
    assert (found.source, found.subject, found.expires_at, found.state) == (
        "stored login",
        "ada@lab.example",
        "2027-01-15T09:00:00Z",
        "valid",
    )


def test_a_login_knows_more_than_its_token_says(store: TokenStore) -> None:
    known = Login(
        "opaque", NOW + 9, issuer="https://auth.example.org/", scope="openid email", subject="ada@lab.example"
    )
    store.put(HOST, known)
    found = status(store)
    assert (found.subject, found.issuer, found.scopes) == (known.subject, known.issuer, ["openid", "email"])


@pytest.mark.parametrize(
    ("claims", "issuer", "scopes"),
    [
        ({"iss": "https://i/", "scope": "a b"}, "https://i/", ["a", "b"]),
        ({"iss": 5, "scope": ["a", 5]}, None, ["a"]),
        ({"iss": "", "scope": {"a": 1}}, None, []),
    ],
)
def test_who_gave_a_token_out_and_for_what(
    claims: dict[str, Any], issuer: str | None, scopes: list[str], store: TokenStore
) -> None:
    found = status(store, {"HCA_TOKEN": jwt(**claims)})
    assert (found.issuer, found.scopes) == (issuer, scopes)


@pytest.mark.parametrize(("state", "words"), [("none", "You are not logged in"), ("expired", "has expired")])
def test_one_has_to_be_logged_in(state: Any, words: str) -> None:
    with pytest.raises(AuthError, match=words) as caught:
        require(Status("dss", HOST, state=state))
    assert caught.value.hint == "Run `hca dss login`, or set HCA_DSS_TOKEN to a token."
    for fine in ("valid", "unknown"):
        require(Status("dss", HOST, state=fine))  # type: ignore[arg-type]


def test_of_an_expired_variable_it_is_said_how_to_replace_it() -> None:
    with pytest.raises(AuthError) as caught:
        require(Status("dss", HOST, source="HCA_TOKEN", state="expired"))
    assert caught.value.hint == "Set HCA_TOKEN to another one, or unset it and run `hca dss login`."


def test_an_expired_login_counts_only_if_there_is_nothing_else(store: TokenStore) -> None:
    store.put(HOST, Login("stored", NOW - 1))
    assert status(store).state == "expired"
    assert status(store).source == "stored login"
    assert status(store, offered=Credentials("t", "a plugin")).source == "a plugin"


def test_a_plugin_tells_whom_its_token_is_for(store: TokenStore) -> None:
    assert status(store, offered=Credentials("t", "a plugin")).subject is None
    assert status(store, offered=Credentials("t", "a plugin", subject="ada")).subject == "ada"


def test_nobody_knows_whether_a_login_can_be_renewed_and_nobody_tries(store: TokenStore) -> None:
    store.put(HOST, Login("stored", NOW - 1, "refresh", "https://auth.example.org/token"))
    assert status(store).state == "unknown"
    assert status(store, offered=Credentials("t", "a plugin")).source == "stored login"


# the command

PLUGIN = """
    from hca_core.hookspecs import hookimpl
    from hca_core.records import ServiceSpec, SettingSpec

    def spec(name, client):
        url = f"https://{name}.example.org/v1/swagger.json"
        return ServiceSpec(name, f"plug:{client}", name, url, "hca_dss:data/dss-api.json")

    @hookimpl
    def hca_services():
        return [spec("store", "StoreClient"), spec("other", "OtherClient")]
"""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        server.on("GET", "/v1/swagger.json", Answer(500))
        yield server


@pytest.fixture
def app(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> App:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    install(folder, "status", PLUGIN, module="plug_status")
    environ = {"HOME": str(home)}
    return App(environ=environ, plugins=Plugins(environ, folders=[str(folder)], cache_file=tmp_path / "plugins.json"))


def run(app: App) -> Result:
    result = CliRunner().invoke(auth_status, obj=Context(lambda: app))
    assert result.exit_code == 0, result.stderr
    return result


def configure(home: Path, settings: dict[str, Any]) -> None:
    file = home / ".config" / "hca" / "config.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings))


def test_every_service_is_listed(app: App, home: Path, server: FakeServer, store: TokenStore) -> None:
    configure(home, {"StoreClient": {"swagger_url": f"{server.url}/v1/swagger.json"}})
    token = jwt(email="ada@lab.example", exp=int(time.time()) + 3600)
    store.put(server.host, Login(token, refresh_token="r3fr3sh", token_endpoint=f"{server.url}/token"))
    result = run(app)
    other, mine = json.loads(result.stdout)
    assert other == {
        "service": "other",
        "host": "dss.data.humancellatlas.org",
        "source": None,
        "subject": None,
        "expires_at": None,
        "state": "none",
        "issuer": None,
        "scopes": [],
    }
    assert (mine["host"], mine["subject"], mine["state"]) == (server.host, "ada@lab.example", "valid")
    assert mine["expires_at"].endswith("Z")
    assert token not in result.output
    assert "r3fr3sh" not in result.output
    assert server.requests == []


def test_a_fetched_description_tells_the_host(app: App, home: Path, server: FakeServer) -> None:
    url = f"{server.url}/v1/swagger.json"
    configure(home, {"StoreClient": {"swagger_url": url}})
    document = {"swagger": "2.0", "host": "api.example.org:8443", "security": [{"key": []}]}
    keep(app, url, {**document, "paths": {"/a": {"get": {"responses": {}}}}})
    assert json.loads(run(app).stdout)[1]["host"] == "api.example.org:8443"


def keep(app: App, url: str, document: dict[str, Any]) -> None:
    app.descriptions.load(url, lambda _: json.dumps(document))


def test_a_service_without_a_login_is_left_out(app: App, home: Path) -> None:
    url = "https://store.example.org/v1/swagger.json"
    configure(home, {"StoreClient": {"swagger_url": url}})
    keep(app, url, {"swagger": "2.0", "paths": {"/a": {"get": {"responses": {}}}}})
    assert [row["service"] for row in json.loads(run(app).stdout)] == ["other"]


def test_a_service_without_a_description_is_listed_where_it_is_named(tmp_path: Path, home: Path) -> None:
    source = """
    from hca_core.hookspecs import hookimpl
    from hca_core.records import ServiceSpec
    def address(app):
        return app.environ.get("ARCHIVE")
    @hookimpl
    def hca_services():
        return [ServiceSpec("old", "plug_old:Archive", "Archive", address="plug_old:address")]
    """
    sys.path.insert(0, str(tmp_path))
    try:
        install(tmp_path, "old", source, module="plug_old")
        for named, hosts in (({}, []), ({"ARCHIVE": "https://old.example.org/v1"}, ["old.example.org"])):
            environ = {"HOME": str(home), **named}
            plugins = Plugins(environ, folders=[str(tmp_path)], cache_file=tmp_path / "plugins.json")
            shown = run(App(environ=environ, plugins=plugins))
            assert [(row["host"], row["state"]) for row in json.loads(shown.stdout)] == [
                (host, "none") for host in hosts
            ]
            assert shown.stderr == ""
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("plug_old", None)


def test_a_description_that_cannot_be_used_is_a_warning(app: App, home: Path) -> None:
    url = "https://store.example.org/v1/swagger.json"
    configure(home, {"StoreClient": {"swagger_url": url}})
    keep(app, url, {"swagger": "1.0"})
    result = run(app)
    assert [row["state"] for row in json.loads(result.stdout)] == ["none", "unknown"]
    assert "Warning: store: Not an API description" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="permissions are a matter of POSIX")
def test_a_file_that_cannot_be_used_is_a_warning(app: App, store: TokenStore) -> None:
    store.put(HOST, Login("s3cr3t"))
    store.path.chmod(0o644)
    result = run(app)
    assert [(row["state"], row["source"]) for row in json.loads(result.stdout)] == [("unknown", None)] * 2
    assert f"Warning: store: {store.path} can be read by others. Run: chmod 600 {store.path}\n" in result.stderr
    assert "s3cr3t" not in result.output


def test_what_is_not_a_token_is_a_warning(app: App) -> None:
    app.environ = {**app.environ, "HCA_TOKEN": "Bearer s3cr3t"}
    result = run(app)
    assert json.loads(result.stdout)[0]["state"] == "unknown"
    assert "What HCA_TOKEN holds is not a token" in result.stderr
    assert "s3cr3t" not in result.output


def test_an_address_that_is_none_is_a_warning(app: App, home: Path) -> None:
    configure(home, {"StoreClient": {"swagger_url": "nonsense"}})
    result = run(app)
    assert json.loads(result.stdout)[1] == {
        "service": "store",
        "host": None,
        "source": None,
        "subject": None,
        "expires_at": None,
        "state": "unknown",
        "issuer": None,
        "scopes": [],
    }
    assert "Warning: store: The address of a service has no host name." in result.stderr
