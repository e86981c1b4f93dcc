"""What kind of value a setting takes, in words, and whether a value is one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hca_core.records import SettingSpec

__all__ = ["kind", "kind_of", "mismatch", "wanted_kind"]

# In this order, because true and false are whole numbers for Python.
_KINDS: Mapping[str, tuple[type, str]] = {
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "number": (float, "a number"),
    "text": (str, "text"),
    "list": (list, "a list"),
    "object": (dict, "an object"),
}


def kind(value: Any) -> str:
    """Return what a JSON value is, in words."""
    if value is None:
        return "null"
    name = kind_of(value)
    return _KINDS[name][1] if name else type(value).__name__


def kind_of(value: Any) -> str:
    """Return the name of the kind that a value is of, as a `SettingSpec` has it; nothing for None."""
    kinds = {**_KINDS, "object": (Mapping, "")}
    return next((name for name, (type_, _) in kinds.items() if isinstance(value, type_)), "")


def wanted_kind(spec: SettingSpec) -> str:
    """Return the name of the kind that a setting takes; nothing if it takes any."""
    return spec.kind or kind_of(spec.default)


def mismatch(value: Any, spec: SettingSpec) -> str | None:
    """Return what the value of a setting should be, if it cannot be this one."""
    wanted = wanted_kind(spec)
    if wanted not in _KINDS or (value is None and spec.default is None):
        return None
    found = kind_of(value)
    if found != wanted and (found, wanted) != ("integer", "number"):
        return _KINDS[wanted][1]
    if found in ("integer", "number"):
        return _misfit(value, spec.minimum)
    if spec.choices and value.casefold() not in map(str.casefold, spec.choices):
        return f"one of {', '.join(spec.choices)}"
    return None


def _misfit(value: float, minimum: float | None) -> str | None:
    if not math.isfinite(value):
        return "a number that can be counted to"
    return None if minimum is None or value >= minimum else f"at least {minimum:g}"
