"""Groups that import their commands when they are used."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hca_core.cli.groups import LazyGroup
from hca_core.errors import PluginError
from hca_core.records import CommandSpec

SPECS = (
    CommandSpec("here", "It is there.", "lazy_commands:here"),
    CommandSpec("gone", "It is not there.", "lazy_commands:gone"),
    CommandSpec("number", "It is no command.", "lazy_commands:number"),
)


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> click.Group:
    source = "import click\nnumber = 5\n@click.command()\ndef here():\n    click.echo('done')\n"
    (tmp_path / "lazy_commands.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    return LazyGroup("lazy", specs=SPECS)


def test_its_help_needs_no_command() -> None:
    group = LazyGroup("lazy", specs=[CommandSpec("any", "What it does.", "not.there:at_all")])
    for words in ([], ["--help"]):
        result = CliRunner().invoke(group, words)
        assert (result.exit_code, "any  What it does." in result.output) == (0, True)
    found = group.shell_complete(click.Context(group), "a")
    assert [(item.value, item.help) for item in found] == [("any", "What it does.")]


def test_a_command_is_found(group: click.Group) -> None:
    assert CliRunner().invoke(group, ["here"]).output == "done\n"
    assert CliRunner().invoke(group, ["elsewhere"]).exit_code == 2


@pytest.mark.parametrize(("name", "problem"), [("gone", "cannot be loaded"), ("number", "is not a command")])
def test_what_is_no_command_is_the_plugins_mistake(group: click.Group, name: str, problem: str) -> None:
    with pytest.raises(PluginError, match=problem):
        CliRunner().invoke(group, [name], catch_exceptions=False)
