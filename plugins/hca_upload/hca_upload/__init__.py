"""The Human Cell Atlas upload service: upload areas, and the files in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_core.lazy import lazily

if TYPE_CHECKING:
    from hca_upload.area import UploadArea as UploadArea
    from hca_upload.area_uri import UploadAreaURI as UploadAreaURI
    from hca_upload.errors import UploadException as UploadException
    from hca_upload.selection import UploadConfig as UploadConfig
    from hca_upload.service import UploadService as UploadService

__all__ = ["UploadArea", "UploadAreaURI", "UploadConfig", "UploadException", "UploadService"]

__getattr__ = lazily(
    __name__,
    {
        "UploadArea": "hca_upload.area",
        "UploadAreaURI": "hca_upload.area_uri",
        "UploadConfig": "hca_upload.selection",
        "UploadException": "hca_upload.errors",
        "UploadService": "hca_upload.service",
    },
)
