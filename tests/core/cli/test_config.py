import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hca_core.cli.root import hca


def run(*words: str) -> Result:
    return CliRunner().invoke(hca, ["config", *words])


def emitted(*words: str) -> Any:
    result = run(*words)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def user_file(home: Path) -> Path:
    file = home / ".config" / "hca" / "config.json"
    file.parent.mkdir(parents=True)
    return file


def test_list_shows_every_setting(user_file: Path) -> None:
    user_file.write_text('{"network": {"retries": 3}}')
    settings = emitted("list")
    assert settings["log_level"] == "INFO"
    assert settings["network.retries"] == 3


def test_list_with_origin(user_file: Path) -> None:
    user_file.write_text('{"network": {"retries": 3}}')
    settings = emitted("list", "--origin")
    assert settings["network.retries"] == {"value": 3, "origin": f"user file {user_file}"}
    assert settings["log_level"] == {"value": "INFO", "origin": "default"}


def test_list_warns_of_unknown_keys(user_file: Path) -> None:
    user_file.write_text('{"network": {"retrys": 3}, "qqq": 1}')
    result = run("list")
    assert result.exit_code == 0
    assert "knows the setting network.retrys. Did you mean network.retries?" in result.stderr
    assert "knows the setting qqq.\n" in result.stderr
    assert "Warning" not in result.stdout


def test_no_command_shows_a_secret(user_file: Path) -> None:
    secrets = {"oauth2_token": {"access_token": "s3cr3t"}, "my_password": "s3cr3t"}
    user_file.write_text(json.dumps({**secrets, "network": {"proxy": "http://me:s3cr3t@h:1"}}))
    for words in (["list"], ["list", "--origin"], ["get", "oauth2_token"], ["get", "network.proxy"], ["validate"]):
        result = run(*words)
        assert "s3cr3t" not in result.output
    assert emitted("get", "network.proxy") == "http://********@h:1"


def test_get_a_value_and_a_section() -> None:
    assert emitted("get", "network.retries") == 10
    assert emitted("get", "network")["network.retries"] == 10


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("network.retrys", "Did you mean network.retries?"),
        ("qqq", "`hca config list` shows all settings."),
        ("profiles.p.log_level", "`hca --profile NAME config get KEY` shows what holds in a profile."),
    ],
)
def test_get_an_unknown_key(key: str, hint: str) -> None:
    result = run("get", key)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert f"There is no setting {key}." in result.stderr
    assert hint in result.stderr


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("network.retries", "3", 3),
        ("network.allow_http", "true", True),
        ("network.read_timeout", "2.5", 2.5),
        ("network.proxy", "http://p:1", "http://p:1"),
        ("network.proxy", "null", None),
        ("network.proxy", "5", "5"),
        ("auth.audience", "5", "5"),
        ("log_level", '"DEBUG"', "DEBUG"),
        ("profiles.p.auth.audience", "5", "5"),
        ("transfer.jobs", "5", 5),
    ],
)
def test_set_reads_the_value_as_the_setting_wants_it(user_file: Path, key: str, text: str, value: Any) -> None:
    result = run("set", key, text)
    assert (result.exit_code, result.output) == (0, "")
    data = json.loads(user_file.read_text())
    for name in key.split("."):
        data = data[name]
    assert data == value
    assert type(data) is type(value)


@pytest.mark.parametrize(
    ("key", "text"),
    [("network.retries", "many"), ("network.retries", "NaN"), ("network.allow_http", "yes"), ("network", "5")],
)
def test_set_refuses_a_wrong_value(user_file: Path, key: str, text: str) -> None:
    result = run("set", key, text)
    assert result.exit_code == 3
    assert f"{key} must be " in result.stderr
    assert not user_file.exists()


def test_set_an_unknown_key_works_with_a_warning(user_file: Path) -> None:
    result = run("set", "network.retrys", "3")
    assert result.exit_code == 0
    assert "Did you mean network.retries?" in result.stderr
    assert json.loads(user_file.read_text()) == {"network": {"retrys": 3}}


def test_unset(user_file: Path) -> None:
    user_file.write_text('{"network": {"retries": 3}, "log_level": "DEBUG"}')
    assert run("unset", "network.retries").exit_code == 0
    assert json.loads(user_file.read_text()) == {"log_level": "DEBUG"}
    assert run("unset", "network.retries").exit_code == 3


def test_a_wrong_value_can_be_repaired(user_file: Path) -> None:
    user_file.write_text('{"network": {"retries": "many"}}')
    assert run("validate").exit_code == 3
    assert run("set", "network.retries", "3").exit_code == 0
    assert run("validate").exit_code == 0


def test_path_and_init(user_file: Path) -> None:
    assert emitted("path") == str(user_file)
    assert not user_file.exists()
    assert emitted("init") == str(user_file)
    assert json.loads(user_file.read_text()) == {}


def test_validate_reports_what_it_read(user_file: Path) -> None:
    user_file.write_text('{"profiles": {"p": {}}}')
    files = [name for name in ["/etc/hca/config.json"] if Path(name).exists()]
    assert emitted("validate") == {"files": [*files, str(user_file)], "profiles": ["p"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "config.json:1:2: this is not JSON"),
        ('{"network": {"retrys": 3}}', "No installed plugin knows network.retrys."),
        ('{"profiles": {"p": {"network": {"retries": "x"}}}}', "network.retries must be a whole number"),
    ],
)
def test_validate_finds_mistakes(user_file: Path, text: str, words: str) -> None:
    user_file.write_text(text)
    result = run("validate")
    assert result.exit_code == 3
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("word", ["@secret.txt", "-", "0815"])
def test_a_secret_is_text_and_need_not_be_on_the_command_line(user_file: Path, home: Path, word: str) -> None:
    (home / "secret.txt").write_text("0815\n")
    result = CliRunner().invoke(hca, ["config", "set", "irods.password", word], input="0815\n")
    assert (result.exit_code, result.output) == (0, "")
    assert json.loads(user_file.read_text()) == {"irods": {"password": "0815"}}


def test_a_secret_that_cannot_be_read_is_not_set(user_file: Path) -> None:
    result = CliRunner().invoke(hca, ["config", "set", "irods.password", "@nowhere"])
    assert (result.exit_code, "irods.password was not set: cannot read 'nowhere'" in result.stderr) == (3, True)
    assert not user_file.exists()
