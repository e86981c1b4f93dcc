import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_folder import install

from hca_core import __version__
from hca_core.records import ServiceSpec

WORD = """
    from hca_core.hookspecs import hookimpl
    from hca_core.records import CommandSpec

    @hookimpl
    def hca_commands():
        return [CommandSpec("word", "Say a word.", "{module}_cli:command")]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to install plugins into."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("plug_")]:
        del sys.modules[name]


def test_plugins_are_listed(hca) -> None:
    for words in (["plugins"], ["plugins", "list"]):
        lines = hca(*words).stdout.splitlines()
        assert lines[0].startswith(f"core       hca-core {__version__}  ok  ")
        assert ", plugins" in lines[0]
        assert f"dss        hca-dss {__version__}  ok  dss" in lines


def test_a_broken_plugin_is_listed_with_its_fault(hca, folder: Path) -> None:
    install(folder, "bad", "1 / 0")
    result = hca("plugins")
    assert "bad        hca-bad 1.0  broken  no commands\n" in result.stdout
    assert result.stderr == "Warning: bad: ZeroDivisionError: division by zero.\n"


def test_all_that_is_known_as_json(hca) -> None:
    found = {plugin["name"]: plugin for plugin in hca("plugins", "list", "--json").json}
    assert found["dss"] == {
        "name": "dss",
        "distribution": "hca-dss",
        "version": __version__,
        "status": "ok",
        "commands": ["dss"],
        "hooks": ["hca_commands", "hca_object_stores", "hca_services", "hca_settings"],
        "import_seconds": found["dss"]["import_seconds"],
        "error": None,
    }
    assert found["dss"]["import_seconds"] > 0


def test_the_form_that_is_chosen_for_all_commands_holds_here_too(hca) -> None:
    assert hca("--output", "json", "plugins", "list").json[0]["name"] == "core"
    assert hca("--query", "[0].name", "plugins", "list").json == "core"


def test_requirements_are_one_version_a_line(hca, folder: Path) -> None:
    install(folder, "one", distribution="hca-many")
    (folder / "hca_many-1.0.dist-info" / "entry_points.txt").write_text("[hca]\none = one\ntwo = two\n")
    install(folder, "bad", "1 / 0")
    lines = hca("plugins", "list", "--requirements").stdout.splitlines()
    assert lines == sorted(lines)
    assert {f"hca-core=={__version__}", f"hca-dss=={__version__}", "hca-many==1.0", "hca-bad==1.0"} <= set(lines)
    assert len(lines) == len(set(lines))
    assert hca("plugins", "list", "--requirements", "--json").code == 2


def test_all_of_one_plugin(hca) -> None:
    found = hca("plugins", "info", "dss").json
    assert found == hca("plugins", "info", "hca-dss").json | {"import_seconds": found["import_seconds"]}
    assert found["module"] == "hca_dss.plugin"
    assert found["commands"][0]["target"] == "hca_dss.cli:dss"
    (service,) = found["services"]
    assert service == ServiceSpec(**service)._asdict()
    assert service["safe_posts"] == ["post_search"]
    assert found["settings"][0]["key"] == "DSSClient.swagger_url"
    assert found["object_stores"] == [{"scheme": "gs", "target": "hca_dss.gcs:GCSStore"}]
    assert found["import_seconds"] > 0


def test_all_of_a_broken_plugin(hca, folder: Path) -> None:
    install(folder, "bad", "1 / 0")
    found = hca("plugins", "info", "bad").json
    assert (found["status"], found["error"]) == ("broken", "ZeroDivisionError: division by zero")
    assert found["hooks"] == []


def test_a_plugin_that_is_not_there(hca) -> None:
    result = hca("plugins", "info", "dds")
    assert result.code == 2
    assert result.stderr.startswith("Error: No installed plugin is called 'dds'.\nHint: Installed: core, auth, dask")


def test_a_new_plugin(hca, home: Path, tmp_path: Path) -> None:
    result = hca("plugins", "new", "hello")
    assert (result.code, result.json) == (0, "hca-hello")
    assert "  cd hca-hello\n  pip install -e '.[dev]'\n  pytest\n  hca hello\n" in result.stderr
    assert (home / "hca-hello" / "hca_hello" / "plugin.py").is_file()
    elsewhere = tmp_path / "my work"
    elsewhere.mkdir()
    assert hca("plugins", "new", "hello", "--directory", str(elsewhere)).json == str(elsewhere / "hca-hello")
    assert f"cd '{elsewhere}/hca-again'" in hca("plugins", "new", "again", "--directory", str(elsewhere)).stderr
    assert hca("plugins", "new", "hello").stderr.startswith("Error: hca-hello exists already.\n")
    assert hca("plugins", "new", "more", "--directory", str(tmp_path / "nowhere")).code == 2


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("core", f"hca-core {__version__}"),
        ("config", f"hca-core {__version__}"),
        ("dss", f"hca-dss {__version__}"),
        ("gen3", f"hca-gen3 {__version__}"),
        ("network", "the settings of hca"),
        ("log_level", "the settings of hca"),
        ("profiles", "the settings of hca"),
        ("word", "hca-mine 1.0"),
        ("mine", "hca-mine 1.0"),
        ("bad", "hca-bad 1.0"),
    ],
)
def test_a_new_plugin_takes_no_name_from_others(hca, home: Path, folder: Path, name: str, owner: str) -> None:
    install(folder, "mine", WORD)
    install(folder, "bad", "1 / 0")
    result = hca("plugins", "new", name)
    assert result.code == 2
    assert result.stderr == f"Error: The name {name!r} is taken by {owner}.\n"
    assert not list(home.glob("hca-*"))


def test_a_new_plugin_takes_no_name_of_a_package_that_is_not_there(hca, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HCA_PLUGINS", "dss")
    assert hca("plugins", "new", "gen3").stderr == "Error: The name 'gen3' is taken by the package hca-gen3.\n"
