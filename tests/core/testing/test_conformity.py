import importlib
import sys
from pathlib import Path

import pytest
from plugin_folder import install

from hca_core.testing import assert_plugin_conforms

HEAD = """
from hca_core.hookspecs import hookimpl
from hca_core.records import *

"""
DESCRIPTION = '{"swagger": "2.0", "paths": {"/search": {"post": {"responses": {"200": {"description": "Fine."}}}}}}'
PARTS = """
import click
from hca_core.client import ApiClient

@click.command()
def good(): ...

class Client(ApiClient):
    service = "s"

class Stranger(ApiClient):
    service = "another"

class Store:
    def put(self): ...
    def head(self): ...
    def unfinished(self): ...
    def open(self): ...
    @classmethod
    def from_settings(cls, settings): ...

class Halfway:
    def put(self): ...

def hire(settings, scheduler): ...

number = 1
"""


def commands(name: str = "good", summary: str = "Do good.", target: str = "parts:good") -> str:
    return f"@hookimpl\ndef hca_commands():\n    return [CommandSpec({name!r}, {summary!r}, {target!r})]\n"


def settings(*specs: str) -> str:
    return f"@hookimpl\ndef hca_settings():\n    return [{', '.join(f'SettingSpec({spec})' for spec in specs)}]\n"


def service(
    client: str = "parts:Client",
    url: str = "https://s.example.org/v1/swagger.json",
    file: str = "description.json",
    safe: str = "post_search",
) -> str:
    spec = f"ServiceSpec('s', {client!r}, 'S', {url!r}, 'shipped:{file}', frozenset([{safe!r}]))"
    return f"@hookimpl\ndef hca_services():\n    return [{spec}]\n"


def plain(client: str = "parts:Store", address: str = "parts:hire", more: str = "") -> str:
    spec = f"ServiceSpec('p', {client!r}, 'P', address={address!r}{more})"
    return f"@hookimpl\ndef hca_services():\n    return [{spec}]\n"


def store(target: str = "parts:Store") -> str:
    return f"@hookimpl\ndef hca_object_stores():\n    return [ObjectStoreSpec('x', {target!r})]\n"


def executor(target: str = "parts:hire") -> str:
    return f"@hookimpl\ndef hca_executors():\n    return [ExecutorSpec('x', 'Workers.', {target!r})]\n"


def credentials(body: str) -> str:
    return f"@hookimpl\ndef hca_credentials(service, url, settings, rejected):\n    {body}\n"


