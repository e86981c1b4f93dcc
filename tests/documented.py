"""Runs what a page of the documentation shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def blocks(page: str, *kinds: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of these kinds: kind and text, in the order of the page."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [(kind, text) for kind, text in found if kind in kinds]


def script(page: str) -> str:
    """Return a page's shell and Python blocks as one shell script that stops at the first failure."""
    lines = [
        text if kind == "shell" else f"python3 - <<'PYTHON'\n{text}PYTHON\n"
        for kind, text in blocks(page, "shell", "python")
    ]
    return "set -eu\n" + "\n".join(lines)


def run(page: str, folder: Path) -> str:
    """Run a page's blocks in `folder`, as in a checkout without generated files, and return what they print."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("reads*", "__pycache__"))
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HCA_LOCAL_ROOT": str(folder / "stack"),
    }
    bash = ["bash", "-c", script(page)]
    try:
        done = subprocess.run(bash, cwd=folder, env=environ, capture_output=True, text=True, timeout=110, check=False)
    finally:
        subprocess.run(["hca", "local", "down"], env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def missing(page: str, output: str) -> list[str]:
    """Return the `text` blocks of a page that do not occur in `output` in this order; `…` stands for anything."""
    not_found = []
    for _, text in blocks(page, "text"):
        pattern = ".*?".join(map(re.escape, text.split("…")))
        found = re.search(pattern, output, re.DOTALL)
        if found:
            output = output[found.end() :]
        else:
            not_found.append(text)
    return not_found
