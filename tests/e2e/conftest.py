"""Local stacks for tests, the real `hca` command to use them with, and a browser."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from browsers import Browser, chromium

from hca_core.testing import run

PASSWORD = "correct horse battery"


class Stack:
    """A local stack in a folder of its own; `environ` is what a shell has after `eval "$(hca local env)"`."""

    def __init__(self, root: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.root = root
        self.environ = {**environ, "HCA_LOCAL_ROOT": str(root)}
        self.facts: dict[str, Any] = {}

    def up(self, *options: str) -> None:
        self.facts = json.loads(self.hca("local", "up", *options).stdout)
        for line in self.hca("local", "env").stdout.splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.environ[name] = value.strip("'")

    def of_somebody(self, home: Path) -> Stack:
        """Return this stack as somebody with another home folder uses it."""
        own = Stack(self.root, {**self.environ, "HOME": str(home), "USERPROFILE": str(home)})
        own.facts = self.facts
        return own

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start `hca` and return the process; its output is captured."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([sys.executable, "-m", "hca_core", *words], env=self.environ, text=True, **pipes)

    def hca(self, *words: str, code: int = 0, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `hca` to its end, which must be exit code `code`."""
        process = self.start(*words, **({} if stdin is None else {"stdin": subprocess.PIPE}))
        out, err = process.communicate(stdin, timeout=100)
        assert process.returncode == code, f"hca {' '.join(words)} ended with {process.returncode}:\n{out}\n{err}"
        return subprocess.CompletedProcess(words, code, out, err)


def add_account(stack: Stack, email: str, *options: str) -> None:
    """Add somebody who can log in with PASSWORD."""
    words = ("local", "user", "add", email, "--password-stdin", "--root", str(stack.root), *options)
    added = run(*words, stdin=f"{PASSWORD}\n")
    assert added.code == 0, added.stderr


class Login:
    """`hca … login` while it waits for somebody to open `url`."""

    def __init__(self, stack: Stack, *words: str) -> None:
        self._process = stack.start(*words, stdin=subprocess.PIPE)
        assert self._process.stderr is not None
        self.url = next(line.strip() for line in self._process.stderr if line.startswith("http"))

    def end(self, code: int = 0, pasted: str | None = None) -> str:
        """Return what it said in the end; its exit code must be `code`."""
        out, err = self._process.communicate(pasted, timeout=60)
        assert (self._process.returncode, out) == (code, ""), err
        return err


def sign_in(browser: Browser, email: str, password: str = PASSWORD) -> None:
    """Fill in the page on which a login begins."""
    browser.fill("E-mail address", email)
    browser.fill("Password", password)
    browser.press("Sign in")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A running stack, stopped at the end of the test."""
    made = Stack(tmp_path / "stack")
    made.up()
    yield made
    made.hca("local", "down")


@pytest.fixture(scope="session")
def login_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack for many tests, at which everybody has to log in."""
    folder = tmp_path_factory.mktemp("login")
    made = Stack(folder / "stack", _without_settings(folder))
    made.up("--require-login")
    yield made
    made.hca("local", "down")


@pytest.fixture
def people(login_stack: Stack) -> Iterator[str]:
    """E-mail addresses of ever more people who can log in at `login_stack`, of whom it knows nothing else yet."""

    def more() -> Iterator[str]:
        while True:
            email = f"ada-{secrets.token_hex(4)}@lab.example"
            add_account(login_stack, email)
            yield email

    return more()


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """Chromium, as Playwright calls it; the test is skipped where one of them is not installed."""
    with chromium() as started:
        yield started


def _without_settings(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has set nothing up, for what begins before a test has a home."""
    foreign = ("HCA_", "AWS_", "XDG_", "GOOGLE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    return {**kept, "HOME": str(home), "USERPROFILE": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
