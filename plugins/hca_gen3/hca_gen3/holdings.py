"""What a commons knows of a dataset: the records that its metadata sheets are made of, all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hca_core.errors import NotFoundError
from hca_gen3 import graphql
from hca_gen3.mapping import NODES
from hca_gen3.querier import Querier

__all__ = ["read_records"]

_OWNER = "experiment"  # the node that stands for a dataset
_OF_GEN3 = frozenset({"type", "submitter_id", "id", "project_id", "state", "created_datetime", "updated_datetime"})


def read_records(querier: Querier, sheet: str, dataset_id: str, project_id: str | None = None) -> list[dict[str, Any]]:
    """Return the records of a dataset for a sheet, by property, without what only Gen3 is interested in.

    There are none if the commons' dictionary knows no such records.

    Raises:
        NotFoundError: the commons has no such dataset, or the user may not see it.
        ArgumentError: several projects have one of this name, and none is named (`<program>-<project>`).
    """
    try:
        schema = querier.commons.schema(NODES[sheet])
    except NotFoundError:
        return []
    links = list(_links(schema.get("links")))
    backref = next((link.get("backref") for link in links if link.get("target_type") == _OWNER), None)
    if not backref:
        return []
    where = {"submitter_id": dataset_id, **({"project_id": project_id} if project_id else {})}
    found = graphql.linked(querier, _OWNER, str(backref), _properties(schema, links), where=where)
    return [{name: value for name, value in record.items() if value is not None} for record in found]


def _properties(schema: Mapping[str, Any], links: list[Mapping[str, Any]]) -> list[str]:
    others = {*_OF_GEN3, *(link.get("name") for link in links), *(schema.get("systemProperties") or ())}
    # A reference to other properties that was not resolved is no property.
    return [name for name in schema["properties"] if name not in others and name.isidentifier()]


def _links(found: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the links of a node, of which a schema may make groups."""
    for link in found if isinstance(found, list) else []:
        if isinstance(link, Mapping):
            yield link
            yield from _links(link.get("subgroup"))
