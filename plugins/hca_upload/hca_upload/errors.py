"""What can go wrong with upload areas."""

from __future__ import annotations

from hca_core.errors import ArgumentError, HcaError, TransferError

__all__ = ["UploadException", "UploadIncomplete", "UploadRefused"]


class UploadException(HcaError, RuntimeError):
    """Something about an upload area cannot be done as asked."""


class UploadRefused(UploadException, ArgumentError):
    """What was to be uploaded makes no sense; nothing was sent."""


class UploadIncomplete(UploadException, TransferError):
    """Some files did not arrive, or the service was not told of them; `report` lists them."""
