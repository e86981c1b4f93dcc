"""What can go wrong with upload areas."""

from __future__ import annotations

from hca_core.errors import HcaError, TransferError

__all__ = ["UploadException", "UploadIncomplete"]


class UploadException(HcaError, RuntimeError):
    """Something about an upload area cannot be done as asked."""


class UploadIncomplete(UploadException, TransferError):
    """Some files did not arrive, or the service was not told of them; `report` lists every file."""
