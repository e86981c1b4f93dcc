"""GraphQL as a Gen3 commons speaks it: ten records unless told otherwise, arguments that are lists, errors as texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLFloat,
    GraphQLInt,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    graphql_sync,
)

DEFAULT_FIRST = 10
_SCALARS = {"integer": GraphQLInt, "number": GraphQLFloat, "boolean": GraphQLBoolean}


@dataclass
class Node:
    """A record of the commons; `links` are the ids of those it links to."""

    id: str
    type: str
    project_id: str
    properties: dict[str, Any]
    links: dict[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(
            next((self.properties[key] for key in ("submitter_id", "code", "name") if key in self.properties), "")
        )

    def value(self, key: str) -> Any:
        own = {"id": self.id, "type": self.type, "project_id": self.project_id}
        return own.get(key, self.properties.get(key))


class Peregrine:
    """Answers queries about `nodes`, which are called as `dictionary` says."""

    def __init__(self, dictionary: Mapping[str, Mapping[str, Any]], nodes: Mapping[str, Node]) -> None:
        self._dictionary, self._nodes = dictionary, nodes
        self._types = {name: self._type(name) for name in dictionary}
        root = {}
        for name in dictionary:
            root |= self._fields(name, name, lambda _owner, name=name: self._of_type(name))
        self._schema = GraphQLSchema(GraphQLObjectType("Root", root))

    def answer(self, query: Any, variables: Any) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of the answer to a query."""
        if not isinstance(query, str):
            return 400, {"data": None, "errors": ["Must provide query string."]}
        found = graphql_sync(self._schema, query, variable_values=variables)
        if found.errors:
            return 400, {"data": None, "errors": [error.message for error in found.errors]}
        return 200, {"data": found.data}

    def _type(self, name: str) -> GraphQLObjectType:
        return GraphQLObjectType(name, lambda: self._members(name))

    def _members(self, name: str) -> dict[str, GraphQLField]:
        schema = self._dictionary[name]
        links = {link["name"]: link for link in schema["links"]}
        members = {
            key: GraphQLField(_output(value), resolve=lambda node, _info, key=key: node.value(key))
            for key, value in {"id": {"type": "string"}, **schema["properties"]}.items()
            if key not in links
        }
        for link in links.values():
            members |= self._fields(link["name"], link["target_type"], _targets(self._nodes, link["name"]))
        for other, about in self._dictionary.items():
            for link in about["links"]:
                if link["target_type"] == name:
                    members |= self._fields(link["backref"], other, _sources(self._nodes, other, link["name"]))
        return members

    def _fields(self, name: str, kind: str, find: Callable[[Any], list[Node]]) -> dict[str, GraphQLField]:
        """The list of records that `find` returns, and their number."""
        arguments = self._arguments(kind)

        def listed(owner: Any, _info: Any, **given: Any) -> list[Node]:
            return _page(_matching(find(owner), given), given)

        def counted(owner: Any, _info: Any, **given: Any) -> int:
            return len(_matching(find(owner), given))

        return {
            name: GraphQLField(GraphQLList(self._types[kind]), arguments, resolve=listed),
            f"_{name}_count": GraphQLField(GraphQLInt, arguments, resolve=counted),
        }

    def _arguments(self, kind: str) -> dict[str, GraphQLArgument]:
        properties = self._dictionary[kind]["properties"]
        links = {link["name"] for link in self._dictionary[kind]["links"]}
        own = {
            key: GraphQLArgument(GraphQLList(_scalar(value))) for key, value in properties.items() if key not in links
        }
        texts = dict.fromkeys(("order_by_asc", "order_by_desc", "quick_search"), GraphQLArgument(GraphQLString))
        numbers = dict.fromkeys(("first", "offset"), GraphQLArgument(GraphQLInt))
        lists = dict.fromkeys(("id", "ids", "project_id"), GraphQLArgument(GraphQLList(GraphQLString)))
        return {**own, **texts, **numbers, **lists}

    def _of_type(self, kind: str) -> list[Node]:
        return [node for node in self._nodes.values() if node.type == kind]


def _targets(nodes: Mapping[str, Node], link: str) -> Callable[[Node], list[Node]]:
    return lambda owner: [nodes[target] for target in owner.links.get(link, [])]


def _sources(nodes: Mapping[str, Node], kind: str, link: str) -> Callable[[Node], list[Node]]:
    return lambda owner: [node for node in nodes.values() if node.type == kind and owner.id in node.links.get(link, [])]


def _scalar(schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    return _SCALARS.get(kind, GraphQLString) if isinstance(kind, str) else GraphQLString


def _output(schema: Mapping[str, Any]) -> Any:
    return GraphQLList(GraphQLString) if "array" in (schema.get("type") or "") else _scalar(schema)


_PAGING = frozenset({"first", "offset", "order_by_asc", "order_by_desc", "quick_search"})


def _matching(nodes: list[Node], given: Mapping[str, Any]) -> list[Node]:
    wanted = {("id" if key == "ids" else key): value for key, value in given.items() if key not in _PAGING}
    return [node for node in nodes if all(node.value(key) in values for key, values in wanted.items())]


def _page(nodes: list[Node], given: Mapping[str, Any]) -> list[Node]:
    for word, descending in (("order_by_asc", False), ("order_by_desc", True)):
        if word in given:
            nodes = sorted(nodes, key=lambda node: str(node.value(given[word])), reverse=descending)
    first = given.get("first", DEFAULT_FIRST)
    offset = given.get("offset", 0)
    return nodes[offset : offset + first if first else None]
