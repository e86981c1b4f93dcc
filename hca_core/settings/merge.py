"""Merges layers of settings into one tree. tweak does the merging; what it would swallow is refused here first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any, NoReturn

import tweak

from hca_core.errors import ConfigError
from hca_core.settings import keys
from hca_core.settings.kinds import kind
from hca_core.settings.layers import Layer

__all__ = ["Tree", "apply", "merge"]

OPERATORS = ("$append", "$extend", "$extendleft", "$insert", "$remove")


class Tree(tweak.Config):  # type: ignore[misc]  # tweak has no types
    """Nested settings with attribute access; reads and writes no file. `changed` is called after each change."""

    config_files = ()

    def __init__(self, data: Mapping[str, Any] | None = None, *, changed: Callable[[], None] | None = None) -> None:
        super().__init__(save_on_exit=False)
        self._changed = changed
        for name, value in (data or {}).items():
            self._data[name] = self._as_config(value)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if self._changed:
            self._changed()

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        if self._changed:
            self._changed()

    def __repr__(self) -> str:
        # Names only: a value may be a secret.
        return f"<settings {', '.join(self)}>"

    def section(self, name: str) -> Any:
        """Return what is at `name`; a section that does not exist yet joins the tree when something is set in it."""
        if name in self:
            return self[name]
        section = Tree()

        def joined() -> None:
            present = self._data.setdefault(name, section)
            if present is not section:  # another one, asked for at the same time, was first
                present.update(section)
            if self._changed:
                self._changed()

        section._changed = joined
        return section

    def _as_config(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return Tree(value, changed=self._changed)
        return deepcopy(value)


def merge(layers: Iterable[Layer]) -> tuple[Tree, dict[keys.Path, str]]:
    """Return the merged settings, and for each value the layer it comes from.

    Raises:
        ConfigError: an array operator cannot be applied, or an object meets something else.
    """
    tree, origins = Tree(), dict[keys.Path, str]()
    for layer in layers:
        apply(tree, layer)
        for path, operated in _places(layer.data):
            origins[path] = f"{origins.get(path, 'default')} + {layer}" if operated else str(layer)
    return tree, origins


def apply(tree: Tree, layer: Layer) -> None:
    """Merge one layer into `tree`; a ConfigError if that cannot be done."""
    tree.update(_checked(layer.data, tree, layer))


def _checked(
    data: Mapping[str, Any], current: Mapping[str, Any], layer: Layer, above: keys.Path = ()
) -> dict[str, Any]:
    """Return `data` in the form that tweak applies without losing anything to `current`."""
    result: dict[str, Any] = {}
    for name, value in data.items():
        path = (*above, name)
        if not isinstance(value, Mapping):
            result[name] = value
        elif _is_operator(value):
            result[name] = _operator(value, current.get(name), layer, path)
        elif name in current and not isinstance(current[name], Mapping):
            _fail(layer, path, f"is an object, but it was {kind(current[name])} before")
        else:
            result[name] = _checked(value, current.get(name, {}), layer, path)
    return result


def _is_operator(value: Mapping[str, Any]) -> bool:
    return any(name.startswith("$") for name in value)


def _operator(value: Mapping[str, Any], current: Any, layer: Layer, path: keys.Path) -> dict[str, Any]:
    name = next(name for name in value if name.startswith("$"))
    operand = value[name]
    if name not in OPERATORS:
        _fail(layer, path, f"uses {name}, which is no array operator", hint=f"There are {', '.join(OPERATORS)}.")
    if len(value) > 1:
        _fail(layer, path, f"has more than {name}; an array operator must be alone in its object")
    if not isinstance(current, list):
        _fail(layer, path, f"uses {name}, but there is no list to change in a weaker layer")
    if name in ("$extend", "$extendleft") and not isinstance(operand, list):
        _fail(layer, path, f"uses {name} with {kind(operand)}; it needs a list")
    if name == "$remove" and operand not in current:
        _fail(layer, path, "uses $remove with a value that is not in the list")
    return {name: _positions(operand, layer, path) if name == "$insert" else operand}


def _positions(operand: Any, layer: Layer, path: keys.Path) -> dict[int, Any]:
    """JSON names are text; list positions are numbers."""
    try:
        return {int(position): value for position, value in operand.items()}
    except (AttributeError, ValueError):
        _fail(layer, path, 'uses $insert without positions; it needs an object such as {"0": "value"}')


def _fail(layer: Layer, path: keys.Path, problem: str, *, hint: str | None = None) -> NoReturn:
    key = keys.join(path)
    file = str(layer.file) if layer.file else None
    raise ConfigError(f"{key} in {layer} {problem}.", file=file, key=key, hint=hint)


def _places(data: Mapping[str, Any], above: keys.Path = ()) -> list[tuple[keys.Path, bool]]:
    """Return which values `data` gives or changes; True if by an array operator."""
    places: list[tuple[keys.Path, bool]] = []
    for name, value in data.items():
        path = (*above, name)
        if isinstance(value, Mapping) and not _is_operator(value):
            places += _places(value, path)
        else:
            places.append((path, isinstance(value, Mapping)))
    return places
