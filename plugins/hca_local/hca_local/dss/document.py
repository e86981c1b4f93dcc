"""What is searched for a bundle: its manifest, and the metadata files in it, grouped by kind."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from hca_local.arguments import parse_json
from hca_local.dss.model import Bundle, Entry, File

__all__ = ["group_name", "index_document", "shape_descriptor"]

log = logging.getLogger(__name__)

MAX_MANIFEST = 20_000  # files; what is searched for a larger bundle does not list them
MAX_METADATA = 16 * 1024 * 1024  # bytes of one file

_NUMBER = re.compile(r"_[0-9]+\Z")
_SCHEMA_VERSION = re.compile(r"([0-9]+)\.[0-9]+\.[0-9]+")

Groups = dict[str, list[Any]]


def index_document(bundle: Bundle, open_file: Callable[[File], BinaryIO]) -> str:
    """Return the document of a bundle as JSON; files that are not sound JSON are left out with a warning."""
    groups: Groups = {}
    for name, content in _contents(bundle, open_file):
        groups.setdefault(group_name(name), []).append(content)
    manifest = bundle.manifest()
    if len(bundle.entries) > MAX_MANIFEST:
        manifest["files"] = []
    document = {
        "manifest": manifest,
        "state": "new",
        "files": groups,
        "uuid": bundle.uuid,
        "shape_descriptor": shape_descriptor(groups),
    }
    return json.dumps(document)


def group_name(name: str) -> str:
    """Return the key under which a metadata file is searched: `a/donor_organism_0.json` is `a/donor_organism_json`."""
    name = name.replace(".", "_")
    if not name.endswith("_json"):
        return name
    return _NUMBER.sub("", name.removesuffix("_json")) + "_json"


def shape_descriptor(groups: Mapping[str, list[Any]]) -> str:
    """Return one word for the schemas that the metadata follows: `v9` if they agree, `None` if there are none."""
    shapes = {
        (group.removesuffix("_json"), *schema)
        for group, contents in groups.items()
        for schema in map(_schema, contents)
        if schema is not None
    }
    if not shapes:
        return "None"
    if all(name == kind for name, kind, _ in shapes) and len({major for _, _, major in shapes}) == 1:
        return f"v{next(iter(shapes))[2]}"
    return "v." + ".".join(
        sorted(f"{name}.{major}" if name == kind else f"{name}.{kind}.{major}" for name, kind, major in shapes)
    )


def _contents(bundle: Bundle, open_file: Callable[[File], BinaryIO]) -> Iterator[tuple[str, Any]]:
    """The names and parsed contents of the metadata files that can be searched."""
    for entry in bundle.entries:
        if entry.indexed:
            try:
                yield entry.name, _content(entry, open_file)
            except ValueError as error:
                log.warning("Bundle %s: %r is not searched: %s.", bundle.uuid, entry.name, error)


def _content(entry: Entry, open_file: Callable[[File], BinaryIO]) -> Any:
    if not entry.file.content_type.startswith("application/json"):
        raise ValueError("its type is not application/json")
    if entry.file.size > MAX_METADATA:
        raise ValueError(f"it has more than {MAX_METADATA} bytes")
    with open_file(entry.file) as stream:
        return parse_json(stream.read())


def _schema(content: Any) -> tuple[str, str] | None:
    """The type and the major version of the schema that a metadata file says it follows."""
    if not isinstance(content, dict):
        return None
    url, core = content.get("describedBy"), content.get("core")
    if isinstance(url, str):
        segments = url.split("/")
        versions = [found[1] for segment in segments if (found := _SCHEMA_VERSION.fullmatch(segment))]
        return (segments[-1].removesuffix(".json"), versions[0]) if len(versions) == 1 else None
    if isinstance(core, dict) and isinstance(core.get("type"), str):  # as files looked before 2018
        found = re.match("[0-9]+", str(core.get("schema_version")))
        return (core["type"], found[0]) if found else None
    return None
