"""JSON pointers (RFC 6901): the way to one part of a JSON document."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["PointerError", "resolve"]

_STEP = re.compile(r"([^~]|~[01])*", re.DOTALL)
_INDEX = re.compile(r"0|[1-9][0-9]{0,17}")


class PointerError(ValueError):
    """The pointer is none, or leads nowhere in this document; the message says why."""


def resolve(document: Any, pointer: str) -> Any:
    """Return the part of `document` that `pointer` leads to; an empty pointer leads to the whole.

    Raises:
        PointerError: it is no JSON pointer, or there is nothing.
    """
    start, *steps = pointer.split("/")
    if start:
        raise PointerError("it does not begin with `/`")
    for step in steps:
        if not _STEP.fullmatch(step):
            raise PointerError("it has a `~` that is followed neither by 0 nor by 1")
        document = _child(document, step.replace("~1", "/").replace("~0", "~"))
    return document


def _child(node: Any, step: str) -> Any:
    if isinstance(node, dict) and step in node:
        return node[step]
    if isinstance(node, list) and _INDEX.fullmatch(step) and int(step) < len(node):
        return node[int(step)]
    raise PointerError(f"there is no {step[:100]!r}")
