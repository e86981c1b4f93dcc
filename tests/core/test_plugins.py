import json
import os
import sys
from pathlib import Path

import pytest
from plugin_folder import install

from hca_core.errors import AuthError, PluginError
from hca_core.plugins import Plugins
from hca_core.records import Credentials

BROKEN = {
    "raises": "raise RuntimeError('out of order')",
    "exits": "import sys; sys.exit(3)",
    "syntax": "def (:",
    "missing": "import a_module_that_is_not_there",
    "misspelled": """
        from hca_core.hookspecs import hookimpl
        @hookimpl
        def hca_comands():
            return []
    """,
    "wrongargument": """
        from hca_core.hookspecs import hookimpl
        @hookimpl
        def hca_commands(nonsense):
            return []
    """,
    "none": """
        from hca_core.hookspecs import hookimpl
        @hookimpl
        def hca_commands():
            return ["dss"]
    """,
    "late": """
        from hca_core.hookspecs import hookimpl
        @hookimpl
        def hca_services():
            1 / 0
    """,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "site"
    made.mkdir()
    monkeypatch.syspath_prepend(str(made))
    before = set(sys.modules)
    yield made
    for name in set(sys.modules) - before:
        if name.startswith("plug_"):
            del sys.modules[name]


def load(folder: Path, **environ: str) -> Plugins:
    return Plugins(environ, folders=[str(folder)], cache_file=folder.parent / "plugins.json")


def test_a_plugin_adds_its_commands(folder: Path) -> None:
    install(folder, "hello")
    plugins = load(folder)
    assert plugins.command("hello").target == "plug_hca_hello_cli:command"
    assert plugins.command("nothing") is None
    assert {"config", "plugins", "hello"} <= set(plugins.commands())
    assert str(plugins.named("hca-hello").entry) == "hca-hello 1.0"


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_reported_and_harms_nobody(folder: Path, fault: str) -> None:
    install(folder, "bad", BROKEN[fault])
    install(folder, "good")
    plugins = load(folder)
    assert [plugin.entry.name for plugin in plugins.broken()] == ["bad"]
    assert plugins.broken()[0].error
    assert "good" in plugins.commands()
    with pytest.raises(PluginError, match=r"'bad' plugin \(hca-bad 1.0\) is broken"):
        plugins.command("bad")


@pytest.mark.parametrize(
    "hook",
    [
        *("hca_commands", "hca_services", "hca_settings", "hca_object_stores"),
        *("hca_executors", "hca_profiles", "hca_credentials"),
    ],
)
@pytest.mark.parametrize("answer", ["42", "'text'", "[None]", "{}", "object()", "[CommandSpec]", "1 / 0"])
def test_nonsense_from_any_hook_is_reported(folder: Path, hook: str, answer: str) -> None:
    source = "from hca_core.hookspecs import hookimpl\nfrom hca_core.records import *\n"
    install(folder, "odd", f"{source}@hookimpl\ndef {hook}():\n    return {answer}\n")
    install(folder, "good")
    plugins = load(folder)
    assert plugins.profiles() == []
    assert plugins.credentials("dss", "http://127.0.0.1", {}, None) is None
    assert plugins.named("odd").error
    assert plugins.named("good").error is None
    assert "good" in plugins.commands()


@pytest.mark.parametrize(("fault", "error"), [("raises", RuntimeError), ("exits", SystemExit)])
def test_strict_mode_raises_what_the_plugin_raised(folder: Path, fault: str, error: type[BaseException]) -> None:
    install(folder, "bad", BROKEN[fault])
    with pytest.raises(error):
        load(folder, HCA_STRICT_PLUGINS="1")


def test_two_plugins_with_one_command_name_both_lose(folder: Path) -> None:
    install(folder, "same", distribution="hca-one")
    install(folder, "same", distribution="hca-two")
    install(folder, "other")
    plugins = load(folder)
    with pytest.raises(PluginError, match=r"'same' is claimed by hca-one 1.0 and hca-two 1.0") as caught:
        plugins.command("same")
    assert plugins.command("other")
    assert load(folder, HCA_PLUGINS=caught.value.hint.rpartition("=")[2]).command("same")


def test_nobody_shadows_a_command_of_the_core(folder: Path) -> None:
    install(folder, "config")
    assert load(folder).command("config").target == "hca_core.cli.config:config"


@pytest.mark.parametrize(
    ("names", "expected"), [("", []), ("one", ["one"]), ("hca-two,one", ["one", "two"]), ("x", [])]
)
def test_hca_plugins_limits_what_is_loaded(folder: Path, names: str, expected: list[str]) -> None:
    install(folder, "one")
    install(folder, "two")
    plugins = load(folder, HCA_PLUGINS=names)
    assert [plugin.entry.name for plugin in plugins.all[1:]] == expected
    assert not [name for name in sys.modules if name.startswith("plug_hca_") and name[9:] not in expected]


def test_what_a_plugin_describes_is_remembered_until_its_file_changes(folder: Path) -> None:
    file = install(folder, "hello")
    load(folder)
    del sys.modules["plug_hca_hello"]
    assert "hello" in load(folder).commands()
    assert "plug_hca_hello" not in sys.modules
    file.write_text(file.read_text().replace("Say hello.", "Greet."))
    os.utime(file, ns=(1, 1))
    assert load(folder).commands()["hello"].summary == "Greet."


def test_an_uninstalled_plugin_is_forgotten(folder: Path) -> None:
    install(folder, "hello")
    assert "hello" in load(folder).commands()
    (folder / "hca_hello-1.0.dist-info" / "entry_points.txt").unlink()
    (folder / "hca_hello-1.0.dist-info").rmdir()
    assert "hello" not in load(folder).commands()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b"\xff\xfe", None])
