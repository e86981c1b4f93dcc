"""Addresses in nested objects: `DSSClient.swagger_url` is the path `("DSSClient", "swagger_url")`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hca_core.errors import ConfigError

__all__ = ["MISSING", "Path", "drop", "expand", "find", "join", "leaves", "put", "split"]

Path = tuple[str, ...]
MISSING = object()


def split(key: str) -> Path:
    """Return the path of a dotted key; a ConfigError if one of its parts is empty."""
    parts = tuple(key.split("."))
    if not all(parts):
        raise ConfigError(
            f"{key!r} is not the name of a setting.", key=key, hint="Names look like log_level or network.proxy."
        )
    return parts


def join(path: Path) -> str:
    """Return the dotted key of a path."""
    return ".".join(path)


def leaves(data: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of everything in `data` that is not itself an object."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*above, name))
        else:
            yield (*above, name), value


def find(data: Any, path: Path) -> Any:
    """Return what is at `path`, or MISSING."""
    for name in path:
        if not isinstance(data, Mapping) or name not in data:
            return MISSING
        data = data[name]
    return data


def put(data: dict[str, Any], path: Path, value: Any) -> None:
    """Set the value at `path`, making the objects on the way; a ConfigError if something else is in the way."""
    section: Any = data
    for depth, name in enumerate(path[:-1], 1):
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            key = join(path[:depth])
            raise ConfigError(f"{join(path)} cannot be set, because {key} has a value of its own.", key=key)
    section[path[-1]] = value


def drop(data: dict[str, Any], path: Path) -> bool:
    """Remove what is at `path` and the objects this leaves empty; return whether there was something."""
    name, rest = path[0], path[1:]
    if name not in data or (rest and not (isinstance(data[name], dict) and drop(data[name], rest))):
        return False
    if not rest or not data[name]:
        del data[name]
    return True


def expand(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return `data` with dotted names at its top level turned into nested objects."""
    nested: dict[str, Any] = {name: value for name, value in data.items() if "." not in name}
    for name in data.keys() - nested.keys():
        put(nested, split(name), data[name])
    return nested
