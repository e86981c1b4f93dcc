import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_fence import FakeFence

from hca_core.app import App
from hca_core.errors import ArgumentError, ConfigError
from hca_core.plugins import Plugins
from hca_core.testing import Result, assert_plugin_conforms
from hca_gen3 import Auth

HEAVY = {"gen3", "irods", "jsonschema", "openpyxl", "pandas", "pydicom", "pynetdicom", "requests", "yaml"}
VARIABLE = "GEN3_API_KEY"


def test_the_plugin_conforms() -> None:
    assert_plugin_conforms("gen3")


@pytest.mark.parametrize("module", ["hca_gen3", "hca_gen3.plugin", "hca_gen3.cli.root", "dtp"])
def test_packages_are_light(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(output.split()) & HEAVY == set()


def test_without_the_package_there_is_no_trace_of_it(home: Path) -> None:
    code = """
import sys
from importlib.util import find_spec
sys.modules["hca_gen3"] = sys.modules["dtp"] = None  # as if they were not installed
from hca_core.app import App
from hca_core.testing import run
app = App()
assert "gen3" not in app.plugins.commands()
assert "gen3" not in app.plugins.services()
assert not [spec for spec in app.plugins.settings() if spec.key.startswith("gen3.")]
assert "gen3" not in run("--help").stdout
assert "gen3" not in run("config", "list").stdout
shown = run("gen3", "auth")
assert (shown.code, shown.stdout) == (2, "")
assert "provided by the package hca-gen3, which is not installed" in shown.stderr
assert run("auth-status").code == 0
assert not any(name.startswith("hca_gen3.") for name in sys.modules)
"""
    environ = {**os.environ, "HCA_PLUGINS": "auth,dask,dss,local,upload"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def key(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeFence], str]:
    """Save a key where `Auth` finds it."""

    def save(fence: FakeFence) -> str:
        monkeypatch.setenv(VARIABLE, str(home / "key.json"))
        return fence.save_key(home / "key.json")

    return save


def test_any_program_gets_a_session_for_the_service(key: Callable[[FakeFence], str]) -> None:
    with FakeFence() as fence:
        key(fence)
        app = App()
        session = app.session("gen3", fence.url)
        assert session.send("GET", f"{fence.url}/user/user", secured=True).json()["username"] == "ada"
        fence.tokens.clear()
        assert session.send("GET", f"{fence.url}/user/user", secured=True).status_code == 200
        found = app.credentials("gen3", fence.url)
        assert found.source.endswith("key.json")
        assert found.expires_at
        assert app.credentials("gen3", fence.url, "mine").token == "mine"
        app.close()


def test_other_services_get_nothing_of_gen3(key: Callable[[FakeFence], str]) -> None:
    with FakeFence() as fence:
        key(fence)
        assert Plugins(os.environ).credentials("dss", fence.url, {}, None) is None
        assert fence.requests == []


def test_a_user_without_credentials_is_told_so(hca: Callable[..., Result]) -> None:
    app = App()
    assert app.plugins.credentials("gen3", "https://commons.example.org", app.settings, None) is None
    assert hca("auth-status").json == [entry for entry in hca("auth-status").json if entry["service"] != "gen3"]


def test_auth_status_knows_the_commons(hca: Callable[..., Result], key: Callable[[FakeFence], str]) -> None:
    with FakeFence() as fence:
        key(fence)
        entry = next(entry for entry in hca("auth-status").json if entry["service"] == "gen3")
    assert entry["host"] == fence.host
    assert entry["state"] == "valid"
    assert entry["source"].endswith("key.json")
    assert entry["issuer"] == f"{fence.url}/user"


def test_a_google_service_account_is_not_for_gen3(
    hca: Callable[..., Result], key: Callable[[FakeFence], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/account.json")
    with FakeFence() as fence:
        key(fence)
        shown = hca("auth-status")
    entry = next(entry for entry in shown.json if entry["service"] == "gen3")
    assert entry["source"].endswith("key.json")


def test_the_service_has_settings_but_no_description(key: Callable[[FakeFence], str]) -> None:
    app = App(config={"gen3": {"endpoint": "https://commons.example.org/", "read_timeout": 7.5}})
    assert app.address("gen3") == "https://commons.example.org"
    assert app.settings.value("gen3.read_timeout") == 7.5
    assert isinstance(app.client("gen3"), Auth)
    assert App(config={}).address("gen3") is None
    for use in (app.document, app.api, app.refresh):
        with pytest.raises(ArgumentError, match="The service 'gen3' has no API description"):
            use("gen3")


def test_an_address_that_nobody_named_is_an_error() -> None:
    from hca_core.client import known_address

    with pytest.raises(ConfigError, match="Nothing says where the gen3 service is"):
        known_address(App(config={}), "gen3")
