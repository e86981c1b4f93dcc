"""The story of the page about the auth service happens as it is told."""

from pathlib import Path

import pytest
from documented import blocks, missing, run

PAGE = "docs/auth.md"


@pytest.mark.slow
def test_the_story_happens(tmp_path: Path) -> None:
    assert len(blocks(PAGE, "shell", "python")) >= 8
    printed = run(PAGE, tmp_path)
    assert missing(PAGE, printed) == []
    assert printed.count('"grace@lab.example"\n') >= 2, "she was seen in the group"
    assert printed.endswith("False\ndefault_user\nfusillade_admin\n"), "and everything was taken away again"
