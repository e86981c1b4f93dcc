"""Turns the texts of a request into checked values, as the description of its operation demands."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from jsonschema import ValidationError

from hca_core.openapi.model import Operation, Parameter
from hca_local.problem import Problem
from hca_local.schemas import Schema

__all__ = ["Format", "RequestCheck", "parse_json"]

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS = {"true": True, "false": False}
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONGEST_TITLE = 400
_MAX_DEPTH = 100
_MAX_VALUES = 1_000_000  # twice as many as a bundle of 100 000 files; each may take 100 bytes of memory


@dataclass(frozen=True)
class Format:
    """A `format` of the description: whether a text has it, and the code of the problem if not."""

    check: Callable[[str], bool]
    code: str


class Texts(Protocol):
    """Texts by name."""

    def get(self, name: str, /) -> str | None:
        """Return the text of this name, or None."""


class RequestCheck:
    """Checks requests for one operation."""

    def __init__(self, operation: Operation, formats: Mapping[str, Format]) -> None:
        checks = {name: format.check for name, format in formats.items()}
        self._formats = formats
        self._body_required = operation.body_required
        self._body = None if operation.body_schema is None else Schema(operation.body_schema, checks)
        self._parameters = [
            (parameter, Schema(parameter.schema, checks))
            for location in ("query", "header", "path")
            for parameter in operation.parameters
            if parameter.location == location
        ]

    def body(self, value: Any) -> None:
        """Refuse a parsed JSON body (None if the request has none) that the description does not allow."""
        if value is None and self._body_required:
            raise _illegal("This request needs a JSON body.")
        if value is not None and self._body is not None:
            self._validate(self._body, value, "The body")

    def arguments(self, given: Mapping[str, Texts]) -> dict[str, Any]:
        """Return all parameters by name, None for those without value; `given` are texts by location and name."""
        return {
            parameter.name: self._argument(parameter, schema, given[parameter.location].get(parameter.name))
            for parameter, schema in self._parameters
        }

    def _argument(self, parameter: Parameter, schema: Schema, text: str | None) -> Any:
        if text is None:
            if parameter.required:
                raise _illegal(f"The parameter {parameter.name!r} is missing.")
            return parameter.default
        value = _coerce(parameter, text)
        self._validate(schema, value, parameter.name)
        return value

    def _validate(self, schema: Schema, value: Any, name: str) -> None:
        error = schema.error(value)
        if error is not None:
            named = self._formats.get(str(error.validator_value)) if error.validator == "format" else None
            raise _illegal(f"{name}{_place(error)}: {error.message}", named.code if named else None)


def parse_json(data: bytes) -> Any:
    """Return the value that `data` describes; only what every JSON reader understands is accepted.

    Raises:
        ValueError: it is not JSON, too deep or too large, or has numbers or characters that cannot be passed on.
    """
    if sum(map(data.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise ValueError(f"it has more than {_MAX_VALUES} values")
    try:
        value = json.loads(data, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _depth(value) > _MAX_DEPTH:
        raise ValueError(f"it is nested more than {_MAX_DEPTH} levels deep")
    if _SURROGATE.search(data):
        json.dumps(value, ensure_ascii=False).encode()  # raises for half of a surrogate pair
    return value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [child for one in level for child in _children(one)]
    return depth


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _coerce(parameter: Parameter, text: str) -> Any:
    if parameter.type == "integer":
        if not _INTEGER.fullmatch(text):
            raise _illegal(f"{parameter.name}: {text[:100]!r} is not an integer.")
        return int(text)
    if parameter.type == "boolean":
        if text.lower() not in _BOOLEANS:
            raise _illegal(f"{parameter.name}: {text[:100]!r} is neither true nor false.")
        return _BOOLEANS[text.lower()]
    return text


def _illegal(title: str, code: str | None = None) -> Problem:
    return Problem(400, code or "illegal_arguments", title[:_LONGEST_TITLE])


def _place(error: ValidationError) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
