"""The generated pages are what the code says, whoever generates them; the site builds, and its links lead somewhere."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hca_core.app import App
from hca_core.cli.root import hca
from hca_core.openapi.names import identifier

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "COLUMNS": "30",
    "LC_ALL": "C",
    "HCA_PLUGINS": "",
    "HCA_PROFILE": "no such profile",
    "HCA_CONFIG_FILE": "/no/such/file.json",
    "HCA_LOCAL_ROOT": "/no/such/folder",
}


def generate(root: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "docs" / "generate.py"), *words]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("environ", [{}, ELSEWHERE])
def test_the_pages_are_current(environ: dict[str, str]) -> None:
    checked = generate(ROOT, "--check", **environ)
    assert checked.returncode == 0, checked.stderr


def test_stale_pages_are_named_and_put_right(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("_build"))
    for manifest in ROOT.glob("plugins/*/pyproject.toml"):
        (tmp_path / "plugins" / manifest.parent.name).mkdir(parents=True)
        (tmp_path / "plugins" / manifest.parent.name / manifest.name).touch()
    commands, settings = tmp_path / "docs" / "cli.md", tmp_path / "docs" / "configuration.md"
    as_committed = settings.read_text("utf-8")
    commands.unlink()
    settings.write_text(as_committed.replace("| `creator_uid` | `0`", "| `creator_uid` | `1`"), "utf-8")
    checked = generate(tmp_path, "--check")
    assert checked.returncode == 1
    assert "docs/cli.md, docs/configuration.md." in checked.stderr
    assert not commands.exists()
    assert generate(tmp_path).returncode == 0
    assert commands.read_bytes() == (ROOT / "docs" / "cli.md").read_bytes()
    assert settings.read_text("utf-8") == as_committed


def helps(*words: str) -> Iterator[tuple[str, str]]:
    """Yield the help of a command and of all below it, as a user sees it."""
    text = CliRunner().invoke(hca, [*words, "--help"], terminal_width=200).output
    yield " ".join(["hca", *words]), text
    for name in re.findall(r"^  ([a-z][a-z0-9.-]*)  ", text, re.MULTILINE):
        yield from helps(*words, name)


def test_every_command_and_option_is_listed() -> None:
    text = (ROOT / "docs" / "cli.md").read_text("utf-8")
    sections = dict(re.findall(r"^##+ (hca.*)\n((?:(?!#).*\n)*)", text, re.MULTILINE))
    found = dict(helps())
    assert len(found) > 30
    assert sections.keys() == found.keys()
    for command, shown in found.items():
        options = re.findall(r"^  (?:-\w, )?(--[\w-]+)", shown, re.MULTILINE)
        listed = re.findall(r"^\| `(?:-\w, )?(--[\w-]+)", sections[command], re.MULTILINE)
        assert listed == [option for option in options if option != "--help"], command


@pytest.mark.parametrize("service", ["auth", "dss"])
def test_every_method_is_listed(service: str) -> None:
    text = (ROOT / "docs" / f"{service}-methods.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (\w+)\n((?:(?!#).*\n)*)", text, re.MULTILINE))
    with App().client(service) as client:
        assert list(sections) == [identifier(operation.name) for operation in client.api.operations]
        for name, section in sections.items():
            arguments = re.findall(r"^\| `(\w+)`", section, re.MULTILINE)
            assert arguments == list(client.method(name).__signature__.parameters), name


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("plugins/*/*.md")], ids=lambda page: page.name)
def test_links_of_pages_outside_the_site(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def build(pages: Path, site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("sphinx")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", *words, str(pages), str(site)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    built = build(ROOT / "docs", tmp_path)
    assert built.returncode == 0, built.stderr
    assert "hca dss get-bundle" in (tmp_path / "cli.html").read_text("utf-8")


def test_every_broken_link_fails_the_build(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs" / "conf.py", tmp_path)
    (tmp_path / "index.md").write_text("# Page\n\n[fine](#page), <https://example.org/>\n")
    assert build(tmp_path, tmp_path / "site", "-b", "dummy").returncode == 0
    broken = [
        "[page](nowhere.md)",
        "[part](#nowhere)",
        "<http://example.org>",
        "<https://nowhere>",
        "<ftp://a.example>",
    ]
    for number, link in enumerate(broken):
        (tmp_path / f"page-{number}.md").write_text(f"---\norphan: true\n---\n\n# Page\n\n{link}\n")
    built = build(tmp_path, tmp_path / "site", "-b", "dummy", "--keep-going")
    assert built.returncode == 1
    assert set(re.findall(r"page-(\d)\.md", built.stderr)) == set("01234")
