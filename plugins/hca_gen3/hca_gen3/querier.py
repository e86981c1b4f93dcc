"""Asks a Gen3 commons for programs, projects and records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from hca_gen3 import graphql
from hca_gen3.commons import Commons, check_project, parsed
from hca_gen3.exporter import Exporter

if TYPE_CHECKING:
    from hca_gen3.auth import Auth

__all__ = ["Querier"]


class Querier:
    """Questions to the commons that `auth` is for. Nothing is sent before the first one."""

    def __init__(self, auth: Auth) -> None:
        self.commons = Commons(auth)

    def get_programs(self) -> list[str]:
        """Return the names of all programs that the user may see."""
        return self.commons.programs()

    def get_projects(self, program: str) -> list[str]:
        """Return the names of the projects of a program.

        Raises:
            NotFoundError: there is no such program.
        """
        return self.commons.projects(program)

    def get_node_records(self, node: str, program: str, project: str) -> list[dict[str, Any]]:
        """Return all records of a node type in a project, with their properties that have a value.

        Raises:
            NotFoundError: there is no such program or project.
            ApiError: the dictionary has no such node type.
        """
        return Exporter(self.commons.auth).export_node(program, project, node, "json")

    def graphql_query(self, query_string: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the data that answer a GraphQL query. Lists are cut after ten records unless it says `first`.

        Raises:
            QueryError: the commons refuses the query.
        """
        url = self.commons.url("graphql")
        body = {"query": query_string, **({} if variables is None else {"variables": dict(variables)})}
        response = self.commons.send("POST", url, json=body, retryable=True, accept=[400])
        return graphql.read_answer(parsed(response), status=response.status_code, url=url)

    def node_types(self) -> list[dict[str, Any]]:
        """Return what kinds of records the commons has: their `node`, `category`, `title` and `links`, by node."""
        found = sorted(self.commons.dictionary().items())
        return [
            {
                "node": node,
                "category": schema.get("category"),
                "title": schema.get("title"),
                "links": sorted(_links(schema)),
            }
            for node, schema in found
        ]

    def records(
        self,
        node: str,
        program: str | None = None,
        project: str | None = None,
        fields: Sequence[str] = (),
        *,
        page: int = graphql.PAGE,
    ) -> Iterator[dict[str, Any]]:
        """Yield the records of a node type by id, of one project or of all, with these fields or all properties.

        Only `page` records are in memory at a time.

        Raises:
            NotFoundError: there is no such node type, program or project.
        """
        where = {"project_id": f"{program}-{project}"} if program and project else {}
        chosen = fields or _properties(self.commons.schema(node))
        found = graphql.records(self, node, chosen, where=where, page=page)
        first = next(found, None)
        if first is None:
            if program and project:
                check_project(self.commons, program, project)
            return
        yield from chain([first], found)


def _properties(schema: Mapping[str, Any]) -> list[str]:
    """Return the properties that are values of a record itself, the identifiers first."""
    links = _links(schema)
    names = [name for name in schema["properties"] if name not in links]
    return list(dict.fromkeys([*(name for name in ("id", "submitter_id") if name in names), *names]))


def _links(schema: Mapping[str, Any]) -> set[str]:
    """Return the names of the links of a node type; a schema may group them."""
    found: set[str] = set()
    todo = list(schema.get("links") or [])
    while todo:
        link = todo.pop()
        if isinstance(link, Mapping):
            found |= {link["name"]} if isinstance(link.get("name"), str) else set()
            todo.extend(link.get("subgroup") or [])
    return found
