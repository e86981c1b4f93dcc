"""Turns what a user gave for a parameter into a value of the declared type, or says what is wrong with it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hca_core.openapi.model import Parameter

__all__ = ["coerce", "wire_text"]

_INTEGER = re.compile(r"[+-]?[0-9]{1,100}")
_SOME_UUID = "11111111-2222-4333-8444-555555555555"
_ARTICLES = {"array": "a list", "integer": "an integer", "object": "an object (a dict)", "boolean": "true or false"}


def coerce(parameter: Parameter, value: Any) -> Any:
    """Return `value` as the parameter's type; texts such as `"5"` and `"true"` are understood.

    Raises:
        ValueError: it does not fit; the message continues the parameter's name (`must be an integer, not 'x'`).
    """
    typed = _typed(parameter.type, value)
    if parameter.type == "array" and parameter.item_type:
        typed = [_item(parameter.item_type, position, item) for position, item in enumerate(typed, 1)]
    _check_limits(parameter, typed)
    return typed


def wire_text(value: Any) -> str:
    """Return a value as it stands in a URL, a header or a form; objects as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return str(value)


def _typed(type_name: str, value: Any) -> Any:
    convert = _CONVERTERS.get(type_name)
    if convert is None:
        return value
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError):
        what = _ARTICLES.get(type_name, f"a {type_name}")
        raise ValueError(f"must be {what}, not {_shown(value)}") from None


def _item(type_name: str, position: int, value: Any) -> Any:
    try:
        return _typed(type_name, value)
    except ValueError as error:
        raise ValueError(f"item {position}: {error}") from None


def _string(value: Any) -> str:
    if isinstance(value, (bool, bytes, bytearray, Mapping, list, tuple, set, frozenset)):
        raise TypeError
    text = str(value)
    text.encode()  # half a surrogate pair cannot be sent
    return text


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, (int, float)) and value == int(value):
        return int(value)
    raise TypeError


def _number(value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    number = value if isinstance(value, (int, float)) else float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else value
    if word in ("true", "false"):
        return bool(word == "true")
    raise TypeError


def _array(value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, bytearray, Mapping)) or not isinstance(value, Iterable):
        raise TypeError
    return list(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError
    return dict(value)


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "array": _array,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "object": _object,
    "string": _string,
}


def _check_limits(parameter: Parameter, value: Any) -> None:
    if parameter.enum and value not in parameter.enum:
        raise ValueError(f"must be one of {', '.join(map(str, parameter.enum))}, not {_shown(value)}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_range(parameter.schema, value)
    if parameter.location == "path" and isinstance(value, str):
        _check_pattern(parameter.schema.get("pattern"), value)


def _check_range(schema: Mapping[str, Any], value: float) -> None:
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(low, (int, float)) and value < low:
        raise ValueError(f"must be at least {low}, not {value}")
    if isinstance(high, (int, float)) and value > high:
        raise ValueError(f"must be at most {high}, not {value}")


def _check_pattern(pattern: Any, value: str) -> None:
    if not isinstance(pattern, str):
        return
    try:
        fits = re.search(pattern, value)
    except re.error:
        return  # a dialect Python does not know: the service will check it
    if not fits:
        wants_uuid = re.search(pattern, _SOME_UUID) and not re.search(pattern, "word")
        form = "must be a UUID, not" if wants_uuid else "does not have the form the service wants:"
        raise ValueError(f"{form} {_shown(value)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
