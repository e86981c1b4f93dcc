"""A stranger who follows the page about plugins ends with one that works: every block is used as it stands."""

import os
import re
import subprocess
import venv
from pathlib import Path

import pytest
from documented import ROOT, blocks, missing

PAGE = "docs/writing-a-plugin.md"
# The last name in the sentence above a block is its file.
FILE = re.compile(r"`([\w./-]+)`[^`\n]*:\n\n```(?:python|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```shell\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def script() -> str:
    """The page as a shell script that writes its files and runs its commands, in its order."""
    text = (ROOT / PAGE).read_text("utf-8")
    steps = {found.start(): f"mkdir -p $(dirname {found[1]})\ncat > {found[1]} <<'END'\n{found[2]}END\n"
             for found in FILE.finditer(text)}  # fmt: skip
    steps |= {found.start(): found[1] for found in SHELL.finditer(text)}
    return "set -eu\n" + "".join(step for _, step in sorted(steps.items()))


def environment(folder: Path) -> dict[str, str]:
    """Make an environment that has everything this one has and can be installed into; return how a shell uses it."""
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    here = Path(pytest.__file__).parents[1]
    (site / "everything.pth").write_text(f"import site; site.addsitedir({str(here)!r})\n")
    for command, module in {"hca": "hca_core", "pip": "pip", "pytest": "pytest"}.items():
        script = folder / "bin" / command
        script.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m {module} "$@"\n')
        script.chmod(0o755)
    # The build backend is installed; 0 is how pip is told through its environment not to isolate builds.
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **pip, "PATH": path, "PYTHONPATH": ""}


def test_every_block_is_used() -> None:
    page = blocks(PAGE, "shell", "text", "python", "json")
    fences = re.findall(r"^```\w*$", (ROOT / PAGE).read_text("utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(page)
    used = [text for _, text in FILE.findall((ROOT / PAGE).read_text("utf-8"))]
    assert used == [text for kind, text in page if kind in ("python", "json")]


@pytest.mark.slow
def test_the_page_works(tmp_path: Path) -> None:
    environ = environment(tmp_path / "venv")
    bash = ["bash", "-c", script()]
    done = subprocess.run(bash, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert missing(PAGE, done.stdout) == []
    assert "3 passed" in done.stdout
    assert "7 passed" in done.stdout
