"""`hca plugins`: which plugins are installed, and what became of them."""

from __future__ import annotations

from typing import Any

import click

from hca_core.cli.context import Context, pass_context
from hca_core.plugins import Plugin, Plugins


@click.group("plugins", invoke_without_command=True)
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List the installed plugins."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_plugins)


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known, as JSON.")
@pass_context
def list_plugins(context: Context, as_json: bool = False) -> None:
    """List the installed plugins: name, distribution, commands and whether they work."""
    found = context.app.plugins
    found.load_all()
    records = [describe(found, plugin) for plugin in found.all]
    if as_json:
        context.emit(records)
        return
    for record in records:
        words = ", ".join(record["commands"]) or "no commands"
        click.echo(f"{record['name']:<10} {record['distribution']} {record['version']}  {record['status']}  {words}")
        if record["error"]:
            context.say(f"Warning: {record['name']}: {record['error']}.")


def describe(found: Plugins, plugin: Plugin) -> dict[str, Any]:
    """Return what `hca plugins list --json` says about one plugin; `import_seconds` is null if it was not imported."""
    return {
        "name": plugin.entry.name,
        "distribution": plugin.entry.distribution,
        "version": plugin.entry.version,
        "status": plugin.status,
        "commands": [command.name for command in plugin.descriptions.get("hca_commands", [])],
        "hooks": found.hooks(plugin),
        "import_seconds": plugin.seconds,
        "error": plugin.error,
    }