OWN = credentials("return Credentials('t', 'me') if service == 's' else None")
LOUD = "@hookimpl\ndef hca_profiles():\n    return [ProfileSpec('loud', 'Loud.', {})]\n"
GOOD = commands() + settings("'good.depth', 1, 'How deep.'") + service() + store() + executor() + OWN + LOUD
FAULTS = {
    "nothing": ("", "implements no hook"),
    "builtin": (commands("config"), "the command 'config' is one of hca's own"),
    "shape": (commands("Do It"), "'Do It' must have a name of lower-case letters"),
    "summary": (commands(summary=" "), "'good' has no summary"),
    "missing": (commands(target="parts:bad"), "parts:bad cannot be imported: AttributeError"),
    "nowhere": (commands(target="no_such_module:bad"), "cannot be imported: ModuleNotFoundError"),
    "number": (commands(target="parts:number"), "parts:number is not a click command"),
    "core": (settings("'log_level', 'LOUD', 'Mine.'"), "the setting log_level is one of hca's own"),
    "help": (settings("'good.depth', 1, ''"), "the setting good.depth has no help"),
    "below": (settings("'log_level.good', 1, 'Mine.'"), "its settings do not fit together: log_level.good"),
    "client": (service("parts:Stranger"), "parts:Stranger is not an ApiClient whose service is 's'"),
    "instance": (service("parts:number"), "parts:number is not an ApiClient"),
    "plain": (service(url="http://s.example.org/"), "not at an https:// address"),
    "unshipped": (service(file="forgotten.json"), "cannot be used: The API description shipped:forgotten.json"),
    "undescribed": (service(file="parts.py"), "cannot be used"),
    "safe": (service(safe="post_serach"), "no operation 'post_serach'"),
    "plain client": (plain(client="parts:number"), "parts:number is not a client"),
    "plain address": (plain(address="parts:nowhere"), "parts:nowhere cannot be imported"),
    "half described": (plain(more=", description='shipped:description.json'"), "'p' has a description, or operations"),
    "store": (store("parts:Halfway"), "parts:Halfway is not an object store with from_settings, put"),
    "executor": (executor("parts:number"), "parts:number is not a function of the settings and an address"),
    "generous": (credentials("return Credentials('t', 'me')"), "gives a token to every service"),
    "failing": (credentials("raise OSError('no disk')"), "a hook fails: OSError: no disk"),
    "profiles": (LOUD.replace("return", "1 / 0 #"), "a hook fails: ZeroDivisionError"),
    "heavy": ("import requests\n" + LOUD, "imports requests, urllib3; import such things where they are used"),
}
BROKEN = {
    "misspelled": ("@hookimpl\ndef hca_comands():\n    return []\n", "hca_comands"),
    "words": ("@hookimpl\ndef hca_commands():\n    return ['good']\n", "not CommandSpec records"),
    "exits": ("import sys; sys.exit(3)\n", "SystemExit: 3"),
    "raises": ("1 / 0\n", "ZeroDivisionError"),
}


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install a plugin with this source; return the name of its module."""
    (tmp_path / "parts.py").write_text(PARTS)
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "__init__.py").touch()
    (tmp_path / "shipped" / "description.json").write_text(DESCRIPTION)
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(name: str, source: str) -> str:
        return install(tmp_path, name, HEAD + source).stem

    before = set(sys.modules)
    yield installed
    for module in set(sys.modules) - before:
        if module.startswith(("parts", "plug_")):
            del sys.modules[module]


@pytest.mark.parametrize("name", ["auth", "dask", "dss", "gen3", "local", "upload"])
def test_our_own_plugins_conform(name: str) -> None:
    assert_plugin_conforms(name)


def test_a_good_plugin_conforms_however_it_is_called(add) -> None:
    module = add("good", GOOD)
    for name in ("good", "hca-good", module, importlib.import_module(module)):
        assert_plugin_conforms(name)


def test_a_service_without_a_description_conforms(add) -> None:
    add("plain", plain())
    assert_plugin_conforms("plain")


def test_a_module_need_not_be_installed(add, tmp_path: Path) -> None:
    (tmp_path / "alone.py").write_text(HEAD + GOOD)
    assert_plugin_conforms("alone")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(add, fault: str) -> None:
    source, message = FAULTS[fault]
    name = f"fault{fault.replace(' ', '')}"
    add(name, source)
    with pytest.raises(AssertionError) as caught:
        assert_plugin_conforms(name)
    first, *problems = str(caught.value).splitlines()
    assert first == f"The plugin {name!r} does not conform:"
    assert any(message in problem for problem in problems), problems
    assert all(problem.startswith("- ") for problem in problems)


def test_all_faults_are_listed(add) -> None:
    add("worst", commands("config", summary="") + settings("'good.depth', 1, ''"))
    with pytest.raises(AssertionError) as caught:
        assert_plugin_conforms("worst")
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize("fault", BROKEN)
def test_what_does_not_load_is_told_with_its_cause(add, fault: str) -> None:
    source, message = BROKEN[fault]
    module = add(f"broken{fault}", source)
    with pytest.raises(AssertionError, match=f"The plugin '{module}' cannot be loaded: .*{message}") as caught:
        assert_plugin_conforms(f"broken{fault}")
    assert caught.value.__cause__


def test_a_plugin_that_is_not_there() -> None:
    with pytest.raises(AssertionError, match="'no_such_plugin' cannot be loaded: ModuleNotFoundError"):
        assert_plugin_conforms("no_such_plugin")


def test_a_module_that_needs_what_only_this_process_has(add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "only_here", sys)
    add("elsewhere", "import only_here\n" + LOUD)
    with pytest.raises(AssertionError, match="cannot be imported in a new process: ModuleNotFoundError"):
        assert_plugin_conforms("elsewhere")
