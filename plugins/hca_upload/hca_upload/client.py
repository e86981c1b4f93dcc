"""The client of the upload service: one method per operation of its API."""

from __future__ import annotations

from hca_core.client import ApiClient

__all__ = ["UploadClient"]


class UploadClient(ApiClient):
    """A client of the upload service."""

    service = "upload"
