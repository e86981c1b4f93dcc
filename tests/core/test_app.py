import json
import sys
from pathlib import Path

import pytest
from plugin_folder import install

from hca_core.app import App, load_target
from hca_core.errors import ArgumentError, AuthError, ConfigError, NetworkError, SpecError
from hca_core.plugins import Plugins
from hca_core.records import Credentials
from hca_core.testing import Answer, FakeServer

DESCRIPTION = {
    "swagger": "2.0",
    "info": {"title": "Library", "version": "1", "description": "Books."},
    "basePath": "/v1",
    "paths": {
        "/books": {"get": {"summary": "List books", "responses": {"200": {}}}},
        "/loans": {"get": {"summary": "List loans", "responses": {"200": {}}, "security": [{"login": []}]}},
    },
}
PLUGIN = """
    from hca_core.client import ApiClient
    from hca_core.hookspecs import hookimpl
    from hca_core.records import Credentials, ServiceSpec

    class LibClient(ApiClient):
        service = "lib"

    @hookimpl
    def hca_services():
        address = "https://lib.example.org/api.json"
        return [ServiceSpec("lib", "plug_lib:LibClient", "Library", address, "plug_data:api.json")]

    @hookimpl
    def hca_credentials(service, url, rejected):
        return Credentials("s3cret", "test") if rejected is None else None
"""


@pytest.fixture
def server():
    with FakeServer() as running:
        running.on("GET", "/api.json", Answer.json(DESCRIPTION))
        running.on("GET", "/v1/books", Answer.json(["a book"]))
        yield running


@pytest.fixture
def make_app(home: Path, monkeypatch: pytest.MonkeyPatch):
    """Make an application that knows the service `lib`, with these settings."""
    folder = home / "site"
    folder.mkdir()
    install(folder, "lib", PLUGIN, module="plug_lib")
    monkeypatch.syspath_prepend(str(folder))
    environ = {"HOME": str(home)}

    def make(settings: dict | None = None, **more: str) -> App:
        plugins = Plugins(environ, folders=[str(folder)])
        return App(config=settings or {}, environ={**environ, **more}, plugins=plugins)

    yield make
    sys.modules.pop("plug_lib", None)


def test_a_client_talks_to_the_service_that_the_settings_name(make_app, server: FakeServer) -> None:
    app = make_app({"LibClient": {"swagger_url": f"{server.url}/api.json"}})
    assert app.client("lib").get_books() == ["a book"]
    assert app.client("lib").get_books() == ["a book"]
    assert server.count("GET", "/api.json") == 1
    app.close()


def test_each_service_may_have_its_own_patience(make_app, server: FakeServer) -> None:
    server.on("GET", "/v1/books", Answer(503))
    own = {"LibClient": {"swagger_url": f"{server.url}/api.json", "retries": 0}, "network": {"retries": 5}}
    with pytest.raises(NetworkError) as caught:
        make_app(own).client("lib").get_books()
    assert caught.value.attempts == 1
    assert server.count("GET", "/v1/books") == 1


def test_session_options_win_over_settings(make_app, server: FakeServer) -> None:
    from hca_core.retry import RetryPolicy

    server.on("GET", "/v1/books", Answer(503))
    url = f"{server.url}/api.json"
    client = load_target("plug_lib:LibClient")(app=make_app(), swagger_url=url, policy=RetryPolicy(attempts=2))
    with pytest.raises(NetworkError):
        client.get_books()
    assert server.count("GET", "/v1/books") == 2


def test_credentials_are_asked_for_only_where_they_are_needed(make_app, server: FakeServer) -> None:
    server.on("GET", "/v1/loans", Answer.json([]))
    client = make_app({"LibClient": {"swagger_url": f"{server.url}/api.json"}}).client("lib")
    client.get_books()
    client.get_loans()
    sent = {request.path: request.headers.get("Authorization") for request in server.requests}
    assert sent == {"/api.json": None, "/v1/books": None, "/v1/loans": "Bearer s3cret"}


def test_a_session_may_get_its_tokens_elsewhere(make_app, server: FakeServer) -> None:
    server.on("GET", "/v1/loans", Answer(401), Answer.json([]))
    asked = []

    def authorize(rejected: str | None) -> Credentials:
        asked.append(rejected)
        return Credentials(f"token-{len(asked)}", "test")

    app = make_app(HCA_TOKEN="unused")
    app.session("lib", server.url, authorize=authorize).send("GET", f"{server.url}/v1/loans", secured=True)
    assert asked == [None, "token-1"]
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer token-1", "Bearer token-2"]


