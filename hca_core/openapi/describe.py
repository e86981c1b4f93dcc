"""Writes the signature and the documentation of a generated method from its operations."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence
from typing import Any, Literal

from hca_core.openapi.model import Operation, Parameter

__all__ = ["documentation", "parameters", "required_names", "signature"]

_TYPES: dict[str, Any] = {
    "array": list[Any],
    "boolean": bool,
    "integer": int,
    "number": float,
    "object": dict[str, Any],
    "string": str,
}
_NO_CHANGE = "Returns:\n    None if nothing had to be changed (304)."


def parameters(operations: Sequence[Operation]) -> list[Parameter]:
    """Return the parameters of operations that share a name: those that are always required first."""
    found: dict[str, Parameter] = {}
    for operation in operations:
        for parameter in operation.parameters:
            found.setdefault(parameter.python_name, parameter)
    needed = required_names(operations)
    return sorted(found.values(), key=lambda parameter: parameter.python_name not in needed)


def required_names(operations: Sequence[Operation]) -> frozenset[str]:
    """Return the Python names of the parameters that all of the operations require."""
    needed = (frozenset(p.python_name for p in operation.parameters if p.required) for operation in operations)
    return frozenset.intersection(*needed)


def signature(operations: Sequence[Operation]) -> inspect.Signature:
    """Return the signature of the method; a default shown is the one the service applies."""
    needed = required_names(operations)
    return inspect.Signature(
        [_argument(parameter, parameter.python_name in needed) for parameter in parameters(operations)],
        return_annotation=Any,
    )


def _argument(parameter: Parameter, required: bool) -> inspect.Parameter:
    kind = _annotation(parameter)
    return inspect.Parameter(
        parameter.python_name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=inspect.Parameter.empty if required else parameter.default,
        annotation=kind if required else kind | None,
    )


def _annotation(parameter: Parameter) -> Any:
    if parameter.enum:
        return Literal[parameter.enum]
    return _TYPES.get(parameter.type, Any)


def documentation(operations: Sequence[Operation]) -> str:
    """Return the docstring of the method: what it does, its parameters, how to page or stream, what it raises."""
    main = operations[0]
    sections = [
        main.summary,
        main.description,
        _parameter_section(operations),
        _page_section(main) if any(operation.paginated for operation in operations) else "",
        _stream_section(main) if any(operation.streaming for operation in operations) else "",
        _NO_CHANGE if any("304" in operation.statuses for operation in operations) else "",
        _raises_section(operations),
    ]
    return "\n\n".join(section.strip() for section in sections if section.strip())


def _parameter_section(operations: Sequence[Operation]) -> str:
    needed = required_names(operations)
    lines = [_parameter_lines(found, found.python_name in needed) for found in parameters(operations)]
    return "\n".join(["Parameters:", *lines]) if lines else ""


def _parameter_lines(parameter: Parameter, required: bool) -> str:
    kind = " or ".join(map(repr, parameter.enum)) or getattr(_TYPES.get(parameter.type, Any), "__name__", "Any")
    head = f"{parameter.python_name} ({kind}{'' if required else ', optional'})"
    default = f"Default: {parameter.default!r}." if parameter.default is not None else ""
    text = ": ".join(filter(None, [head, f"{parameter.description.strip()} {default}".strip()]))
    return textwrap.fill(text, 100, initial_indent="    ", subsequent_indent="        ")


def _page_section(operation: Operation) -> str:
    return (
        f"Pages:\n    A call returns one page. `{operation.name}.iterate(...)` yields the items of all pages,\n"
        f"    `{operation.name}.paginate(...)` the pages; both take the same arguments."
    )


def _stream_section(operation: Operation) -> str:
    return (
        f"Streaming:\n    `with {operation.name}.stream(...) as response:` gives the answer before its body is read;\n"
        "    `response.raw.read(size)` then reads the bytes."
    )


def _raises_section(operations: Sequence[Operation]) -> str:
    codes = sorted({status for operation in operations for status in operation.statuses if status >= "400"})
    listed = [code for code in codes if code.isdigit()]
    refused = f" (documented: {', '.join(listed)})" if listed else ""
    secured = any(operation.secured for operation in operations)
    return "\n".join(
        [
            "Raises:",
            "    ArgumentError: an argument is missing, unknown or not of its type.",
            *(["    AuthError: the operation needs credentials, and there are none that the service takes."] * secured),
            f"    ApiError: the service refuses the request{refused}; NotFoundError for 404.",
            "    NetworkError: no usable answer after all retries.",
        ]
    )
