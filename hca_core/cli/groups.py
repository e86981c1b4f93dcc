"""Groups of commands: one that shows its help where no command is named, and one that imports commands when used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from hca_core.errors import PluginError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from hca_core.records import CommandSpec

__all__ = ["HelpGroup", "LazyGroup", "completions", "load_command"]


class HelpGroup(click.Group):
    """A group that shows its help if no command is named, which is no mistake."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


class LazyGroup(HelpGroup):
    """A group whose commands are described by `specs` and imported when they are used: its help imports none."""

    def __init__(self, *args: Any, specs: Iterable[CommandSpec], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.specs = {spec.name: spec for spec in specs}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.specs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load_command(self.specs[cmd_name]) if cmd_name in self.specs else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(spec.name, spec.summary) for spec in self.specs.values()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return completions(self, self.specs.values(), ctx, incomplete)


def load_command(spec: CommandSpec) -> click.Command:
    """Import a command.

    Raises:
        PluginError: it cannot be imported, or is none.
    """
    from hca_core.app import load_target

    try:
        command = load_target(spec.target)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"The command {spec.name!r} cannot be loaded: {error}.", plugin=spec.name) from error
    if not isinstance(command, click.Command):
        raise PluginError(f"{spec.target}, the target of {spec.name!r}, is not a command.", plugin=spec.name)
    return command


def completions(
    group: click.Group, specs: Iterable[CommandSpec], ctx: click.Context, incomplete: str
) -> list[CompletionItem]:
    """Return what a word in the place of a command may become; click would import every command for its help."""
    from click.shell_completion import CompletionItem

    found = [CompletionItem(spec.name, help=spec.summary) for spec in specs if spec.name.startswith(incomplete)]
    return found + click.Command.shell_complete(group, ctx, incomplete)
