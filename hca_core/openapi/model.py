"""An API as plain data: what parsing yields, and all that commands, methods, requests and servers are made from.

The records are named tuples, because making frozen dataclasses takes four times as long, at every start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from hca_core.openapi.names import identifier

__all__ = ["Api", "Location", "Operation", "Parameter"]

Location = Literal["path", "query", "header", "body", "form"]


class Parameter(NamedTuple):
    """One argument of an operation.

    `name` is the name on the wire, `type` a JSON type (`string`, `integer`, `number`, `boolean`, `array`, `object`) or
    `any` if the description leaves it open. Properties of a JSON body are parameters with location `body`; `whole`
    says that the parameter is the body itself, which has no properties of its own. `schema` is the parameter's own
    JSON schema with every `$ref` resolved; `item_type` is the JSON type of an array's items. `array_format` is how an
    array travels outside a JSON body: `csv`, `ssv`, `tsv`, `pipes` (one text, joined), `multi` (repeated) or `json`.
    """

    name: str
    location: Location
    type: str = "string"
    required: bool = False
    description: str = ""
    default: Any = None
    enum: tuple[Any, ...] = ()
    item_type: str | None = None
    array_format: str = "csv"
    whole: bool = False
    schema: Mapping[str, Any] = {}

    @property
    def python_name(self) -> str:
        """The keyword of the generated method."""
        return identifier(self.name)

    @property
    def option(self) -> str:
        """The command line option."""
        return "--" + self.name.replace("_", "-").replace("/", "-")


class Operation(NamedTuple):
    """One request a service understands.

    `tag` says what it is about, if the description does. `paginated` means that a 206 answer announces further pages;
    `streaming` that the answer may redirect elsewhere, usually to bytes, and `answers_json` that it is declared to be
    JSON nevertheless; `secured` that it needs credentials; `retryable` that it may be repeated after a failure.
    `body_schema` is the whole JSON body's schema (or None), `body_required` whether the body must not be left out.
    """

    name: str
    method: str
    path: str
    summary: str = ""
    description: str = ""
    tag: str = ""
    parameters: tuple[Parameter, ...] = ()
    body_schema: Mapping[str, Any] | None = None
    body_required: bool = False
    secured: bool = False
    paginated: bool = False
    streaming: bool = False
    answers_json: bool = False
    retryable: bool = False
    statuses: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command line name: `get_bundle` is `get-bundle`."""
        return self.name.replace("_", "-")

    @property
    def binary(self) -> bool:
        """Whether the answer is bytes rather than something to parse."""
        return self.streaming and not self.answers_json

    @property
    def path_parameters(self) -> frozenset[str]:
        """Names of the parameters in the path."""
        return frozenset(parameter.name for parameter in self.parameters if parameter.location == "path")


class Api(NamedTuple):
    """A parsed description: `base_url` has no trailing slash; operations are in document order."""

    title: str
    version: str
    base_url: str
    description: str
    operations: tuple[Operation, ...]

    @property
    def secured(self) -> bool:
        """Whether anything in it needs credentials."""
        return any(operation.secured for operation in self.operations)

    def named(self, name: str) -> tuple[Operation, ...]:
        """All operations called `name` (more than one when several paths share it), in document order."""
        return tuple(operation for operation in self.operations if operation.name == name)
