"""The keys to the object store that the service lends out for one area, about an hour at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from hca_core.errors import ApiError

if TYPE_CHECKING:
    from hca_core.transfer.s3client import TemporaryKeys

__all__ = ["read_keys"]

# Scripts let a shell read them, and requests are signed with them: nothing that means something there.
_HARMLESS = re.compile(r"[A-Za-z0-9/+=_.:~@%-]{1,8192}")


def read_keys(answer: Any) -> TemporaryKeys:
    """Return what the service has answered.

    Raises:
        ApiError: it makes no sense.
    """
    from hca_core.transfer.s3client import TemporaryKeys

    found = answer if isinstance(answer, Mapping) else {}
    texts = [found.get(name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    expires = _moment(found.get("Expiration"))
    if expires is None or not all(isinstance(text, str) and _HARMLESS.fullmatch(text) for text in texts):
        raise ApiError("What the upload service gave as credentials are none.", status=201)
    access_key, secret_key, session_token = map(str, texts)
    return TemporaryKeys(access_key, secret_key, session_token, expires)


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(re.sub("Z$", "+00:00", text))
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