def test_a_token_of_the_user_that_is_refused_is_not_replaced_by_anothers(make_app, server: FakeServer) -> None:
    server.on("GET", "/v1/loans", Answer.problem(401, "Unauthorized", "no"))
    client = make_app({"LibClient": {"swagger_url": f"{server.url}/api.json"}}, HCA_TOKEN="wrong").client("lib")
    with pytest.raises(AuthError, match="refused the token from HCA_TOKEN"):
        client.get_loans()
    assert [request.headers.get("Authorization") for request in server.requests[1:]] == ["Bearer wrong"]


def test_the_usual_service_needs_no_fetched_description(make_app, home: Path) -> None:
    (home / "site" / "plug_data").mkdir()
    (home / "site" / "plug_data" / "__init__.py").touch()
    (home / "site" / "plug_data" / "api.json").write_text(json.dumps(DESCRIPTION))
    app = make_app()
    assert app.document("lib") == DESCRIPTION
    assert app.api("lib").base_url == "https://lib.example.org/v1"


def test_a_description_is_fetched_again_on_request(make_app, server: FakeServer) -> None:
    app = make_app({"LibClient": {"swagger_url": f"{server.url}/api.json"}})
    app.api("lib")
    newer = {**DESCRIPTION, "paths": {"/shelves": {"get": {"responses": {"200": {}}}}}}
    server.on("GET", "/api.json", Answer.json(newer), Answer.json({"swagger": "2.0", "paths": 5}))
    assert [operation.name for operation in app.api("lib").operations] == ["get_books", "get_loans"]
    assert app.refresh("lib") == f"{server.url}/api.json"
    assert [operation.name for operation in app.api("lib", offline=True).operations] == ["get_shelves"]
    with pytest.raises(SpecError):
        app.refresh("lib")
    assert [operation.name for operation in app.api("lib").operations] == ["get_shelves"]


def test_what_is_not_there_is_named(make_app) -> None:
    app = make_app()
    with pytest.raises(ArgumentError, match="provides the service 'dss'"):
        app.client("dss")
    with pytest.raises(ArgumentError, match="no object store for ftp:// URLs"):
        app.object_store("ftp")
    with pytest.raises(ConfigError, match="no settings profile 'nowhere'"):
        _ = make_app(HCA_PROFILE="nowhere").settings


UNDESCRIBED = """
    from hca_core.hookspecs import hookimpl
    from hca_core.records import ServiceSpec, SettingSpec

    class Archive:
        def __init__(self, app):
            self.app = app

    def address(app):
        return app.settings.value("old.address")

    @hookimpl
    def hca_services():
        return [ServiceSpec("old", "plug_old:Archive", "Archive", address="plug_old:address")]

    @hookimpl
    def hca_settings():
        return [SettingSpec("old.address", None, "Where the archive is.")]
"""


@pytest.fixture
def archive(make_app, home: Path):
    """Make an application that also knows the service `old`, which has no API description."""
    install(home / "site", "old", UNDESCRIBED, module="plug_old")
    yield make_app
    sys.modules.pop("plug_old", None)


def test_a_service_without_a_description_is_where_its_plugin_says(archive) -> None:
    assert archive().address("old") is None
    app = archive({"old": {"address": "https://old.example.org"}})
    assert app.address("old") == "https://old.example.org"
    assert app.client("old").app is app
    assert app.address("lib") is None


def test_a_service_without_a_description_has_a_section_by_its_name(archive, server: FakeServer) -> None:
    server.on("GET", "/items", Answer(503))
    app = archive({"old": {"retries": 0}})
    with pytest.raises(NetworkError) as caught:
        app.session("old", server.url).send("GET", f"{server.url}/items")
    assert caught.value.attempts == 1
    keys = {spec.key for spec in app.plugins.settings() if spec.key.startswith("old.")}
    assert "old.read_timeout" in keys
    assert "old.login_issuer" not in keys


def test_what_only_a_description_tells_is_not_known_without_one(archive) -> None:
    app = archive()
    for use in (app.document, app.api, app.refresh):
        with pytest.raises(ArgumentError, match="The service 'old' has no API description"):
            use("old")


def test_a_service_without_a_description_gets_no_token_of_a_service_account(archive) -> None:
    app = archive(GOOGLE_APPLICATION_CREDENTIALS="/nowhere.json")
    with pytest.raises(ConfigError, match="/nowhere.json"):
        app.credentials("lib", "https://lib.example.org")
    assert app.credentials("old", "https://old.example.org").source == "test"
    assert [found.source for found in app.places().tokens("old", "https://old.example.org")] == ["test"]
