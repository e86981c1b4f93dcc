"""Loads plugins one by one, remembers what they describe, and keeps a broken one from hurting the others.

What a plugin describes (commands, services, settings, object stores) is asked once per installed version and kept in
the cache folder, so listing commands imports no plugin. Hooks that answer differently from moment to moment
(profiles, credentials) load their plugins when they are called.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from hca_core import __version__, discovery
from hca_core.discovery import EntryPoint
from hca_core.errors import HcaError, PluginError
from hca_core.folders import own_folder
from hca_core.records import (
    CommandSpec,
    Credentials,
    ExecutorSpec,
    ObjectStoreSpec,
    ProfileSpec,
    ServiceSpec,
    SettingSpec,
)

if TYPE_CHECKING:
    import pluggy

__all__ = ["Plugin", "Plugins"]

BUILTIN = EntryPoint("core", "hca_core.builtin", "hca-core", __version__)
DESCRIPTIONS: Mapping[str, type] = {
    "hca_commands": CommandSpec,
    "hca_services": ServiceSpec,
    "hca_settings": SettingSpec,
    "hca_object_stores": ObjectStoreSpec,
    "hca_executors": ExecutorSpec,
}
# The core's settings that each service may have of its own, and how they are called in its section.
PER_SERVICE: Mapping[str, str] = {
    "login.client_id": "login_client_id",
    "login.issuer": "login_issuer",
    "network.connect_timeout": "connect_timeout",
    "network.deadline": "deadline",
    "network.read_timeout": "read_timeout",
    "network.retries": "retries",
}
_CACHE_FORMAT = 3

Record = TypeVar("Record")


class Plugin:
    """One plugin and what became of it.

    `seconds` is how long its import took, None if it was not imported; `warnings` are about hooks and arguments that
    will go away.
    """

    def __init__(self, entry: EntryPoint) -> None:
        self.entry = entry
        self.descriptions: dict[str, list[Any]] = {}
        self.error: str | None = None
        self.seconds: float | None = None
        self.module: Any = None
        self.warnings: list[str] = []

    @property
    def status(self) -> str:
        """`ok` or `broken`."""
        return "broken" if self.error else "ok"


class Plugins:
    """All plugins that may be used in this process.

    `HCA_PLUGINS` limits them by entry-point or distribution name (empty: none); `HCA_STRICT_PLUGINS=1` raises
    what a broken plugin raised; `HCA_TRACE_PLUGINS=1` shows every call of a hook on stderr.
    """

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        *,
        folders: Iterable[str] | None = None,
        cache_file: str | os.PathLike[str] | None = None,
    ) -> None:
        self._strict = environ.get("HCA_STRICT_PLUGINS", "") not in ("", "0")
        self._traced = environ.get("HCA_TRACE_PLUGINS", "") not in ("", "0")
        self._cache_file = cache_file or os.path.join(own_folder("cache", environ), "plugins.json")
        self._cache = _read_cache(self._cache_file)
        self._before = json.dumps(self._cache)
        folders = list(sys.path if folders is None else folders)
        found = discovery.find(folders, self._cache["folders"])
        self.leftover = discovery.leftover(folders, self._cache["folders"])
        self._manager: pluggy.PluginManager | None = None
        self.all = [Plugin(BUILTIN), *map(Plugin, _chosen(found, environ.get("HCA_PLUGINS")))]
        for plugin in self.all:
            self._describe(plugin)
        self._save()

    def broken(self) -> list[Plugin]:
        """Plugins that could not be loaded, or answered with nonsense."""
        return [plugin for plugin in self.all if plugin.error]

    def named(self, name: str) -> Plugin | None:
        """The plugin with this entry-point or distribution name."""
        return next((plugin for plugin in self.all if name in (plugin.entry.name, plugin.entry.distribution)), None)

    def commands(self) -> dict[str, CommandSpec]:
        """Commands by name, sorted; of a name that several plugins claim, the first claim."""
        found: dict[str, CommandSpec] = {}
        for _, command in self._described(CommandSpec):
            found.setdefault(command.name, command)
        return dict(sorted(found.items()))

    def command(self, name: str) -> CommandSpec | None:
        """Return the command called `name`, or None if no plugin has it.

        Raises:
            PluginError: two plugins claim the name, or the plugin that would have it is broken.
        """
        claims = [(plugin, command) for plugin, command in self._described(CommandSpec) if command.name == name]
        if not claims:
            self._refuse_broken(name)
            return None
        owners = [str(plugin.entry) for plugin, _ in claims]
        if len(claims) > 1 and claims[0][0].entry != BUILTIN:
            raise PluginError(
                f"The command {name!r} is claimed by {' and '.join(owners)}.",
                plugin=name,
                hint=f"Uninstall one of them, or choose for this run: HCA_PLUGINS={claims[0][0].entry.distribution}",
            )
        return claims[0][1]

    def services(self) -> dict[str, ServiceSpec]:
        """Services by name."""
        return {service.name: service for _, service in reversed(self._described(ServiceSpec))}

    def settings(self) -> list[SettingSpec]:
        """Settings of the core and of every plugin, in order of key.

        Each service has some of the core's settings of its own, in its section: `DSSClient.read_timeout`. Those of a
        login are left to services with an API description, which says how to log in.
        """
        found = [setting for _, setting in self._described(SettingSpec)]
        own = [
            setting._replace(
                key=f"{service.section}.{PER_SERVICE[setting.key]}",
                default=None,
                help=f"`{setting.key}` for the {service.title} alone.",
            )
            for service in self.services().values()
            for setting in found
            if setting.key in PER_SERVICE and (service.described or not setting.key.startswith("login."))
        ]
        return sorted([*found, *own], key=lambda setting: setting.key)

    def object_stores(self) -> dict[str, ObjectStoreSpec]:
        """Kinds of object stores by URL scheme."""
        return {store.scheme: store for _, store in reversed(self._described(ObjectStoreSpec))}

    def executors(self) -> dict[str, ExecutorSpec]:
        """Workers other than local threads, by name."""
        return {executor.name: executor for _, executor in reversed(self._described(ExecutorSpec))}

    def profiles(self) -> list[ProfileSpec]:
        """Settings profiles that plugins offer right now."""
        return [profile for plugin in self.all for profile in self._ask(plugin, "hca_profiles", ProfileSpec)]

    def credentials(
        self, service: str, url: str, settings: Mapping[str, Any], rejected: str | None
    ) -> Credentials | None:
        """The first answer of any plugin to who the user is, at `service` with address `url`."""
        arguments = {"service": service, "url": url, "settings": settings, "rejected": rejected}
        for plugin in self.all:
            for answer in self._ask(plugin, "hca_credentials", Credentials, **arguments):
                return answer
        return None

    def load_all(self) -> None:
        """Import every plugin, to see which of them work."""
        for plugin in self.all:
            self._load(plugin)

    def hooks(self, plugin: Plugin) -> list[str]:
        """Names of the hooks that `plugin` implements; none if it is broken."""
        if not self._load(plugin):
            return []
        callers = self._pluggy().get_hookcallers(plugin.module) or []
        return sorted(caller.name for caller in callers)

    def _described(self, record: type[Record]) -> list[tuple[Plugin, Record]]:
        hook = next(name for name, kind in DESCRIPTIONS.items() if kind is record)
        return [(plugin, item) for plugin in self.all for item in plugin.descriptions.get(hook, [])]

    def _refuse_broken(self, name: str) -> None:
        for plugin in self.broken():
            if plugin.entry.name == name:
                raise PluginError(
                    f"The {name!r} plugin ({plugin.entry}) is broken: {plugin.error}.",
                    plugin=name,
                    distribution=plugin.entry.distribution,
                    hint="`HCA_STRICT_PLUGINS=1 hca plugins` shows where it fails.",
                )

    def _describe(self, plugin: Plugin) -> None:
        key = f"{plugin.entry.name}={plugin.entry.target} {plugin.entry}"
        remembered = _recall(self._cache["plugins"].get(key))
        if remembered and not self._traced:
            plugin.descriptions = remembered
            return
        for hook, record in DESCRIPTIONS.items():
            plugin.descriptions[hook] = self._ask(plugin, hook, record)
        if not plugin.error:
            self._cache["plugins"][key] = _remember(plugin)

    def _ask(self, plugin: Plugin, hook: str, record: type[Record], **arguments: Any) -> list[Record]:
        """Call one hook of one plugin; whatever it does wrong becomes its error."""
        if not self._load(plugin):
            return []
        manager = self._pluggy()
        others = [other for other in manager.get_plugins() if other is not plugin.module]
        try:
            with redirect_stdout(sys.stderr):
                answer = manager.subset_hook_caller(hook, others)(**arguments)
            return _checked(hook, answer, record)
        except HcaError as error:
            if hook in DESCRIPTIONS or isinstance(error, PluginError):
                self._blame(plugin, error)
                return []
            raise  # a plugin's own words to the user, such as expired credentials
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin does must not break the others
            self._blame(plugin, error)
            return []

    def _load(self, plugin: Plugin) -> bool:
        if plugin.module is None and plugin.error is None:
            started = time.perf_counter()
            try:
                # A plugin that prints while it is imported must not spoil the data on stdout.
                with redirect_stdout(sys.stderr):
                    plugin.module = self._register(plugin)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
                self._blame(plugin, error)
            plugin.seconds = time.perf_counter() - started
        return plugin.error is None

    def _register(self, plugin: Plugin) -> Any:
        from importlib import import_module

        from hca_core import hookspecs

        module = import_module(plugin.entry.target)
        wanted = getattr(module, "API_VERSION", hookspecs.API_VERSION)
        if wanted != hookspecs.API_VERSION:
            raise PluginError(f"it is written for version {wanted} of hca's hooks; this is {hookspecs.API_VERSION}")
        manager = self._pluggy()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            manager.register(module, name=f"{plugin.entry.distribution}:{plugin.entry.name}")
        plugin.warnings = [str(warning.message) for warning in caught]
        try:
            manager.check_pending()
        except Exception:
            manager.unregister(module)
            raise
        return module

    def _pluggy(self) -> pluggy.PluginManager:
        if self._manager is None:
            import pluggy

            from hca_core import hookspecs

            self._manager = pluggy.PluginManager("hca")
            self._manager.add_hookspecs(hookspecs)
            if self._traced:
                self._manager.add_hookcall_monitoring(_no_trace, _trace)
        return self._manager

    def _blame(self, plugin: Plugin, error: BaseException) -> None:
        if self._strict:
            raise error
        plugin.error = _sentence(error)

    def _save(self) -> None:
        after = json.dumps(self._cache)
        if after == self._before:
            return
        from pathlib import Path

        from hca_core.paths import atomic_write

        with suppress(OSError):  # a read-only home: slower, not broken
            atomic_write(Path(self._cache_file), after)


def _no_trace(hook: str, implementations: Sequence[Any], arguments: Mapping[str, Any]) -> None:
    """What happens before a call is not shown: the answer tells it all."""


def _trace(outcome: Any, hook: str, implementations: Sequence[Any], arguments: Mapping[str, Any]) -> None:
    from hca_core.redact import redact

    words = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    answer = repr(outcome.exception or outcome.get_result())
    for implementation in implementations:
        sys.stderr.write(f"{implementation.plugin_name}: {hook}({redact(words)}) -> {redact(answer)}\n")


def _chosen(found: Sequence[EntryPoint], names: str | None) -> list[EntryPoint]:
    if names is None:
        return list(found)
    wanted = {name.strip() for name in names.split(",")}
    return [entry for entry in found if wanted & {entry.name, entry.distribution}]


def _sentence(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(".: ")


def _checked(hook: str, answer: Any, record: type[Record]) -> list[Record]:
    """Return one plugin's records; pluggy answers a list of results, or one result where the first one counts."""
    if hook == "hca_credentials":
        items = [] if answer is None else [answer]
    else:
        items = answer[0] if answer else []
    if not isinstance(items, list) or not all(isinstance(item, record) for item in items):
        raise PluginError(f"{hook} returned {items!r:.100}, not {record.__name__} records")
    return items


