"""Compares JSON values with the schemas of an API description, quickly where they fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from jsonschema import Draft4Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

__all__ = ["Schema"]

_DRAFT = "http://json-schema.org/draft-04/schema"
_INTEGER_BITS = {"int32": 31, "int64": 63}

Checks = Mapping[str, Callable[[str], bool]]  # whether a text has a format, by the format's name


class Schema:
    """A schema; of formats, only the named ones and those of integers are checked."""

    def __init__(self, schema: Mapping[str, Any], formats: Checks) -> None:
        self._schema = schema
        self._formats = formats
        self._validator = _Validator(schema, format_checker=_format_checker(formats))

    def error(self, value: Any) -> ValidationError | None:
        """Return what is wrong with a value, or None if it fits."""
        if isinstance(value, dict | list) and self._fits(value):
            return None
        found: ValidationError | None = next(self._validator.iter_errors(value), None)
        return found

    @cached_property
    def _fits(self) -> Callable[[Any], bool]:
        """Whether a value fits; only an approval counts. Ten times as fast as the validator, which knows the reason."""
        import fastjsonschema

        schema = {"$schema": _DRAFT, **_bounded(self._schema)}
        try:
            check = fastjsonschema.compile(schema, formats=dict(self._formats), use_default=False)
        except (fastjsonschema.JsonSchemaDefinitionException, re.error):  # it takes `[$]` for an end
            return lambda _value: False

        def fits(value: Any) -> bool:
            try:
                check(value)
            except (fastjsonschema.JsonSchemaValueException, RecursionError):
                return False
            return True

        return fits


def _bounded(schema: Any) -> Any:
    """The schema with the bounds of its integer formats written out."""
    if isinstance(schema, list):
        return [_bounded(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: _bounded(value) for key, value in schema.items()}
    bits = _INTEGER_BITS.get(schema["format"]) if isinstance(schema.get("format"), str) else None
    return found if bits is None else {"minimum": -(2**bits), "maximum": 2**bits - 1, **found}


def _format_checker(formats: Checks) -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, check in formats.items():
        checker.checks(name)(_for_texts(check))
    for name, bits in _INTEGER_BITS.items():
        checker.checks(name)(_for_integers(bits))
    return checker


def _for_texts(check: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or check(value)


def _for_integers(bits: int) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, int) or -(2**bits) <= value < 2**bits


def _check_pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Any:
    if isinstance(value, str) and not _expression(pattern).search(value):
        yield ValidationError(f"{value!r} does not match {pattern}")


@lru_cache
def _expression(pattern: str) -> re.Pattern[str]:
    # In a description `$` is the very end; in Python it also stands before a final newline.
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        pattern = pattern[:-1] + r"\Z"
    return re.compile(pattern)


_Validator: Any = extend(Draft4Validator, {"pattern": _check_pattern})  # type: ignore[no-untyped-call]
