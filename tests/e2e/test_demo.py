"""`make demo` keeps its promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


@pytest.mark.slow
def test_the_demonstration_succeeds() -> None:
    run = subprocess.run([sys.executable, DEMO], capture_output=True, text=True, timeout=110, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    for promise in (
        "the search finds this bundle",
        "every byte is as in the source",
        "of it were kept",
        "files were sent again",
    ):
        assert f"{promise}\n" in run.stdout
    assert re.search(r"Done: 11 files, 8\.\d MB; up in .* MB/s\), down in .* MB/s\)", run.stdout)
    assert "Traceback" not in run.stderr
