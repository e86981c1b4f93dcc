"""The Human Cell Atlas Data Storage System: files, bundles, collections and search."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hca_dss.bundle import DSSFile as DSSFile
    from hca_dss.client import DSSClient as DSSClient
    from hca_dss.tasks import TaskRunner as TaskRunner

__all__ = ["DSSClient", "DSSFile", "TaskRunner"]

_HOMES = {"DSSClient": "hca_dss.client", "DSSFile": "hca_dss.bundle", "TaskRunner": "hca_dss.tasks"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
