from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hca_core.cli.root import hca
from hca_local import control
from hca_local.options import Options, choose, read_options
from hca_local.root import Root
from hca_local.state import is_held

from .conftest import Stack
from .test_listener import free_ports


def run(*words: str, **options: Any) -> Result:
    return CliRunner().invoke(hca, ["local", *words], **options)


def at(root: Root) -> tuple[str, str]:
    return "--root", str(root.path)


def test_help_names_every_command() -> None:
    listed = run("--help").stdout
    assert all(f"\n  {name} " in listed for name in ("up", "status", "env", "down", "reset", "logs"))


def test_up_of_a_running_stack_prints_where_it_is(stack: Stack) -> None:
    state, _ = stack.start()
    result = run("up", *at(stack.root))
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found == control.describe(stack.root, state)
    assert found["dss_url"] == state.url("dss")
    assert found["staging_bucket"] == "staging"
    assert "is up already" in result.stderr


@pytest.mark.parametrize("way", [[], ["--foreground"]])
def test_up_on_another_port_is_refused(stack: Stack, way: list[str]) -> None:
    stack.start()
    result = run("up", *at(stack.root), "--port", str(free_ports()), *way)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "already runs on port" in result.stderr


@pytest.mark.parametrize("port", ["0", "65535", "x"])
def test_up_refuses_impossible_ports(root: Root, port: str) -> None:
    assert run("up", *at(root), "--port", port).exit_code == 2


def test_up_remembers_how_slow_the_stack_is_to_be(stack: Stack) -> None:
    choose(stack.root, {"replication_seconds": 7})
    stack.start()
    slow = ("--checkout-seconds", "2.5", "--async-threshold", "100")
    refused = run("up", *at(stack.root), *slow)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "other options" in refused.stderr
    assert "hca local down" in refused.stderr
    stack.kill()
    assert run("up", *at(stack.root), *slow).exit_code == 0
    assert read_options(stack.root) == Options(2.5, 7, 100)


@pytest.mark.parametrize("word", ["-1", "x", "nan", "inf"])
@pytest.mark.parametrize("name", ["--checkout-seconds", "--replication-seconds", "--async-threshold"])
def test_up_refuses_impossible_options(root: Root, name: str, word: str) -> None:
    refused = run("up", *at(root), name, word)
    assert refused.exit_code in (1, 2)
    assert isinstance(refused.exception, SystemExit)
    assert read_options(root) == Options()


def test_up_refuses_a_folder_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    result = run("up", "--root", str(tmp_path))
    assert result.exit_code == 3
    assert "holds other things" in result.stderr


def test_status(stack: Stack) -> None:
    assert json.loads(run("status", *at(stack.root)).stdout) == {"running": False, "root": str(stack.root.path)}
    state, _ = stack.start()
    result = run("status", *at(stack.root))
    assert result.exit_code == 0
    assert json.loads(result.stdout) == control.describe(stack.root, state)


def test_status_of_nothing_makes_nothing(tmp_path: Path) -> None:
    result = run("status", "--root", str(tmp_path / "none"))
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"running": False, "root": str(tmp_path / "none")}
    assert not (tmp_path / "none").exists()


def test_the_root_may_come_from_the_environment(stack: Stack) -> None:
    stack.start()
    result = run("status", env={"HCA_LOCAL_ROOT": str(stack.root.path)})
    assert json.loads(result.stdout)["running"] is True


def test_env(stack: Stack) -> None:
    state, _ = stack.start()
    result = run("env", *at(stack.root))
    assert result.stdout.splitlines() == control.environment(stack.root, state, {})
    assert result.stderr == ""


def test_env_says_what_it_unsets(stack: Stack) -> None:
    stack.start()
    result = run("env", *at(stack.root), env={"AWS_PROFILE": "work"})
    assert result.stdout.splitlines()[-1] == "unset AWS_PROFILE"
    assert "AWS_PROFILE" in result.stderr


def test_env_needs_a_running_stack(root: Root) -> None:
    result = run("env", *at(root))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is not running" in result.stderr


@pytest.mark.parametrize("command", ["env", "reset", "logs"])
def test_what_needs_a_stack_says_so(tmp_path: Path, command: str) -> None:
    (tmp_path / "thesis.tex").touch()
    result = run(command, "--root", str(tmp_path), *(["--yes"] if command == "reset" else []))
    assert result.exit_code == 1
    assert "There is no local stack" in result.stderr
    assert (tmp_path / "thesis.tex").exists()


def test_down(stack: Stack) -> None:
    stack.start()
    result = run("down", *at(stack.root))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "its data stays" in result.stderr
    assert not is_held(stack.root)
    assert "was not running" in run("down", *at(stack.root)).stderr


def test_reset_needs_a_yes(root: Root) -> None:
    result = run("reset", *at(root))
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert root.marker.exists()


def test_reset_deletes(root: Root) -> None:
    assert run("reset", *at(root), "--yes").exit_code == 0
    assert not root.path.exists()


def test_reset_refuses_while_the_stack_runs(stack: Stack) -> None:
    stack.start()
    result = run("reset", *at(stack.root), "--yes")
    assert result.exit_code == 1
    assert "hca local down" in result.stderr
    assert is_held(stack.root)


def test_logs(stack: Stack) -> None:
    stack.start()
    assert "serves the DSS" in run("logs", *at(stack.root)).stdout
    with stack.root.log_file.open("a") as log:
        log.write("GET /\x1b[2J\n")
    assert run("logs", *at(stack.root)).stdout.endswith("GET /\\x1b[2J\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("answer", "left"), [("n", True), ("y", False)])
def test_reset_asks_on_a_terminal(root: Root, answer: str, left: bool) -> None:
    import pty

    own, theirs = pty.openpty()
    os.write(own, f"{answer}\n".encode())
    words = [sys.executable, "-m", "hca_core", "local", "reset", *at(root)]
    done = subprocess.run(words, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    os.close(own)
    os.close(theirs)
    assert f"Delete {root.path}" in done.stderr
    assert root.path.exists() is left
