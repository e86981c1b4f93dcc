"""`minimum_should_match`: how many of some optional clauses have to be true."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["least"]

_AMOUNT = re.compile(r"(-?[0-9]{1,9})(%?)")
_CONDITION = re.compile(r"([0-9]{1,9})<(-?[0-9]{1,9}%?)")


def least(given: Any, optional: int) -> int:
    """Return the count that `given` means for `optional` clauses: 2, -1, 75%, -25%, or `2<-25% 9<-3`.

    The last form is for larger numbers: with more than 2 clauses a quarter may be missing, with more than 9 three.

    Raises:
        ValueError: it has none of these forms.
    """
    text = "" if isinstance(given, bool) else str(given).strip()
    if "<" not in text:
        return _count(text, optional)
    amount = "100%"
    for condition in re.sub(r"\s*<\s*", "<", text).split():
        found = _CONDITION.fullmatch(condition)
        if found is None:
            raise ValueError(f"{condition[:100]!r} is no condition such as 2<75%")
        if optional > int(found[1]):
            amount = found[2]
    return _count(amount, optional)


def _count(text: str, optional: int) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:100]!r} is no number or percentage")
    count = int(found[1])
    if found[2]:
        count = int(optional * count / 100)  # towards zero, also if it says how many may be missing
    return count if not text.startswith("-") else optional + count
