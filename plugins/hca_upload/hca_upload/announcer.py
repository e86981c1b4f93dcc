"""Tells the service of files that have arrived."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hca_core.errors import HcaError, NetworkError
from hca_upload.errors import UploadException

__all__ = ["Announcer"]

_UNANSWERED = 8  # failures in a row after which the service is not asked any more


class Announcer:
    """Calls `announce` for each file; once nobody answers any more, it stops that, and the files still go their way."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._lock = threading.Lock()
        self._unanswered = 0

    def tell(self, name: str) -> UploadException | None:
        """Tell the service of a file; return what went wrong, if anything did."""
        if self._unanswered >= _UNANSWERED:
            return _failure("it does not answer any more")
        try:
            self._announce(name)
        except HcaError as error:
            with self._lock:
                self._unanswered = self._unanswered + 1 if isinstance(error, NetworkError) else 0
            failure = _failure(error.message)
            failure.__cause__ = error
            return failure
        with self._lock:
            self._unanswered = 0
        return None


def _failure(reason: str) -> UploadException:
    return UploadException(
        f"it has arrived, but the upload service could not be told: {reason}",
        hint="Upload it again with --sync: then it is only announced.",
    )
