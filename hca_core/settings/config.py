"""`HCAConfig`: the settings as a Python object that can be changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from hca_core.records import ProfileSpec, SettingSpec
from hca_core.settings import keys
from hca_core.settings.files import edit_object
from hca_core.settings.layers import Layer, read_sources
from hca_core.settings.view import Settings

__all__ = ["HCAConfig"]


class HCAConfig(Settings):
    """The merged settings, to be changed and passed to a client.

    ```python
    config = HCAConfig()
    config["DSSClient"].swagger_url = "https://dss.example.com/v1/swagger.json"
    client = DSSClient(config=config)
    ```

    Nothing is written but by `save()`, or after every assignment with `autosave`. `save_on_exit` is accepted and
    ignored: ending a program never writes. `hca.HCAConfig` is this class with the `specs` of every installed plugin.
    """

    def __init__(
        self,
        specs: Iterable[SettingSpec] = (),
        *,
        save_on_exit: bool = False,
        autosave: bool = False,
        profile: str | None = None,
        profiles: Iterable[ProfileSpec] = (),
        environ: Mapping[str, str] = os.environ,
        system: Path | None = None,
    ) -> None:
        from hca_core.settings.merge import Tree

        sources = read_sources(environ, profile=profile, offered=profiles, system=system)
        super().__init__(specs, sources)
        self._tree = Tree(self._tree, changed=self.save if autosave else None)
        self._loaded = self._leaves()

    def __getitem__(self, name: str) -> Any:
        return self._tree.section(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self._tree[name] = value

    def __delitem__(self, name: str) -> None:
        del self._tree[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._tree:
            raise AttributeError(name)
        return self._tree[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self._tree[name] = value

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value or section called `name`."""
        return self._tree.get(name, default)

    def update(self, values: Mapping[str, Any]) -> None:
        """Merge nested `values` into the settings, array operators included; a ConfigError if one cannot be applied."""
        from hca_core.settings.merge import apply

        apply(self._tree, Layer("this update", values))

    def origin(self, key: str) -> str:
        """Return which layer a value comes from; `this config object` if it was changed here."""
        path = keys.split(key)
        return "this config object" if path in self._edited() else super().origin(key)

    def changes(self) -> dict[str, Any]:
        """Return what was set here since loading or saving, as nested objects."""
        changes: dict[str, Any] = {}
        for path, value in self._edited().items():
            keys.put(changes, path, value)
        return changes

    def save(self) -> None:
        """Write what changed since loading to the user's file, and nothing else.

        A file in `HCA_CONFIG_FILE` or a profile is stronger than the user's file, and still wins next time.

        Raises:
            ConfigError: the file cannot be read or written.
        """
        edited, current = self._edited(), self._leaves()
        removed = [path for path in self._loaded if path not in current]
        if not edited and not removed:
            return

        def change(data: dict[str, Any]) -> None:
            for path in removed:
                keys.drop(data, path)
            for path, value in edited.items():
                keys.put(data, path, value)

        edit_object(self.user_file, change)
        self._loaded = current

    def _edited(self) -> dict[keys.Path, Any]:
        return {path: value for path, value in self._leaves().items() if not _same(value, self._loaded.get(path))}

    def _leaves(self) -> dict[keys.Path, Any]:
        return deepcopy(dict(keys.leaves(self._tree)))


def _same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)
