"""Turns a call (operations of one name, arguments) into a request; nothing is sent here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from hca_core.errors import ArgumentError
from hca_core.openapi.model import Operation, Parameter
from hca_core.openapi.values import coerce, wire_text

__all__ = ["Request", "build"]

_SEPARATORS = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|"}


@dataclass(frozen=True)
class Request:
    """What to send: `json` is the JSON body, `form` the fields of a form body; None for none."""

    operation: Operation
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    json: Any = field(repr=False)
    form: Mapping[str, list[str]] | None = field(repr=False)
    secured: bool
    retryable: bool


def build(operations: Sequence[Operation], arguments: Mapping[str, Any], *, base_url: str) -> Request:
    """Return the request that calls one of `operations` (all of one name) with `arguments`.

    Arguments go by the parameter's name on the wire or in Python; those that are None are left out. Meant is the
    operation whose path parameters are all given, and of several the one with most of them.

    Raises:
        ArgumentError: an argument is unknown, missing, or not of its type; nothing fits the path.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    operation = _choose(operations, given)
    values = _typed(operation, given, operations)
    by_location: dict[str, list[tuple[Parameter, Any]]] = {}
    for parameter, value in values:
        by_location.setdefault(parameter.location, []).append((parameter, value))
    query = _pairs(by_location.get("query", []))
    path = _path(operation, {parameter.name: value for parameter, value in by_location.get("path", [])})
    return Request(
        operation=operation,
        method=operation.method,
        url=f"{base_url}{path}{'?' if query else ''}{urlencode(query, quote_via=quote, safe='')}",
        headers=_headers(operation, by_location.get("header", [])),
        json=_json_body(operation, by_location.get("body", [])),
        form=_form(by_location["form"]) if "form" in by_location else None,
        secured=operation.secured,
        retryable=operation.retryable,
    )


def _choose(operations: Sequence[Operation], given: Mapping[str, Any]) -> Operation:
    possible = [operation for operation in operations if _path_is_given(operation, given)]
    if possible:
        return max(possible, key=lambda operation: len(operation.path_parameters))
    # None can be called; the least demanding one is the one to explain.
    return min(operations, key=lambda operation: len(operation.path_parameters))


def _path_is_given(operation: Operation, given: Mapping[str, Any]) -> bool:
    return all(
        _given_name(parameter, given) is not None for parameter in operation.parameters if parameter.location == "path"
    )


def _given_name(parameter: Parameter, given: Mapping[str, Any]) -> str | None:
    """Under which name the parameter was given, if it was."""
    return next((name for name in (parameter.python_name, parameter.name) if name in given), None)


def _typed(
    operation: Operation, given: Mapping[str, Any], operations: Sequence[Operation]
) -> list[tuple[Parameter, Any]]:
    """The operation's parameters that were given, each with its value as the declared type."""
    names = {parameter.name: _given_name(parameter, given) for parameter in operation.parameters}
    unknown = given.keys() - set(names.values())
    if unknown:
        raise _unknown(operation, min(unknown), operations)
    missing = [parameter for parameter in operation.parameters if parameter.required and not names[parameter.name]]
    if missing:
        raise _missing(operation, missing[0])
    return [
        (parameter, _value(operation, parameter, given[name]))
        for parameter in operation.parameters
        if (name := names[parameter.name]) is not None
    ]


def _value(operation: Operation, parameter: Parameter, value: Any) -> Any:
    try:
        return coerce(parameter, value)
    except ValueError as error:
        raise ArgumentError(
            f"{operation.name}: {parameter.python_name} {error}.",
            operation=operation.name,
            parameter=parameter.name,
            hint=parameter.description or None,
        ) from None


def _missing(operation: Operation, parameter: Parameter) -> ArgumentError:
    choices = f" ({' or '.join(map(repr, parameter.enum))})" if parameter.enum else ""
    return ArgumentError(
        f"{operation.name} needs {parameter.python_name}{choices}.",
        operation=operation.name,
        parameter=parameter.name,
        hint=parameter.description or None,
    )


def _unknown(operation: Operation, name: str, operations: Sequence[Operation]) -> ArgumentError:
    known = [parameter.python_name for parameter in operation.parameters]
    elsewhere = {parameter.python_name for other in operations for parameter in other.parameters}
    what = f"{name} does not go with the other arguments" if name in elsewhere else f"there is no parameter {name!r}"
    return ArgumentError(
        f"{operation.name}: {what}.", operation=operation.name, parameter=name, hint=_suggestion(name, known)
    )


def _suggestion(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Its parameters are: {', '.join(known)}." if known else "It takes no parameters."


def _path(operation: Operation, values: Mapping[str, Any]) -> str:
    segments = [_segment(operation, segment, values) for segment in operation.path.split("/")]
    return "/".join(segments)


def _segment(operation: Operation, template: str, values: Mapping[str, Any]) -> str:
    """One part of the path, filled in so that it stays one part."""
    names = re.findall(r"\{([^{}]*)\}", template)
    if not names:
        return template
    filled = re.sub(r"\{([^{}]*)\}", lambda match: quote(_joined(values[match[1]]), safe=""), template)
    if filled in ("", ".", ".."):
        raise ArgumentError(
            f"{operation.name}: {names[0]} must not be {_joined(values[names[0]])!r}.",
            operation=operation.name,
            parameter=names[0],
        )
    return filled


def _joined(value: Any, separator: str = ",") -> str:
    return separator.join(map(wire_text, value)) if isinstance(value, list) else wire_text(value)


def _pairs(values: Iterable[tuple[Parameter, Any]]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for parameter, value in values:
        if parameter.array_format == "json":
            pairs.append((parameter.name, json.dumps(value, separators=(",", ":"))))
        elif isinstance(value, list) and parameter.array_format == "multi":
            pairs.extend((parameter.name, wire_text(item)) for item in value)
        else:
            pairs.append((parameter.name, _joined(value, _SEPARATORS.get(parameter.array_format, ","))))
    return pairs


def _form(values: Iterable[tuple[Parameter, Any]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, text in _pairs(values):
        fields.setdefault(name, []).append(text)
    return fields


def _headers(operation: Operation, values: Iterable[tuple[Parameter, Any]]) -> dict[str, str]:
    headers = {}
    for parameter, value in values:
        text = _joined(value)
        if not re.fullmatch(r"[\t\x20-\x7e\xa0-\xff]*", text):
            raise ArgumentError(
                f"{operation.name}: {parameter.python_name} must not have line breaks or characters beyond Latin-1.",
                operation=operation.name,
                parameter=parameter.name,
            )
        headers[parameter.name] = text
    return headers


def _json_body(operation: Operation, values: Sequence[tuple[Parameter, Any]]) -> Any:
    if operation.body_schema is None:
        return None
    whole = any(parameter.whole for parameter in operation.parameters)
    body = {parameter.name: value for parameter, value in values}
    content = body.get("body") if whole else body
    try:
        json.dumps(content, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(
            f"{operation.name}: the arguments cannot be sent as JSON: {error}.", operation=operation.name
        ) from error
    return content
