"""The commands and the Python of the README do what it says."""

from pathlib import Path

import pytest
from documented import blocks, run


@pytest.mark.slow
def test_the_readme_works(tmp_path: Path) -> None:
    assert len(blocks("README.md", "shell", "python")) >= 5
    printed = run("README.md", tmp_path)
    assert '"total_hits": 1' in printed
    original = tmp_path / "examples" / "lung-bundle"
    source = {path.relative_to(original) for path in original.rglob("*.*")}
    for folder in ("downloaded", "from-python"):
        (bundle,) = (path for path in (tmp_path / folder).iterdir() if path.name != ".hca")
        found = {path.relative_to(bundle) for path in bundle.rglob("*.*")}
        assert found == source | {Path("bundle.json")}
