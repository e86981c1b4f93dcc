from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hca_core.cli.root import hca
from hca_core.credentials import service_account as client
from hca_core.errors import HcaError
from hca_local.auth.records import Records
from hca_local.oidc.provider import Provider
from hca_local.root import Root
from hca_local.users import User

PASSWORD = "correct horse battery"
ISSUER = "http://127.0.0.1:5002"
AUDIENCE = "https://services.lab.example/"


def run(root: Root, *words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(hca, ["local", *words, "--root", str(root.path)], input=stdin)


def refused(result: Result, words: str) -> None:
    """Check that a command ended with a sentence that has these words, and printed no data."""
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr


def add(root: Root, email: str = "ada@lab.example", *options: str) -> Result:
    return run(root, "user", "add", email, "--password-stdin", *options, stdin=PASSWORD + "\n")


def listed(root: Root) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run(root, "user", "list").stdout)
    return found


def open_provider(root: Root) -> Provider:
    return Provider(root.path / "oidc", issuer=ISSUER, audience=AUDIENCE, app_metadata=lambda _: {})


@pytest.fixture
def started(root: Root) -> Root:
    """A root whose provider ran once."""
    open_provider(root).close()
    return root


def test_adding_and_listing(root: Root) -> None:
    assert listed(root) == []
    added = json.loads(add(root, "ada@lab.example", "--group", "public", "--admin").stdout)
    assert added.pop("created").endswith("+00:00")
    assert added == {"email": "ada@lab.example", "group": "public", "admin": True, "disabled": False}
    assert json.loads(add(root, "bob@lab.example").stdout)["group"] == "hca"
    assert [account["email"] for account in listed(root)] == ["ada@lab.example", "bob@lab.example"]


def test_an_account_signs_in_with_the_password_from_stdin(root: Root) -> None:
    assert run(root, "user", "add", "ada@lab.example", "--password-stdin", stdin=f"{PASSWORD}\r\nmore").exit_code == 0
    provider = open_provider(root)
    assert provider.accounts.authenticate("ada@lab.example", PASSWORD)
    assert run(root, "user", "passwd", "ada@lab.example", "--password-stdin", stdin="another one").exit_code == 0
    assert provider.accounts.authenticate("ada@lab.example", "another one")
    provider.close()


@pytest.mark.parametrize("words", [["add", "ada@lab.example"], ["passwd", "ada@lab.example"]])
def test_without_a_terminal_the_password_must_come_from_somewhere(root: Root, words: list[str]) -> None:
    result = run(root, "user", *words)
    assert result.exit_code == 2
    assert "--password-stdin" in result.stderr
    assert listed(root) == []


def test_bad_words_are_refused(root: Root) -> None:
    refused(add(root, "ada"), "cannot be the e-mail address")
    refused(add(root, "ada@lab.example", "--group", "a b"), "cannot be a group")
    refused(run(root, "user", "add", "a@b", "--password-stdin", stdin=""), "8 to 1024 characters")
    refused(run(root, "user", "remove", "nobody@lab.example"), "no account nobody@lab.example")
    assert listed(root) == []


def test_shutting_out_and_removing(started: Root) -> None:
    add(started)
    token = run(started, "token").stdout.strip()
    provider = open_provider(started)
    assert provider.from_token(token) == User("ada@lab.example", "hca")
    assert "shut out" in run(started, "user", "disable", "ada@lab.example").stderr
    assert listed(started)[0]["disabled"] is True
    with pytest.raises(HcaError, match="is disabled"):
        provider.from_token(token)
    run(started, "user", "enable", "ada@lab.example")
    assert provider.from_token(token) is not None
    assert "removed" in run(started, "user", "remove", "ada@lab.example").stderr
    assert listed(started) == []
    with pytest.raises(HcaError, match="does not exist any more"):
        provider.from_token(token)
    provider.close()


def test_an_administrator_comes_back_whom_another_has_disabled(started: Root) -> None:
    add(started, "ada@lab.example", "--admin")
    assert not started.auth.exists()
    assert run(started, "user", "enable", "ada@lab.example").exit_code == 0
    assert not started.auth.exists(), "where the auth service never ran, nobody is disabled"
    with closing(Records(started.auth)) as records:
        records.create("user", "ada@lab.example")
        records.set_status("ada@lab.example", "disabled")
        assert run(started, "user", "enable", "ADA@lab.example").exit_code == 0
        assert records.is_enabled("ada@lab.example")


