"""JMESPath expressions, which others write and the service evaluates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jmespath

__all__ = ["MAX_ATTACHMENTS", "ExpressionError", "attachments", "check", "evaluate", "matches"]

MAX_ATTACHMENTS = 128 * 1024  # bytes, as JSON

# Beside its own errors (which are ValueErrors), the library lets through those of Python for values it did not expect.
_FAILURES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)


class ExpressionError(ValueError):
    """The expression is none, or cannot be evaluated for this document; the message says why."""


def check(expression: str) -> None:
    """Refuse what is no expression.

    Raises:
        ExpressionError: it is none.
    """
    try:
        jmespath.compile(expression)
    except _FAILURES as error:
        raise ExpressionError(_reason(error)) from None


def evaluate(expression: str, document: Any) -> Any:
    """Return what an expression finds in a document, None if there is nothing.

    Raises:
        ExpressionError: it cannot be evaluated.
    """
    try:
        return jmespath.search(expression, document)
    except _FAILURES as error:
        raise ExpressionError(_reason(error)) from None


def matches(expression: str, document: Any) -> bool:
    """Return whether an expression finds something true in a document.

    Raises:
        ExpressionError: it cannot be evaluated.
    """
    return bool(evaluate(expression, document))


def attachments(expressions: Mapping[str, str], document: Any) -> dict[str, Any]:
    """Return what each expression finds, by its name; `_errors` has those that fail, or says that it is too much."""
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, expression in expressions.items():
        try:
            found[name] = _json_value(evaluate(expression, document))
        except ExpressionError as error:
            errors[name] = str(error)
    if errors:
        found["_errors"] = errors
    if not _is_small(found):
        return {"_errors": f"Attachments too large (more than {MAX_ATTACHMENTS} bytes)"}
    return found


def _json_value(value: Any) -> Any:
    """The value, unless it cannot be sent. (One that is too large is not read to its end, for it is not sent.)"""
    try:
        _is_small(value)
    except _FAILURES as error:
        raise ExpressionError(_reason(error)) from None
    return value


def _is_small(value: Any) -> bool:
    """Whether a value can be attached. A short expression can find the same part many times over."""
    size = 0
    for piece in json.JSONEncoder(allow_nan=False).iterencode(value):
        size += len(piece)
        if size > MAX_ATTACHMENTS:
            return False
    return True


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else f"{error}"[:400]
