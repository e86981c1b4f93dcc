"""A new plugin is complete: it can be installed, its own tests pass, and the tools have nothing to say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hca_core import scaffold
from hca_core.errors import ArgumentError
from hca_core.testing import assert_plugin_conforms

NAMES = ["hello", "deep_sea2"]


def run(*words: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("name", [*NAMES, "x", "match", "a" * 40])
def test_good_names(name: str) -> None:
    scaffold.check_name(name, {"dss": "hca-dss 1.0"})


@pytest.mark.parametrize(
    "name",
    ["", "Hello", "2x", "_x", "x_", "x__y", "a-b", "a.b", "a b", "x\n", "ä", "../x", "/x", "a" * 41, "x;y", "$x", "x٣"],
)
def test_bad_names(name: str) -> None:
    with pytest.raises(ArgumentError, match="cannot be the name of a plugin") as caught:
        scaffold.check_name(name, {})
    assert "lower-case" in caught.value.hint


@pytest.mark.parametrize("name", ["class", "import", "lambda"])
def test_words_of_python(name: str) -> None:
    with pytest.raises(ArgumentError, match=f"'{name}' cannot be the name of a plugin: it is a word of"):
        scaffold.check_name(name, {})


def test_taken_names() -> None:
    with pytest.raises(ArgumentError, match=r"The name 'dss' is taken by hca-dss 1\.0\."):
        scaffold.check_name("dss", {"dss": "hca-dss 1.0"})


def test_files_of_a_plugin() -> None:
    files = scaffold.files("deep_sea")
    assert set(files) == {
        "README.md",
        "hca_deep_sea/__init__.py",
        "hca_deep_sea/cli.py",
        "hca_deep_sea/plugin.py",
        "pyproject.toml",
        "tests/conftest.py",
        "tests/test_deep_sea.py",
    }
    assert 'name = "hca-deep-sea"' in files["pyproject.toml"]
    assert "$" not in "".join(files.values())


@pytest.mark.parametrize(
    ("version", "wanted"), [("9.0.0.dev0", "hca-core>=9.0.0.dev0,<10"), ("10.2.1", "hca-core>=10.2.1,<11")]
)
def test_the_core_may_grow_until_the_next_major_version(version: str, wanted: str) -> None:
    assert f'"{wanted}"' in scaffold.files("hello", version)["pyproject.toml"]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_exists_is_left_alone(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "hca-hello"
    {"folder": target.mkdir, "file": target.touch, "link": lambda: target.symlink_to("nowhere")}[kind]()
    with pytest.raises(ArgumentError, match="hca-hello exists already"):
        scaffold.write("hello", tmp_path)
    assert list(tmp_path.iterdir()) == [target]
    assert not target.is_dir() or list(target.iterdir()) == []


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        scaffold.write("hello", tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_code_is_clean(tmp_path: Path) -> None:
    for name in NAMES:
        scaffold.write(name, tmp_path)
    for words in (["check", "--select", "E,F,W,I,B,UP,SIM,RUF,PT,N"], ["format", "--check"]):
        done = run("ruff", *words, "--isolated", tmp_path)
        assert done.returncode == 0, done.stdout


def test_types_are_right(tmp_path: Path) -> None:
    folder = scaffold.write("hello", tmp_path)
    done = run("mypy", "--strict", "--cache-dir", tmp_path / "cache", "hca_hello", cwd=folder)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_an_installed_plugin_passes_its_own_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [scaffold.write(name, tmp_path) for name in NAMES]
    site = tmp_path / "site"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    installed = run("pip", "install", *options, *folders)
    assert installed.returncode == 0, installed.stderr
    environ = {**os.environ, "PYTHONPATH": str(site)}
    for folder in folders:
        # Not the sources in the folder: what was installed must be whole.
        options = ["-W", "error", "-p", "no:cacheprovider", "--basetemp", tmp_path / "inner"]
        tested = run("pytest", *options, folder / "tests", cwd=site, env=environ)
        assert "3 passed" in tested.stdout, tested.stdout + tested.stderr
    greeted = run("hca_core", "deep_sea2", "--name", "Ada", cwd=tmp_path, env=environ)
    assert greeted.stdout == '{\n  "greeting": "Hello, Ada!"\n}\n'
    monkeypatch.syspath_prepend(str(site))
    assert_plugin_conforms("hca-deep-sea2")