def test_a_damaged_cache_is_made_again(folder: Path, content: bytes | None) -> None:
    install(folder, "hello")
    load(folder)
    file = folder.parent / "plugins.json"
    if content is None:
        cache = json.loads(file.read_text())
        for known in cache["plugins"].values():
            known["descriptions"] = {"hca_commands": [{"nonsense": 1}]}
        content = json.dumps(cache).encode()
    file.write_bytes(content)
    assert "hello" in load(folder).commands()


def test_printing_while_imported_does_not_reach_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(folder, "loud", "print('look at me')")
    load(folder)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "look at me" in shown.err


CREDENTIALS = """
    from hca_core.hookspecs import hookimpl
    from hca_core.records import Credentials
    from hca_core.errors import AuthError
    @hookimpl
    def hca_credentials(service, rejected):
        if service == "expired":
            raise AuthError("Your pass has expired.")
        if service == "odd":
            return "a string"
        return Credentials("t0ken", "test") if service == "dss" and rejected is None else None
"""


def test_credentials_come_from_the_first_plugin_that_has_some(folder: Path) -> None:
    install(folder, "keys", CREDENTIALS)
    plugins = load(folder)
    assert plugins.credentials("dss", "http://127.0.0.1", {}, None) == Credentials("t0ken", "test")
    assert plugins.credentials("dss", "http://127.0.0.1", {}, "t0ken") is None
    with pytest.raises(AuthError, match="pass has expired"):
        plugins.credentials("expired", "http://127.0.0.1", {}, None)
    assert plugins.credentials("odd", "http://127.0.0.1", {}, None) is None
    assert "hca_credentials returned" in plugins.named("keys").error


def test_hooks_of_a_plugin_are_listed(folder: Path) -> None:
    install(folder, "keys", CREDENTIALS)
    plugins = load(folder)
    assert plugins.hooks(plugins.named("keys")) == ["hca_credentials"]


@pytest.mark.parametrize(("version", "works"), [("1", True), ("2", False), ("'new'", False)])
def test_a_plugin_may_say_which_version_of_the_hooks_it_is_for(folder: Path, version: str, works: bool) -> None:
    file = install(folder, "hello")
    file.write_text(f"API_VERSION = {version}\n{file.read_text()}")
    plugins = load(folder)
    assert ("hello" in plugins.commands()) is works
    if not works:
        assert "written for version" in plugins.named("hello").error


def test_using_a_hook_that_goes_away_is_a_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hca_core import hookspecs

    warning = DeprecationWarning("hca_commands goes away in version 2")
    monkeypatch.setitem(hookspecs.hca_commands.hca_spec, "warn_on_impl", warning)
    install(folder, "hello")
    plugin = load(folder).named("hello")
    assert plugin.error is None
    assert plugin.warnings == ["hca_commands goes away in version 2"]


def test_calls_of_hooks_can_be_watched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(folder, "keys", CREDENTIALS)
    plugins = load(folder, HCA_TRACE_PLUGINS="1")
    plugins.credentials("dss", "http://127.0.0.1/?token=pl4nted", {}, None)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "hca-keys:keys: hca_credentials(service='dss'" in shown.err
    assert "source='test'" in shown.err
    assert "t0ken" not in shown.err
    assert "pl4nted" not in shown.err


def test_the_retired_distribution_is_noticed(folder: Path) -> None:
    assert load(folder).leftover is None
    (folder / "hca-7.0.1.dist-info").mkdir()
    (folder / "hca_core-9.0.0.dist-info").mkdir()
    assert load(folder).leftover == "7.0.1"


SERVICE = """
    from hca_core.hookspecs import hookimpl
    from hca_core.records import ServiceSpec
    @hookimpl
    def hca_services():
        return [ServiceSpec("lib", "lib:LibClient", "Library", "https://lib.example.org/api.json", "lib:api.json")]
"""


def test_each_service_has_network_settings_of_its_own(folder: Path) -> None:
    install(folder, "lib", SERVICE)
    keys = {spec.key: spec.default for spec in load(folder).settings()}
    assert keys["network.read_timeout"] == 40.0
    assert keys["LibClient.read_timeout"] is None
    assert "LibClient.proxy" not in keys
