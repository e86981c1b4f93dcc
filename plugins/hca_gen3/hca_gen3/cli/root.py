"""`hca gen3`: finds its commands when they are used, so that its help imports none of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["COMMANDS", "gen3"]

COMMANDS = {
    "auth": ("hca_gen3.cli.auth:auth", "Show who you are at a commons, or get a token."),
    "convert": ("hca_gen3.cli.convert:convert", "Convert the metadata of a SPARC dataset to JSON for Gen3."),
    "download": ("hca_gen3.cli.download:download", "Download a dataset from a PACS or from iRODS."),
    "export-node": ("hca_gen3.cli.export:export_node", "Export all records of a node type."),
    "export-record": ("hca_gen3.cli.export:export_record", "Export one record."),
    "nodes": ("hca_gen3.cli.query:nodes", "List node types, or the records of one."),
    "programs": ("hca_gen3.cli.query:programs", "List the programs of a commons."),
    "projects": ("hca_gen3.cli.query:projects", "List the projects of programs."),
    "query": ("hca_gen3.cli.query:query", "Send a GraphQL query."),
    "submit": ("hca_gen3.cli.submit:submit", "Submit files of records."),
}
"""Where each command is, and what it is for."""


class LazyGroup(click.Group):
    """A group that imports a command when it is used. Without one it shows its help, which is no mistake."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = {name: summary for name, (_, summary) in COMMANDS.items() if name.startswith(incomplete)}
        items = [CompletionItem(name, help=summary) for name, summary in found.items()]
        return items + click.Command.shell_complete(self, ctx, incomplete)


@click.group("gen3", cls=LazyGroup)
def gen3() -> None:
    """Work with a Gen3 data commons and with SPARC datasets.

    Commands that talk to a commons need its API key: get one from your profile page there and save it as
    ~/.gen3/credentials.json.
    """
