"""Where settings come from, weakest first: files, the chosen profile, the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hca_core import paths
from hca_core.errors import ConfigError
from hca_core.records import ProfileSpec
from hca_core.settings import keys
from hca_core.settings.files import read_object

__all__ = ["Layer", "Sources", "read_sources"]

SYSTEM, USER, NAMED = "system file", "user file", "HCA_CONFIG_FILE"


@dataclass(frozen=True)
class Layer:
    """One source of settings; `profiles` are the profiles it defines, by name."""

    name: str
    data: Mapping[str, Any]
    file: Path | None = None
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} {self.file}" if self.file else self.name


@dataclass(frozen=True)
class Sources:
    """All that was read: `files` in order, the profiles that plugins `offer`, what was chosen and overridden."""

    files: tuple[Layer, ...]
    user_file: Path
    offered: tuple[ProfileSpec, ...] = ()
    profile: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def layers(self) -> list[Layer]:
        """Return every layer that counts, weakest first.

        Raises:
            ConfigError: the profile does not exist.
        """
        chosen = self._profile_layers(self.profile) if self.profile else []
        overrides = [Layer("command line or argument", keys.expand(self.overrides))] if self.overrides else []
        return [*self.files, *chosen, *overrides]

    def below_user(self) -> list[Layer]:
        """Return the file layers that are weaker than the user's file."""
        return [layer for layer in self.files if layer.name == SYSTEM]

    def profile_names(self) -> list[str]:
        """Return the names of all profiles that can be chosen, sorted."""
        offered = {spec.name for spec in self.offered if spec.values is not None}
        return sorted(offered | {name for layer in self.files for name in layer.profiles})

    def with_profile(self, name: str) -> Sources:
        """Return the same sources with another profile chosen."""
        return replace(self, profile=name)

    def _profile_layers(self, name: str) -> list[Layer]:
        specs = [spec for spec in self.offered if spec.name == name]
        offered = [Layer(f"profile {name}", keys.expand(spec.values)) for spec in specs if spec.values is not None]
        written = [
            Layer(f"profile {name} of {layer.name}", layer.profiles[name], layer.file)
            for layer in self.files
            if name in layer.profiles
        ]
        if not offered and not written:
            now = " at the moment" if specs else ""
            hint = next((spec.hint for spec in specs), None) or self._known_profiles()
            raise ConfigError(f"There is no settings profile {name!r}{now}.", key=f"profiles.{name}", hint=hint)
        return [*offered, *written]

    def _known_profiles(self) -> str:
        known = ", ".join(self.profile_names())
        return f"Known profiles: {known}." if known else "No profiles are defined; add them as `profiles.NAME.KEY`."


def read_sources(
    environ: Mapping[str, str],
    *,
    profile: str | None = None,
    offered: Iterable[ProfileSpec] = (),
    overrides: Mapping[str, Any] | None = None,
    system: Path | None = None,
) -> Sources:
    """Read every file of settings; without `profile`, `HCA_PROFILE` chooses.

    Raises:
        ConfigError: a file cannot be used, or one named in `HCA_CONFIG_FILE` does not exist.
    """
    user_file = paths.config_dir(environ) / "config.json"
    standard = {SYSTEM: system or system_file(environ), USER: user_file}
    layers = [_layer(name, file) for name, file in standard.items()]
    layers += [_named_layer(file) for file in named_files(environ)]
    return Sources(
        files=tuple(layer for layer in layers if layer),
        user_file=user_file,
        offered=tuple(offered),
        profile=profile or environ.get("HCA_PROFILE") or None,
        overrides=overrides or {},
    )


def system_file(environ: Mapping[str, str], windows: bool = os.name == "nt") -> Path:
    """Return where the administrator of this machine keeps settings for everyone."""
    if windows:
        return Path(environ.get("PROGRAMDATA") or r"C:\ProgramData", "hca", "config.json")
    return Path("/etc/hca/config.json")


def named_files(environ: Mapping[str, str], separator: str = os.pathsep) -> list[Path]:
    """Return the files listed in `HCA_CONFIG_FILE`, `~` expanded."""
    names = environ.get(NAMED, "").split(separator)
    return [_expand_home(name.strip(), environ) for name in names if name.strip()]


def _expand_home(name: str, environ: Mapping[str, str]) -> Path:
    if name == "~" or name.startswith(("~/", f"~{os.sep}")):
        return Path(environ.get("HOME") or Path.home(), name[2:])
    return Path(name)


def _named_layer(file: Path) -> Layer:
    layer = _layer(NAMED, file)
    if layer is None:
        raise ConfigError(f"{file}, named in {NAMED}, does not exist.", file=str(file))
    return layer


def _layer(name: str, file: Path) -> Layer | None:
    data = read_object(file)
    if data is None:
        return None
    profiles = data.pop("profiles", {})
    if not isinstance(profiles, dict) or not all(isinstance(values, dict) for values in profiles.values()):
        raise ConfigError(f"`profiles` in {file} must be an object of objects.", file=str(file), key="profiles")
    return Layer(name, data, file, profiles)