def _recall(known: Any) -> dict[str, list[Any]] | None:
    """Return a plugin's records as `_remember` kept them; None if its file has changed, or they are unreadable."""
    try:
        if all(_modified(file) == modified for file, modified in known["files"].items()):
            return {hook: _records(hook, known["descriptions"][hook]) for hook in DESCRIPTIONS}
    except (AttributeError, KeyError, TypeError):
        pass
    return None


def _records(hook: str, items: list[dict[str, Any]]) -> list[Any]:
    return [DESCRIPTIONS[hook](**{key: _thawed(value) for key, value in item.items()}) for item in items]


def _thawed(value: Any) -> Any:
    return frozenset(value["frozenset"]) if isinstance(value, dict) and set(value) == {"frozenset"} else value


def _remember(plugin: Plugin) -> dict[str, Any]:
    """Return what to keep of a plugin: its records, and the file whose change makes them stale."""
    file = str(plugin.module.__file__)
    descriptions = {
        hook: [
            {key: {"frozenset": sorted(value)} if isinstance(value, frozenset) else value for key, value in item}
            for item in (record._asdict().items() for record in records)
        ]
        for hook, records in plugin.descriptions.items()
    }
    return {"files": {file: _modified(file)}, "descriptions": descriptions}


def _modified(file: str) -> int | None:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return None


def _read_cache(file: str | os.PathLike[str]) -> dict[str, Any]:
    empty: dict[str, Any] = {"format": _CACHE_FORMAT, "core": __version__, "folders": {}, "plugins": {}}
    try:
        with open(file, "rb") as opened:
            cache = json.load(opened)
        usable = all(cache[key] == empty[key] for key in ("format", "core")) and all(
            isinstance(cache[key], dict) for key in ("folders", "plugins")
        )
    except (OSError, ValueError, KeyError, TypeError):
        return empty
    return cache if usable else empty
