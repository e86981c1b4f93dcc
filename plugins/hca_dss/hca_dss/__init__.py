"""The Human Cell Atlas Data Storage System: files, bundles, collections and search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_core.lazy import lazily

if TYPE_CHECKING:
    from hca_dss.bundle import DSSFile as DSSFile
    from hca_dss.client import DSSClient as DSSClient
    from hca_dss.tasks import TaskRunner as TaskRunner

__all__ = ["DSSClient", "DSSFile", "TaskRunner"]

__getattr__ = lazily(
    __name__, {"DSSClient": "hca_dss.client", "DSSFile": "hca_dss.bundle", "TaskRunner": "hca_dss.tasks"}
)
