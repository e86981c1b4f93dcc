"""Checks a plugin against everything that hca expects of one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from hca_core import discovery
from hca_core.discovery import EntryPoint
from hca_core.errors import HcaError
from hca_core.plugins import Plugin, Plugins
from hca_core.records import ObjectStoreSpec, ServiceSpec

__all__ = ["assert_plugin_conforms"]

HEAVY = frozenset({"boto3", "botocore", "google", "requests", "tqdm", "urllib3"})
# Prints what importing a module brings with it; what a fresh interpreter has anyway does not count.
_IMPORT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
before = set(sys.modules)
__import__(sys.argv[2])
print()
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def assert_plugin_conforms(plugin: str | ModuleType) -> None:
    """Check a plugin, given by its entry-point name, its distribution, or its module or that one's name.

    It must load and answer with the right records; what the records name must be importable and of the right kind;
    its module must be light; its names must be free, its settings explained, and its credentials kept from services
    that are not its own.

    Raises:
        AssertionError: something is wrong; the message lists all of it.
    """
    name = plugin.__name__ if isinstance(plugin, ModuleType) else plugin
    plugins = _load(_entry(name))
    found = plugins.all[-1]
    problems = [problem for check in _CHECKS for problem in check(plugins, found)]
    if problems:
        raise AssertionError("\n- ".join([f"The plugin {name!r} does not conform:", *problems]))


def _entry(name: str) -> EntryPoint:
    for entry in discovery.find(sys.path, {}):
        if name in (entry.name, entry.distribution, entry.target):
            return entry
    package = name.partition(".")[0]
    return EntryPoint(package.removeprefix("hca_"), name, package.replace("_", "-"), "0")


def _load(entry: EntryPoint) -> Plugins:
    """Load one plugin as if it alone were installed."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        metadata = folder / f"{entry.distribution.replace('-', '_')}-{entry.version}.dist-info"
        metadata.mkdir()
        (metadata / "entry_points.txt").write_text(f"[{discovery.GROUP}]\n{entry.name} = {entry.target}\n", "utf-8")
        try:
            return Plugins({"HCA_STRICT_PLUGINS": "1"}, folders=[made], cache_file=folder / "plugins.json")
        except (Exception, SystemExit) as error:
            raise AssertionError(f"The plugin {entry.target!r} cannot be loaded: {_sentence(error)}") from error


def _hooks(plugins: Plugins, plugin: Plugin) -> Iterator[str]:
    if not plugins.hooks(plugin):
        yield "it implements no hook; is each function marked with @hookimpl?"


def _commands(plugins: Plugins, plugin: Plugin) -> Iterator[str]:
    import click

    taken = {command.name for command in plugins.all[0].descriptions["hca_commands"]}
    for spec in plugin.descriptions["hca_commands"]:
        if spec.name in taken:
            yield f"the command {spec.name!r} is one of hca's own"
        if not re.fullmatch("[a-z][a-z0-9_-]*", spec.name):
            yield f"the command {spec.name!r} must have a name of lower-case letters, digits, - and _"
        if not spec.summary.strip():
            yield f"the command {spec.name!r} has no summary"
        yield from _target(spec.target, "a click command", lambda found: isinstance(found, click.Command))


def _settings(plugins: Plugins, plugin: Plugin) -> Iterator[str]:
    from hca_core.settings import Settings
    from hca_core.settings.layers import Sources

    taken = {setting.key for setting in plugins.all[0].descriptions["hca_settings"]}
    for spec in plugin.descriptions["hca_settings"]:
        if spec.key in taken:
            yield f"the setting {spec.key} is one of hca's own"
        if not spec.help.strip():
            yield f"the setting {spec.key} has no help"
    try:
        Settings(plugins.settings(), Sources((), Path()))
    except HcaError as error:
        yield f"its settings do not fit together: {error.message}"


def _services(plugins: Plugins, plugin: Plugin) -> Iterator[str]:
    for spec in plugin.descriptions["hca_services"]:
        yield from _service(spec)


def _service(spec: ServiceSpec) -> Iterator[str]:
    if spec.described:
        yield from _described_service(spec)
        return
    yield from _target(spec.client, "a client", callable)
    yield from _target(spec.address, "a function that tells where the service is", callable)
    if spec.description or spec.safe_posts:
        yield f"the service {spec.name!r} has a description, or operations of one, but no address of it"


def _described_service(spec: ServiceSpec) -> Iterator[str]:
    from hca_core.client import ApiClient
    from hca_core.openapi.document import bundled
    from hca_core.openapi.parse import parse

    def fits(found: Any) -> bool:
        return isinstance(found, type) and issubclass(found, ApiClient) and found.service == spec.name

    yield from _target(spec.client, f"an ApiClient whose service is {spec.name!r}", fits)
    if not spec.description_url.startswith("https://"):
        yield f"the description of the service {spec.name!r} is not at an https:// address"
    try:
        api = parse(bundled(spec.description), source_url=spec.description_url, safe_posts=spec.safe_posts)
    except HcaError as error:
        yield f"the description of the service {spec.name!r} cannot be used: {error.message}"
    else:
        for unknown in sorted(spec.safe_posts - {operation.name for operation in api.operations}):
            yield f"the service {spec.name!r} has no operation {unknown!r} that could be a safe POST"


def _object_stores(plugins: Plugins, plugin: Plugin) -> Iterator[str]:
    for spec in plugin.descriptions["hca_object_stores"]:
        yield from _object_store(spec)


def _object_store(spec: ObjectStoreSpec) -> Iterator[str]:
    from hca_core.transfer.objects import ObjectStore

    wanted = [name for name in vars(ObjectStore) if not name.startswith("_")]

    def fits(found: Any) -> bool:
        return isinstance(found, type) and all(callable(getattr(found, name, None)) for name in wanted)

    yield from _target(spec.target, f"an object store with {', '.join(wanted)}", fits)


def _executors(plugins: Plugins, plugin: Plugin) -> Iterator[str]:
    for spec in plugin.descriptions["hca_executors"]:
        yield from _target(spec.target, "a function of the settings and an address", callable)


def _momentary(plugins: Plugins, plugin: Plugin) -> Iterator[str]:
    """The hooks that are asked in every run; a service that nobody knows has no credentials."""
    stranger = "a-service-of-somebody-else"
    try:
        plugins.profiles()
        if plugins.credentials(stranger, "https://service.example.org/v1", {}, None):
            yield "hca_credentials gives a token to every service that asks; look at `service` and `url` first"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is the plugin's
        yield f"a hook fails: {_sentence(error)}"


def _imports(plugins: Plugins, plugin: Plugin) -> Iterator[str]:
    module = plugin.entry.target
    command = [sys.executable, "-c", _IMPORT, json.dumps(sys.path), module]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a module we just imported
    if done.returncode:
        yield f"{module} cannot be imported in a new process: {done.stderr.strip().rpartition(chr(10))[2]}"
        return
    imported = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    if imported & HEAVY:
        yield f"{module} imports {', '.join(sorted(imported & HEAVY))}; import such things where they are used"


_CHECKS = (_hooks, _commands, _settings, _services, _object_stores, _executors, _momentary, _imports)


def _target(target: str, what: str, fits: Callable[[Any], bool]) -> Iterator[str]:
    """What is wrong with the thing that a record's target names."""
    from hca_core.app import load_target

    try:
        found = load_target(target)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
        yield f"{target} cannot be imported: {_sentence(error)}"
        return
    if not fits(found):
        yield f"{target} is not {what}"


def _sentence(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
