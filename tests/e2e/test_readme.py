"""The commands and the Python of the README do what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def script() -> str:
    """Return the README's shell blocks, with its Python block run before the services stop."""
    blocks = re.findall(r"^```(shell|python)\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [text if kind == "shell" else f"{sys.executable} - <<'PYTHON'\n{text}PYTHON\n" for kind, text in blocks]
    assert len(lines) >= 5
    return "set -eu\n" + "\n".join(lines)


@pytest.mark.slow
def test_the_readme_works(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "lung-bundle", tmp_path / "examples" / "lung-bundle")
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HCA_LOCAL_ROOT": str(tmp_path / "stack"),
    }
    try:
        run = subprocess.run(
            ["bash", "-c", script()], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=90, check=False
        )
    finally:
        subprocess.run(["hca", "local", "down"], env=environ, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    assert '"total_hits": 1' in run.stdout
    source = {path.relative_to(ROOT / "examples/lung-bundle") for path in (ROOT / "examples/lung-bundle").rglob("*.*")}
    for folder in ("downloaded", "from-python"):
        (bundle,) = (path for path in (tmp_path / folder).iterdir() if path.name != ".hca")
        found = {path.relative_to(bundle) for path in bundle.rglob("*.*")}
        assert found == source | {Path("bundle.json")}
