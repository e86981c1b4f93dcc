"""What the user has decided: files, profiles and the command line merged into one view with origins."""

from __future__ import annotations

from hca_core.settings.config import HCAConfig
from hca_core.settings.view import Entry, Settings, load

__all__ = ["Entry", "HCAConfig", "Settings", "load"]
