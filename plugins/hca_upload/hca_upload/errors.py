"""What can go wrong with upload areas."""

from __future__ import annotations

from hca_core.errors import ArgumentError, HcaError, NetworkError, TransferError

__all__ = ["ChecksFailed", "ChecksPending", "UploadException", "UploadIncomplete", "UploadRefused"]


class UploadException(HcaError, RuntimeError):
    """Something about an upload area cannot be done as asked."""


class UploadRefused(UploadException, ArgumentError):
    """What was to be uploaded makes no sense; nothing was sent."""


class UploadIncomplete(UploadException, TransferError):
    """Some files did not arrive, or the service was not told of them; `report` lists them."""


class ChecksFailed(UploadException, TransferError):
    """The service found something wrong with a file, or has given up on it."""


class ChecksPending(UploadException, NetworkError):
    """The service was not done with a file in time; later it may be."""
