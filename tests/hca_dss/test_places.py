"""Where files may go."""

from __future__ import annotations

from pathlib import Path

import pytest

from hca_core.errors import TransferError
from hca_dss.places import Places


def test_names_are_joined_to_the_root(tmp_path: Path) -> None:
    places = Places(tmp_path)
    assert places.join(("a", "b", "c.txt")) == tmp_path / "a/b/c.txt"
    assert places.join(("a",)) == tmp_path / "a"
    assert list(tmp_path.iterdir()) == []


def test_the_root_may_be_a_link_and_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert Places(tmp_path / "link").join(("a", "b")) == tmp_path / "link/a/b"
    assert Places(Path()).join(("a", "b")) == Path("a/b")


@pytest.mark.parametrize("linked", ["a", "a/b", "a/b/c"])
def test_a_link_anywhere_below_the_root_is_refused_every_time(tmp_path: Path, linked: str) -> None:
    path = tmp_path / "root" / linked
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path)
    places = Places(tmp_path / "root")
    for _ in range(2):
        with pytest.raises(TransferError, match=r"'a/b/c'.*symbolic link"):
            places.join(("a", "b", "c"))
