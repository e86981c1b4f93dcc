"""Which settings must not be shown, and what is shown instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["MASK", "masked"]

MASK = "********"
_SECRET_NAME = re.compile(r"(token|secret|password|passphrase|api_?key|private_?key)s?$", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def masked(path: tuple[str, ...], value: Any, *, secret: bool = False) -> Any:
    """Return `value` as it may be shown: hidden if declared `secret` or named like one; URLs without passwords."""
    if value is None:
        return None
    if secret or any(_SECRET_NAME.search(str(name)) for name in path):
        return MASK
    if isinstance(value, Mapping):
        return {name: masked((name,), item) for name, item in value.items()}
    if isinstance(value, list):
        return [masked((), item) for item in value]
    return _USER_IN_URL.sub(MASK, value) if isinstance(value, str) else value
