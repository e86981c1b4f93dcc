"""The distributions can be built, installed apart from each other, and agree on their version."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]


def test_all_distributions_have_one_version() -> None:
    import hca_core

    versions = {re.search(r'^version = "(.*)"$', file.read_text(), re.MULTILINE)[1] for file in PROJECTS}
    assert versions == {hca_core.__version__}
    assert f"## {hca_core.__version__}" in (ROOT / "CHANGELOG.md").read_text()


PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md")]
INSTALLATIONS = [
    pytest.param(line, id=f"{page.relative_to(ROOT)}: {line}")
    for page in PAGES
    for line in re.findall(r"pip install ([^`\n#]*plugins/[^`\n#]*)", page.read_text("utf-8"))
]


@pytest.mark.parametrize("line", INSTALLATIONS)
def test_what_pages_tell_to_install_has_all_it_needs_of_ours(line: str) -> None:
    """None of our distributions is on an index, where somebody else might take its name."""
    named = {word.strip("'").partition("[")[0].removeprefix("./") for word in line.split() if "-" not in word[:1]}
    ours = {("." if name == "hca_core" else f"plugins/{name}") for place in named for name in needed(place)}
    assert ours <= named


def needed(place: str) -> set[str]:
    """Return the distributions of ours that the one in this folder names, as their folders are called."""
    dependencies = re.search(r"^dependencies = \[(.*?)\]$", (ROOT / place / "pyproject.toml").read_text(), re.M | re.S)
    assert dependencies
    return {name.replace("-", "_") for name in re.findall(r'"(hca-\w+)', dependencies[1])}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_wheels_give_dss_and_nothing_else(tmp_path: Path) -> None:
    wheels, home = tmp_path / "wheels", tmp_path / "venv"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    projects = [str(ROOT), str(ROOT / "plugins" / "hca_dss")]
    # The build backend is among the developers' tools, so that building needs no network and no second environment.
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels)]
    subprocess.run([*pip, *build, *projects], check=True)
    assert len(list(wheels.iterdir())) == 2
    # The dependencies are those of this environment; only our own packages are installed anew.
    venv.create(home, with_pip=False, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(str(dependencies(tmp_path / "dependencies")))
    install = ["--python", str(home / "bin" / "python"), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, *install, *map(str, wheels.iterdir())], check=True)

    def hca(*words: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PYTHONPATH": ""}
        return subprocess.run([home / "bin" / "hca", *words], capture_output=True, text=True, check=False, env=environ)

    assert "dss" in hca("--help").stdout
    assert "local" not in hca("--help").stdout
    assert "--presignedurls" in hca("dss", "get-bundle", "--help").stdout
    missing = hca("auth")
    assert missing.returncode == 2
    assert "provided by the package hca-auth" in missing.stderr


def dependencies(folder: Path) -> Path:
    """Link every package of this environment but our own into `folder`."""
    import click

    folder.mkdir()
    site = Path(click.__file__).parents[1]
    for entry in site.iterdir():
        if not entry.name.lower().startswith(("hca", "_hca", "__editable__")) and not entry.name.endswith(".pth"):
            (folder / entry.name).symlink_to(entry)
    return folder
