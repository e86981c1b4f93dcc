"""The tutorial does what it says, and what it shows is what comes out."""

import json
from pathlib import Path

import pytest
from documented import blocks, missing, run

PAGE = "docs/tutorial.md"


@pytest.mark.slow
def test_the_tutorial_works(tmp_path: Path) -> None:
    assert len(blocks(PAGE, "shell", "python")) >= 12
    printed = run(PAGE, tmp_path)
    assert missing(PAGE, printed) == []
    work = tmp_path / "hca-tutorial"
    original = work / "examples" / "lung-bundle"
    source = contents(original)
    assert len(source) == 11
    for name in ("downloads", "again", "from-python"):
        assert contents(bundle(work / name)) == source, name
    assert contents(bundle(work / "partly")).keys() == {name for name in source if name.endswith(".json")}
    lines = [json.loads(line) for line in (work / "report.jsonl").read_text().splitlines()]
    assert sum(line["transferred"] for line in lines) < sum(map(len, source.values()))


def bundle(downloads: Path) -> Path:
    (folder,) = (path for path in downloads.iterdir() if path.name != ".hca")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of the files of a bundle, without the DSS's own document."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "bundle.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
