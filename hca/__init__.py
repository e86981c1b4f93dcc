"""The names the documentation uses: `from hca import HCAConfig`, `from hca.dss import DSSClient`.

`hca.<name>` is the package of the plugin called `<name>`: the same module object as `hca_<name>`, so classes keep their
identity whichever way they are imported.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hca.config import HCAConfig, get_config
    from hca_core import __version__

__all__ = ["HCAConfig", "__version__", "get_config"]

_OWN = frozenset({"hca.config", "hca.util"})
_FIRST_PARTY = frozenset({"auth", "dss", "gen3", "local", "upload"})


class MissingPlugin(ModuleNotFoundError):
    """A plugin package that the code wants to import is not installed."""


class _PluginLoader(Loader):
    """Answers the import of `hca.dss` with the module `hca_dss`."""

    def __init__(self, real: str) -> None:
        self.real = real
        self.spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self.real)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just put the spec of `hca.dss` on the shared module; it is `hca_dss`, and stays so.
        module.__spec__ = self.spec
        module.__loader__ = self.spec.loader if self.spec else None


class _PluginFinder(MetaPathFinder):
    """Finds `hca.<plugin>` and everything below it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root, _, rest = fullname.partition(".")
        if root != "hca" or not rest or fullname in _OWN or fullname.startswith(tuple(f"{own}." for own in _OWN)):
            return None
        name = rest.partition(".")[0]
        if find_spec(f"hca_{name}") is None:
            if name not in _FIRST_PARTY:
                return None
            raise MissingPlugin(
                f"{fullname} is provided by the package hca-{name}, which is not installed.", name=fullname
            )
        return ModuleSpec(fullname, _PluginLoader(f"hca_{rest}"), is_package=False)


# First in line: the ordinary finder would import a second copy of a submodule through the package's `__path__`.
sys.meta_path.insert(0, _PluginFinder())


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from hca_core import __version__

        return __version__
    if name in ("HCAConfig", "get_config"):
        return getattr(import_module("hca.config"), name)
    if not name.startswith("_"):
        try:
            return import_module(f"hca.{name}")
        except ModuleNotFoundError as error:
            if error.name not in (f"hca.{name}", f"hca_{name}"):
                raise  # the plugin is there, but something it needs is not
            raise AttributeError(str(error)) from error
    raise AttributeError(f"module 'hca' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, "config", "util"})
