import sys
from pathlib import Path

import platformdirs
import pytest

from hca_core.folders import config_folder, own_folder


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere platformdirs itself is asked")
@pytest.mark.parametrize("kind", ["cache", "state", "data"])
@pytest.mark.parametrize("explicit", [True, False])
def test_folders_are_those_of_platformdirs(
    kind: str, explicit: bool, monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path
) -> None:
    environ = {f"XDG_{kind.upper()}_HOME": str(tmp_path)} if explicit else {}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    expected = getattr(platformdirs.PlatformDirs("hca", appauthor=False), f"user_{kind}_dir")
    assert own_folder(kind, {"HOME": str(home), **environ}) == own_folder(kind, environ) == expected


def test_the_folder_of_settings_is_the_documented_one() -> None:
    assert config_folder({"HOME": "/h"}) == "/h/.config/hca"
    assert config_folder({"XDG_CONFIG_HOME": "/elsewhere"}) == "/elsewhere/hca"
    assert config_folder({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}) == "/h/.config/hca"
