"""`hca plugins`: which plugins are installed, what became of them, and how a new one begins."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from hca_core.cli.context import Context, pass_context
from hca_core.errors import ArgumentError
from hca_core.plugins import Plugin, Plugins


@click.group("plugins", invoke_without_command=True)
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List the installed plugins, or begin a new one."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_plugins)


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known, as JSON.")
@click.option("--requirements", is_flag=True, help="Print a requirements file that installs the same versions.")
@pass_context
def list_plugins(context: Context, as_json: bool = False, requirements: bool = False) -> None:
    """List the installed plugins: name, distribution, commands and whether they work."""
    found = context.app.plugins
    if as_json and requirements:
        raise click.UsageError("Choose one of --json and --requirements.")
    if requirements:
        click.echo("\n".join(pins(found)))
        return
    found.load_all()
    records = [describe(found, plugin) for plugin in found.all]
    if as_json or context.shaped:
        context.emit(records)
        return
    for record in records:
        words = ", ".join(record["commands"]) or "no commands"
        click.echo(f"{record['name']:<10} {record['distribution']} {record['version']}  {record['status']}  {words}")
        if record["error"]:
            context.say(f"Warning: {record['name']}: {record['error']}.")


@plugins.command("info")
@click.argument("name")
@pass_context
def show_plugin(context: Context, name: str) -> None:
    """Show all that is known of one plugin, by its name or its distribution's."""
    found = context.app.plugins
    plugin = found.named(name)
    if plugin is None:
        installed = ", ".join(plugin.entry.name for plugin in found.all)
        raise ArgumentError(f"No installed plugin is called {name!r}.", hint=f"Installed: {installed}.")
    context.emit(details(found, plugin))


@plugins.command("new")
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    show_default="here",
    metavar="DIR",
    help="Where to make the plugin's folder.",
)
@pass_context
def begin_plugin(context: Context, name: str, directory: Path) -> None:
    """Write a small plugin with the command `hca NAME` into a new folder hca-NAME.

    It is complete, tests included, and meant to be changed by hand.
    """
    from hca_core import scaffold

    scaffold.check_name(name, taken_names(context.app.plugins))
    folder = scaffold.write(name, directory)
    context.emit(str(folder))
    context.say(f"Next:\n  cd {shlex.quote(str(folder))}\n  pip install -e '.[dev]'\n  pytest\n  hca {name}")


def describe(found: Plugins, plugin: Plugin) -> dict[str, Any]:
    """Return what `hca plugins list --json` says about one plugin; `import_seconds` is null if it was not imported."""
    hooks = found.hooks(plugin)  # imports it, which decides about the rest
    return {
        "name": plugin.entry.name,
        "distribution": plugin.entry.distribution,
        "version": plugin.entry.version,
        "status": plugin.status,
        "commands": [command.name for command in plugin.descriptions.get("hca_commands", [])],
        "hooks": hooks,
        "import_seconds": plugin.seconds,
        "error": plugin.error,
    }


def details(found: Plugins, plugin: Plugin) -> dict[str, Any]:
    """Return what `describe` does, and everything that the plugin adds to hca."""
    added = {
        hook.removeprefix("hca_"): [_plain(record._asdict()) for record in records]
        for hook, records in plugin.descriptions.items()
    }
    return {**describe(found, plugin), "module": plugin.entry.target, **added}


def pins(found: Plugins) -> list[str]:
    """Return the installed distributions as lines of a requirements file, hca itself included."""
    return sorted({f"{plugin.entry.distribution}=={plugin.entry.version}" for plugin in found.all})


def taken_names(found: Plugins) -> dict[str, str]:
    """Return the names that a new plugin cannot have, each with its owner."""
    from hca_core.cli.root import PACKAGES

    # A plugin's settings are below its name, so it must not be the name of other settings either.
    sections = {setting.key.partition(".")[0]: "the settings of hca" for setting in found.settings()}
    packages = {name: f"the package {package}" for name, package in PACKAGES.items()}
    commands = {
        command.name: str(plugin.entry)
        for plugin in found.all
        for command in plugin.descriptions.get("hca_commands", [])
    }
    entries = {plugin.entry.name: str(plugin.entry) for plugin in found.all}
    return {"profiles": "the settings of hca", **sections, **packages, **commands, **entries}


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in record.items()}
