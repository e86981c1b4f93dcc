"""The merged settings: what holds, where it comes from, and how the user's own file is changed."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import ConfigError
from hca_core.records import ProfileSpec, SettingSpec
from hca_core.settings import keys
from hca_core.settings.files import edit_object
from hca_core.settings.kinds import mismatch
from hca_core.settings.layers import Layer, Sources, read_sources
from hca_core.settings.secrets import masked

if TYPE_CHECKING:
    from hca_core.settings.merge import Tree

__all__ = ["Entry", "Settings", "load"]

# Written into every user's file by releases that saved all they knew.
LEGACY = ("application_secrets", "client_id", "oauth2_token")


@dataclass(frozen=True)
class Entry:
    """One setting as it holds now. `shown` is its value with secrets hidden."""

    key: str
    value: Any = field(repr=False)
    shown: Any
    origin: str
    secret: bool


class Settings(Mapping[str, Any]):
    """The merged settings: `settings["DSSClient"].swagger_url`, or `settings.value("DSSClient.swagger_url")`.

    A snapshot: what `set_user` and others change in the user's file shows when settings are loaded again.
    """

    def __init__(self, specs: Iterable[SettingSpec], sources: Sources) -> None:
        from hca_core.settings.merge import merge

        self._specs = {spec.key: spec for spec in specs}
        self._sources = sources
        self._tree: Tree
        self._tree, self._origins = merge([_defaults(self._specs.values()), *sources.layers()])

    def __getitem__(self, name: str) -> Any:
        return self._tree[name]

    def __contains__(self, name: object) -> bool:
        return name in self._tree

    def __iter__(self) -> Iterator[str]:
        return iter(self._tree)

    def __len__(self) -> int:
        return len(self._tree)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self)}>"

    def value(self, key: str) -> Any:
        """Return the value of a dotted key; its default if nobody set it, None if it is unknown.

        Raises:
            ConfigError: the value cannot be one of this setting.
        """
        path, spec = keys.split(key), self._specs.get(key)
        found = keys.find(self._tree, path)
        if spec:
            self._check(spec, path, found)
        return (spec.default if spec else None) if found is keys.MISSING else found

    def origin(self, key: str) -> str:
        """Return which layer, and which file, a value comes from: `default`, `user file /…/config.json`."""
        return self._origins.get(keys.split(key), "default" if key in self._specs else "not set")

    def entries(self) -> list[Entry]:
        """Return all settings that are known or set, sorted by key."""
        found = dict(keys.leaves(self._tree))
        for key, spec in self._specs.items():
            path = keys.split(key)
            if not any(other[: len(path)] == path for other in found):
                found[path] = spec.default
        return sorted((self._entry(path, value) for path, value in found.items()), key=lambda entry: entry.key)

    def unknown(self) -> dict[str, str | None]:
        """Return the keys that no installed plugin knows, each with the known key it resembles most."""
        strange = {
            keys.join((*above, *path)): self.nearest(keys.join(path))
            for above, data in self._written()
            for path, _ in keys.leaves(data)
            if not self._known(path)
        }
        return dict(sorted(strange.items()))

    def knows(self, key: str) -> bool:
        """Return whether an installed plugin knows a setting; `profiles.NAME.KEY` is known if KEY is."""
        return self._known(_inside_profile(keys.split(key)))

    def nearest(self, key: str) -> str | None:
        """Return the known key that resembles `key` most, or None."""
        wanted = keys.join(_inside_profile(tuple(key.split("."))))
        return next(iter(difflib.get_close_matches(wanted, self._specs, n=1)), None)

    def spec(self, key: str) -> SettingSpec | None:
        """Return the description of a setting (also of `profiles.NAME.KEY`), or None if no installed plugin has it."""
        return self._specs.get(keys.join(_inside_profile(keys.split(key))))

    def check(self) -> None:
        """Check every known value, in every profile.

        Raises:
            ConfigError: one of them is wrong.
        """
        specs = self._specs.values()
        for view in (self, *(Settings(specs, self._sources.with_profile(name)) for name in self.profile_names())):
            for key in self._specs:
                view.value(key)

    def changes(self) -> dict[str, Any]:
        """Return what was decided in this process, on top of files and profile, as nested objects."""
        return keys.expand(self._sources.overrides)

    @property
    def chosen_profile(self) -> str | None:
        """The profile that holds."""
        return self._sources.profile

    def profile_names(self) -> list[str]:
        """Return the names of all profiles, sorted."""
        return self._sources.profile_names()

    @property
    def files(self) -> list[Path]:
        """The files that were read, weakest first."""
        return [layer.file for layer in self._sources.files if layer.file]

    @property
    def user_file(self) -> Path:
        """The only file that hca changes; it need not exist."""
        return self._sources.user_file

    def set_user(self, key: str, value: Any) -> None:
        """Set one value in the user's file; `profiles.NAME.KEY` sets it in a profile.

        Raises:
            ConfigError: the value does not fit the setting, or the file cannot be read or written.
        """
        path = keys.split(key)
        self._check_new(path, value)
        edit_object(self.user_file, lambda data: keys.put(data, path, value))

    def unset_user(self, key: str) -> None:
        """Remove one value from the user's file.

        Raises:
            ConfigError: it is not there, or the file cannot be read or written.
        """
        path = keys.split(key)

        def change(data: dict[str, Any]) -> None:
            if not keys.drop(data, path):
                raise ConfigError(
                    f"{key} is not set in {self.user_file}.",
                    file=str(self.user_file),
                    key=key,
                    hint=f"Its value comes from: {self.origin(key)}.",
                )

        edit_object(self.user_file, change)

    def init_user(self) -> Path:
        """Make sure that the user's file exists, and return its path; one that exists is only read."""
        edit_object(self.user_file, lambda _: None)
        return self.user_file

    def _written(self) -> Iterator[tuple[keys.Path, Mapping[str, Any]]]:
        """Yield everything that has settings in it, each with the path above it."""
        yield (), self._tree
        for layer in self._sources.files:
            for name, values in layer.profiles.items():
                yield ("profiles", name), values

    def _known(self, path: keys.Path) -> bool:
        return any(path[: len(known)] == known for known in map(keys.split, (*self._specs, *LEGACY)))

    def _entry(self, path: keys.Path, value: Any) -> Entry:
        key = keys.join(path)
        secret = any(spec.secret and path[: len(at)] == at for at, spec in self._paths())
        shown = masked(path, value, secret=secret)
        return Entry(key, value, shown, self.origin(key), secret or shown != value)

    def _paths(self) -> list[tuple[keys.Path, SettingSpec]]:
        return [(keys.split(key), spec) for key, spec in self._specs.items()]

    def _check(self, spec: SettingSpec, path: keys.Path, found: Any) -> None:
        for depth in range(1, len(path)):
            above = keys.find(self._tree, path[:depth])
            if above is not keys.MISSING and not isinstance(above, Mapping):
                self._refuse(path[:depth], above, "an object", spec.secret)
        wanted = None if found is keys.MISSING else mismatch(found, spec)
        if wanted:
            self._refuse(path, found, wanted, spec.secret)

    def _refuse(self, path: keys.Path, value: Any, wanted: str, secret: bool) -> None:
        key = keys.join(path)
        text = json.dumps(masked(path, value, secret=secret), default=str)
        raise ConfigError(f"{key} must be {wanted}, not {text:.80} ({self.origin(key)}).", key=key)

    def _check_new(self, path: keys.Path, value: Any) -> None:
        """Refuse a value that would make the settings unusable."""
        in_profile = path[0] == "profiles"
        target = _inside_profile(path)
        if not target:
            raise ConfigError("A profile cannot be set as a whole.", hint="Set one value: profiles.NAME.KEY.")
        data: dict[str, Any] = {}
        keys.put(data, target, value)
        below = self._sources.files if in_profile else self._sources.below_user()
        layers = (*below, Layer("new value", data))
        candidate = Settings(self._specs.values(), Sources(layers, self.user_file))
        for at, spec in self._paths():
            if at[: len(target)] == target or target[: len(at)] == at:
                candidate.value(spec.key)


def load(
    specs: Iterable[SettingSpec],
    *,
    environ: Mapping[str, str],
    profile: str | None = None,
    profiles: Iterable[ProfileSpec] = (),
    overrides: Mapping[str, Any] | None = None,
    system: Path | None = None,
) -> Settings:
    """Read and merge all layers; nothing is written.

    `specs` give the defaults; `profiles` are what plugins offer; `overrides` win over everything (nested objects, or
    dotted keys); of an `HCAConfig`, its profile and what was changed in it count. `system` replaces the machine's file.

    Raises:
        ConfigError: a file cannot be used, or the profile does not exist.
    """
    if isinstance(overrides, Settings):
        profile, overrides = profile or overrides.chosen_profile, overrides.changes()
    sources = read_sources(environ, profile=profile, offered=profiles, overrides=overrides, system=system)
    return Settings(specs, sources)


def _defaults(specs: Iterable[SettingSpec]) -> Layer:
    data: dict[str, Any] = {}
    for spec in specs:
        if spec.default is not None:
            keys.put(data, keys.split(spec.key), spec.default)
    return Layer("default", data)


def _inside_profile(path: keys.Path) -> keys.Path:
    return path[2:] if path[0] == "profiles" else path
