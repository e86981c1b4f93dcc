"""The configuration object of the documentation: `HCAConfig()["DSSClient"].swagger_url`."""

from __future__ import annotations

from functools import cache
from typing import Any

from hca_core import settings
from hca_core.plugins import Plugins

__all__ = ["HCAConfig", "get_config"]


class HCAConfig(settings.HCAConfig):
    """All settings with the defaults of every installed plugin; see `hca_core.settings.HCAConfig`."""

    def __init__(self, **options: Any) -> None:
        plugins = Plugins()
        super().__init__(plugins.settings(), profiles=plugins.profiles(), **options)


@cache
def get_config() -> HCAConfig:
    """Return the configuration that everything in this process shares."""
    return HCAConfig()
