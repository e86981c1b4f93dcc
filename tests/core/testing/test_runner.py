import logging
import sys
from pathlib import Path

import pytest
from plugin_folder import install

from hca_core.testing import Result

ECHO = """
import sys
import click
from hca_core.errors import NotFoundError

@click.command()
@click.option("--fail", is_flag=True)
@click.option("--crash", is_flag=True)
def command(fail, crash):
    if fail:
        raise NotFoundError("There is no such thing.", status=404)
    if crash:
        1 / 0
    click.echo(sys.stdin.read(), nl=False)
    click.echo("words", err=True)
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hca):
    """Run `hca echo`, which prints its standard input."""
    install(tmp_path, "echo")
    (tmp_path / "plug_hca_echo_cli.py").write_text(ECHO)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda *words, **options: hca("echo", *words, **options)
    for module in ("plug_hca_echo", "plug_hca_echo_cli"):
        sys.modules.pop(module, None)


def test_output_words_and_code_are_apart(echo) -> None:
    assert echo(stdin='{"a": 1}') == Result(("echo",), 0, '{"a": 1}', "words\n")
    assert echo(stdin=b"[2]").json == [2]


def test_a_failure_has_its_code(echo) -> None:
    result = echo("--fail")
    assert (result.code, result.stdout, result.stderr) == (7, "", "Error: There is no such thing.\n")
    assert echo("--nonsense").code == 2


def test_what_is_no_json_is_shown(echo) -> None:
    with pytest.raises(AssertionError, match=r"`hca echo --fail` ended with 7(.|\n)*no such thing"):
        _ = echo("--fail").json
    with pytest.raises(AssertionError, match=r"`hca echo` ended with 0(.|\n)*not json"):
        _ = echo(stdin="not json").json


def test_a_bug_is_told_or_raised(hca, echo) -> None:
    assert "ZeroDivisionError" in echo("--crash").stderr
    with pytest.raises(ZeroDivisionError):
        hca("--debug", "echo", "--crash")


def test_logging_is_as_before(hca, caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogger().handlers[:]
    assert hca("--debug", "config", "list").code == 0
    assert logging.getLogger().handlers == before
    logging.getLogger("somebody").warning("heard")
    assert caplog.messages == ["heard"]


def test_runs_share_a_home_and_nothing_else(hca, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hca("config", "set", "log_level", "ERROR").code == 0
    assert hca("config", "get", "log_level").json == "ERROR"
    assert "dss" in hca("--help").stdout
    monkeypatch.setenv("HCA_PLUGINS", "")
    assert "dss" not in hca("--help").stdout
