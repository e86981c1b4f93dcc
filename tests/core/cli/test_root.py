import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from hca_core import __version__, errors, testing
from hca_core.cli.context import Context, pass_context
from hca_core.cli.root import hca


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run `hca try`, a command that does what the test says."""

    def runner(action, *words: str) -> Result:
        @click.command("try")
        @pass_context
        def command(context: Context) -> None:
            action(context)

        monkeypatch.setattr(hca, "get_command", lambda ctx, name: command if name == "try" else None)
        return CliRunner().invoke(hca, [*words, "try"])

    return runner


def raising(error: BaseException):
    def action(context: Context) -> None:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.HcaError("x"), 1),
        (errors.ArgumentError("x"), 2),
        (errors.ConfigError("x"), 3),
        (errors.PluginError("x"), 4),
        (errors.AuthError("x"), 5),
        (errors.ApiError("x", status=400), 6),
        (errors.NotFoundError("x", status=404), 7),
        (errors.NetworkError("x"), 8),
        (errors.TransferError("x"), 9),
        (errors.IntegrityError("x"), 9),
        (errors.SpecError("x"), 10),
    ],
)
def test_errors_end_in_their_exit_code(run, error: errors.HcaError, code: int) -> None:
    error.hint = "do this"
    result = run(raising(error))
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", "Error: x\nHint: do this\n")


def test_errors_are_json_when_the_output_is(run) -> None:
    result = run(raising(errors.NotFoundError("x\x1b", status=404, hint="look")), "--output", "json")
    assert json.loads(result.stderr) == {"error": {"exit_code": 7, "message": "x\x1b", "hint": "look"}}
    assert "\x1b" not in result.stderr


def test_mistakes_in_the_command_are_json_too_when_the_output_is() -> None:
    for words, told in ((("bogus",), "No such command 'bogus'."), (("config", "get"), "Missing argument 'KEY'.")):
        result = testing.run("--output", "json", *words)
        assert (result.code, result.stdout) == (2, "")
        error = json.loads(result.stderr)["error"]
        assert (error["exit_code"], error["message"]) == (2, told)
        assert error["hint"].startswith("Try `hca")
    listed = testing.run("--output", "json", "dss", "download", "--bundle-uuid", "B")
    assert json.loads(listed.stderr)["error"]["message"] == "Missing option '--replica'. Choose from: aws, gcp"


def test_a_log_level_that_is_none_can_be_put_right(home: Path) -> None:
    file = home / ".config" / "hca" / "config.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"log_level": "BLAH"}')
    checked = testing.run("config", "validate")
    assert checked.code == 3
    assert 'log_level must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not "BLAH"' in checked.stderr
    assert testing.run("config", "unset", "log_level").code == 0
    assert testing.run("config", "validate").code == 0
    assert testing.run("config", "set", "log_level", "warning").code == 0
    assert testing.run("config", "get", "log_level").json == "warning"


def test_quiet_leaves_out_words_but_not_data(run) -> None:
    def action(context: Context) -> None:
        context.say("words")
        context.emit({"data": [{"a": 1}]})

    assert run(action).stderr == "words\n"
    assert run(action, "--quiet").stderr == ""

    def log(context: Context) -> None:
        import logging

        context.app.settings.value("log_level")
        logging.getLogger("hca_core").info("by the way")

        logging.getLogger("hca_core").warning("mind the step")

    assert "by the way" in run(log).stderr
    assert run(log, "--quiet").stderr == ""
    assert "by the way" in run(log, "--quiet", "--log-level", "INFO").stderr
    assert run(action, "-q", "--query", "data[0].a", "--output", "raw").stdout == "1\n"


def test_control_characters_of_a_server_do_not_reach_the_terminal(run) -> None:
    assert run(raising(errors.HcaError("a\x1b[2J\rb"))).stderr == "Error: a\\x1b[2J\\rb\n"


def test_ctrl_c_is_one_line_and_130(run) -> None:
    result = run(raising(KeyboardInterrupt()))
    assert (result.exit_code, result.stderr) == (130, "Error: Interrupted.\n")


def test_a_file_problem_is_a_sentence(run) -> None:
    result = run(raising(PermissionError(13, "Permission denied", "/data/x")))
    assert (result.exit_code, result.stderr) == (1, "Error: /data/x: Permission denied.\n")


def test_a_bug_is_written_to_a_private_log(run, home: Path) -> None:
    result = run(raising(ZeroDivisionError("division by zero")))
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr
    (log,) = (home / ".local/state/hca/logs").iterdir()
    assert str(log) in result.stderr
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_debug_shows_the_bug(run) -> None:
    result = run(raising(ZeroDivisionError("division by zero")), "--debug")
    assert isinstance(result.exception, ZeroDivisionError)


def test_no_error_shows_a_secret_that_slipped_through(run) -> None:
    assert run(raising(errors.HcaError("refused: Bearer abc123def"))).stderr == "Error: refused: Bearer ***\n"


def test_debug_shows_where_an_error_comes_from(run) -> None:
    assert "Traceback" in run(raising(errors.HcaError("x")), "--debug").stderr


def test_hca_alone_shows_help() -> None:
    result = CliRunner().invoke(hca, [])
    assert result.exit_code == 0
    assert "Commands:" in result.stdout


def test_help_of_a_command() -> None:
    result = CliRunner().invoke(hca, ["help", "plugins", "list"])
    assert result.exit_code == 0
    assert "--json" in result.stdout


def test_version_names_program_python_and_platform() -> None:
    result = CliRunner().invoke(hca, ["--version"])
    assert result.stdout.startswith(f"hca {__version__}, Python 3.")
    assert os.uname().machine in result.stdout


def test_plugins_are_listed() -> None:
    import json

    result = CliRunner().invoke(hca, ["plugins", "list", "--json"])
    found = {plugin["name"]: plugin for plugin in json.loads(result.stdout)}
    assert found["core"]["status"] == "ok"
    assert "config" in found["core"]["commands"]
    assert found["dss"]["hooks"] == ["hca_commands", "hca_object_stores", "hca_services", "hca_settings"]
    assert CliRunner().invoke(hca, ["plugins"]).stdout.splitlines()[0].startswith("core ")


def test_hca_alone_makes_the_users_settings_file(home: Path) -> None:
    CliRunner().invoke(hca, [])
    assert (home / ".config/hca/config.json").read_text().strip() == "{}"
    (home / ".config/hca/config.json").write_text("{broken")
    result = CliRunner().invoke(hca, [])
    assert (result.exit_code, result.stderr) == (0, "")
    assert (home / ".config/hca/config.json").read_text() == "{broken"


def test_help_works_in_a_home_that_cannot_be_written(home: Path) -> None:
    (home / ".config").write_text("a file where a folder should be")
    (home / ".cache").write_text("here, too")
    result = CliRunner().invoke(hca, [])
    assert (result.exit_code, result.stderr) == (0, "")


def complete(words: str) -> list[str]:
    import subprocess
    import sys

    environ = {**os.environ, "_HCA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    code = (
        "import sys; from hca_core.cli.root import hca\n"
        "try: hca.main(prog_name='hca')\n"
        "finally: print([name for name in sys.modules if name.startswith(('hca_dss', 'hca_local', 'requests'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    return run.stdout.split("\n")


def test_completing_the_top_level_imports_no_plugin() -> None:
    complete("hca ")  # the first run learns what the plugins describe
    assert complete("hca ds") == ["plain,dss", "[]", ""]
    assert "plain,--profile" in complete("hca --pr")


def test_completion_goes_on_below_a_plugin() -> None:
    assert "plain,get-bundle" in complete("hca dss get-b")
    assert "plain,aws" in complete("hca dss get-bundle --replica a")


def test_an_option_of_hca_after_the_command_is_put_right() -> None:
    result = CliRunner().invoke(hca, ["plugins", "list", "--query", "x"])
    assert result.exit_code == 2
    assert "--query belongs before the command: `hca --query …`" in result.stderr
    assert "No such option" in CliRunner().invoke(hca, ["plugins", "list", "--nonsense"]).stderr


def test_logging_is_left_as_it_was(run) -> None:
    import logging

    def state() -> list[object]:
        loggers = [logging.getLogger(name) for name in ("", "hca_core", "hca_dss")]
        return [logger.level for logger in loggers] + logging.getLogger().handlers

    before = state()
    during: list[list[object]] = []

    def action(context: Context) -> None:
        context.app.settings.value("log_level")
        during.append(state())

    run(action, "--debug")
    assert during != [before]
    assert state() == before


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_completion_can_be_switched_on_in_each_shell(shell: str, word: str) -> None:
    import subprocess
    import sys

    environ = {**os.environ, "_HCA_COMPLETE": f"{shell}_source"}
    run = subprocess.run(
        [sys.executable, "-c", "from hca_core.cli.root import hca; hca.main(prog_name='hca')"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert word in run.stdout
    assert "_HCA_COMPLETE" in run.stdout
