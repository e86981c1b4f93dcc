"""Which folders are hca's own, as texts: every start needs one of them, and loading pathlib takes longer than that."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

__all__ = ["config_folder", "own_folder"]

_LINUX: bool = sys.platform.startswith("linux")
_XDG = {
    "config": ("XDG_CONFIG_HOME", ".config"),
    "cache": ("XDG_CACHE_HOME", ".cache"),
    "state": ("XDG_STATE_HOME", ".local/state"),
    "data": ("XDG_DATA_HOME", ".local/share"),
}


def config_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of the user's settings: the documented one, unless only that of the platform exists."""
    documented = _xdg("config", environ)
    if _LINUX or os.path.isdir(documented) or environ.get("XDG_CONFIG_HOME"):
        return documented
    return _platform("config")


def own_folder(kind: str, environ: Mapping[str, str]) -> str:
    """Return the folder for one kind of files: `cache`, `state` or `data`."""
    # On Linux the rule is two lines; importing platformdirs would cost a fifth of the start-up time.
    return _xdg(kind, environ) if _LINUX else _platform(kind)


def _xdg(kind: str, environ: Mapping[str, str]) -> str:
    variable, default = _XDG[kind]
    base = environ.get(variable, "")
    if not os.path.isabs(base):
        base = os.path.join(environ.get("HOME") or os.path.expanduser("~"), default)
    return os.path.join(base, "hca")


def _platform(kind: str) -> str:
    from platformdirs import PlatformDirs

    return str(getattr(PlatformDirs("hca", appauthor=False), f"user_{kind}_dir"))
