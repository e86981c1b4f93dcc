"""Reads a Gen3 data dictionary, a folder of YAML files, and tells whether records are as it wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import ArgumentError
from hca_gen3.cells import kinds

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["DEFAULT_FOLDER", "Dictionary", "Node"]

DEFAULT_FOLDER = Path(__file__).parent / "data" / "dictionary"
_SUFFIXES = (".yaml", ".yml", ".json")
_ALWAYS_SYSTEM = frozenset({"id", "project_id", "created_datetime", "updated_datetime", "state"})
_HINT = "It needs the files of a Gen3 data dictionary for SPARC datasets, such as case.yaml."


class Dictionary:
    """The nodes that a folder describes, one file `<node>.yaml` each. Files are read when they are first needed."""

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self.folder = folder
        self._files: dict[str, Any] = {}
        self._nodes: dict[str, Node | None] = {}

    def node(self, name: str) -> Node:
        """Return a node.

        Raises:
            ArgumentError: the folder does not describe it, or not in a way that can be understood.
        """
        found = self.find(name)
        if found is None:
            raise ArgumentError(f"The schema folder {self.folder} has no {name}.yaml.", hint=_HINT)
        return found

    def find(self, name: str) -> Node | None:
        """Return a node, or None if there is no file for it.

        Raises:
            ArgumentError: there is one, which cannot be understood.
        """
        if name not in self._nodes:
            file = self._file_of(name)
            self._nodes[name] = self._make(name, file) if file else None
        return self._nodes[name]

    def _file_of(self, name: str) -> str | None:
        return next((name + suffix for suffix in _SUFFIXES if (self.folder / (name + suffix)).is_file()), None)

    def _make(self, name: str, file: str) -> Node:
        try:
            schema = self._resolved(self._read(file), file, ())
        except RecursionError:
            raise ArgumentError(f"{self.folder / file} is nested too deeply.") from None
        if not isinstance(schema, dict):
            raise ArgumentError(f"{self.folder / file} does not describe a node.", hint=_HINT)
        return Node(name, schema, self.folder / file)

    def _read(self, file: str) -> Any:
        if file not in self._files:
            self._files[file] = _read_yaml(self.folder / file)
        return self._files[file]

    def _resolved(self, value: Any, file: str, trail: tuple[str, ...]) -> Any:
        """Return a part of a file with what its `$ref`s point at in their places; keys beside a `$ref` win."""
        if isinstance(value, list):
            return [self._resolved(item, file, trail) for item in value]
        if not isinstance(value, dict):
            return value
        merged: dict[str, Any] = {}
        references = value.get("$ref", [])
        for reference in references if isinstance(references, list) else [references]:
            merged |= self._target(str(reference), file, trail)
        own = {str(key): self._resolved(inner, file, trail) for key, inner in value.items() if key != "$ref"}
        return merged | own

    def _target(self, reference: str, file: str, trail: tuple[str, ...]) -> dict[str, Any]:
        name, _, pointer = reference.partition("#")
        name = name or file
        if name == "_terms.yaml":
            return {}  # these are explanations for people
        place = f"{name}#{pointer}"
        if place in trail:
            raise ArgumentError(f"{self.folder / file}: $ref {reference} leads back to itself.")
        found = self._look_up(name, pointer) if Path(name).name == name else None
        if not isinstance(found, dict):
            raise ArgumentError(f"{self.folder / file}: $ref {reference} leads nowhere.", hint=_HINT)
        resolved: dict[str, Any] = self._resolved(found, name, (*trail, place))
        return resolved

    def _look_up(self, file: str, pointer: str) -> Any:
        if not (self.folder / file).is_file():
            return None
        found = self._read(file)
        for key in filter(None, pointer.split("/")):
            found = found.get(key) if isinstance(found, dict) else None
        return found


@dataclass(frozen=True)
class Node:
    """A kind of record; its `schema` is JSON schema without `$ref`. `file` is where it was read from.

    Raises:
        ArgumentError: the schema is none.
    """

    name: str
    schema: Mapping[str, Any]
    file: Path

    def __post_init__(self) -> None:
        properties, required = self.schema.get("properties"), self.schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise ArgumentError(f"{self.file} does not describe the properties of a node.", hint=_HINT)

    @cached_property
    def _validator(self) -> Validator:
        from jsonschema import Draft4Validator
        from jsonschema.validators import validator_for

        validator: Validator = validator_for(dict(self.schema), default=Draft4Validator)(self.schema)
        return validator

    @cached_property
    def properties(self) -> dict[str, Mapping[str, Any]]:
        """The schemas of the properties that a submitter gives, in the order of the file."""
        system = _ALWAYS_SYSTEM.union(map(str, self.schema.get("systemProperties") or ()))
        return {
            name: schema
            for name, schema in self.schema["properties"].items()
            if name not in system and isinstance(schema, dict)
        }

    def is_required(self, name: str) -> bool:
        """Tell whether a record must have a property."""
        return name in self.schema.get("required", ())

    def problem(self, record: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return what is wrong with a record: a property's name, empty if it is in none, and the end of a sentence."""
        from jsonschema.exceptions import best_match

        try:
            error = best_match(self._validator.iter_errors(record))
        except Exception as cause:  # dictionaries with slips are in use, and most of these do no harm
            raise ArgumentError(f"{self.file} has a schema that does not work: {cause!s:.200}.") from cause
        if error is None:
            return None
        name = str(error.absolute_path[0]) if error.absolute_path else ""
        return name, _sentence(error.validator, error.validator_value, error.instance) or f"{error.message:.200}"


def _sentence(rule: object, expected: Any, value: object) -> str:
    shown = f"{value!r:.100}"
    if rule == "enum":
        return f"{shown} is none of {', '.join(map(str, expected)):.300}"
    if rule == "type":
        return f"{shown} is not of the type {' or '.join(sorted(kinds({'type': expected})))}"
    return ""


def _read_yaml(path: Path) -> Any:
    import yaml

    try:
        with path.open("rb") as file:
            return yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        said = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ArgumentError(f"{place} is not YAML: {said:.200}.") from error