def test_a_token_for_scripts(started: Root) -> None:
    add(started)
    result = run(started, "token", "ada@lab.example", "--seconds", "60")
    assert result.stdout.count("\n") == 1
    provider = open_provider(started)
    assert provider.from_token(result.stdout.strip()) == User("ada@lab.example", "hca")
    provider.close()


def test_whose_token_must_be_clear(started: Root) -> None:
    refused(run(started, "token"), "There are no accounts")
    add(started, "ada@lab.example")
    add(started, "bob@lab.example")
    refused(run(started, "token"), "Name one of ada@lab.example, bob@lab.example")
    refused(run(started, "token", "nobody@lab.example"), "hca local user add")


@pytest.mark.parametrize("seconds", ["0", "604801", "x"])
def test_a_token_lasts_up_to_a_week(started: Root, seconds: str) -> None:
    add(started)
    assert run(started, "token", "--seconds", seconds).exit_code == 2


@pytest.mark.parametrize("words", [["token", "ada@lab.example"], ["service-account", "create", "robot"]])
def test_before_the_first_start_there_are_no_tokens(root: Root, words: list[str]) -> None:
    add(root)
    refused(run(root, *words), "first start")
    assert json.loads(run(root, "service-account", "list").stdout) == []


@pytest.mark.parametrize("to_file", [True, False])
def test_a_service_account(started: Root, tmp_path: Path, to_file: bool) -> None:
    file = tmp_path / "key.json"
    if to_file:
        result = run(started, "service-account", "create", "robot", "--output-file", str(file))
        assert result.stdout == ""
        assert f"GOOGLE_APPLICATION_CREDENTIALS={file}" in result.stderr
    else:
        file.touch(mode=0o600)
        file.write_text(run(started, "service-account", "create", "robot").stdout)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = client.sign(client.read(file), AUDIENCE, time.time()).token
    provider = open_provider(started)
    assert provider.from_token(token) == User("robot@local.iam.gserviceaccount.com", "hca")
    provider.close()
    (found,) = json.loads(run(started, "service-account", "list").stdout)
    assert found["email"] == "robot@local.iam.gserviceaccount.com"
    assert "removed" in run(started, "service-account", "remove", "robot").stderr
    assert json.loads(run(started, "service-account", "list").stdout) == []


def test_a_key_file_replaces_nothing(started: Root, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("all of it")
    result = run(started, "service-account", "create", "robot", "--output-file", str(tmp_path / "thesis.tex"))
    refused(result, "exists already")
    assert (tmp_path / "thesis.tex").read_text() == "all of it"
    assert json.loads(run(started, "service-account", "list").stdout) == []


def test_a_key_that_cannot_be_written_is_no_account(started: Root, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(started, "service-account", "create", "robot", "--output-file", str(tmp_path / "file" / "key.json"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert json.loads(run(started, "service-account", "list").stdout) == []


def test_nothing_is_made_where_there_is_no_stack(tmp_path: Path) -> None:
    refused(run(Root(tmp_path / "none"), "user", "list"), "no local stack")
    assert not (tmp_path / "none").exists()


_ASK = """
import sys
import time
from pathlib import Path
from hca_core.cli.root import hca
from hca_local.accounts_cli import user
user(["add", "ada@lab.example", "--root", sys.argv[1]], obj=Context(lambda: None))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize("typed", [[PASSWORD, PASSWORD], [PASSWORD, "mistyped one", PASSWORD, PASSWORD]])
def test_on_a_terminal_the_password_is_asked_for_twice(root: Root, typed: list[str]) -> None:
    import pty

    child, terminal = pty.fork()
    if child == 0:
        words = ["local", "user", "add", "ada@lab.example", "--root", str(root.path)]
        os.execv(sys.executable, [sys.executable, "-m", "hca_core", *words])
    shown = b""
    for line in typed:
        while not shown.endswith(b": "):  # what is typed before the blank comes is thrown away
            shown += os.read(terminal, 1024)
        os.write(terminal, line.encode() + b"\n")
        shown += b"\n"
    try:
        while piece := os.read(terminal, 1024):
            shown += piece
    except OSError:  # Linux says so when the other side is closed
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    assert PASSWORD.encode() not in shown
    assert len(listed(root)) == 1


def test_describing_the_commands_is_cheap() -> None:
    code = "import sys, json, hca_local.accounts_cli; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"authlib", "joserfc", "sqlite3", "filelock", "cryptography", "hca_local.root"} & set(loaded)
