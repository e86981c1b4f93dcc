"""The page about uploading does what it says, and what it shows is what comes out."""

from pathlib import Path

import pytest
from documented import blocks, missing, run

PAGE = "docs/upload.md"


@pytest.mark.slow
def test_the_page_about_uploading_works(tmp_path: Path) -> None:
    assert len(blocks(PAGE, "shell", "python")) >= 6
    assert missing(PAGE, run(PAGE, tmp_path)) == []
