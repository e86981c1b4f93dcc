"""Guesses which command somebody meant who named one that does not exist."""

from __future__ import annotations

from difflib import get_close_matches

import click

from hca_core.errors import HcaError

__all__ = ["alternatives"]


def alternatives(name: str, root: click.Group, ctx: click.Context) -> list[str]:
    """Return the commands of this name in groups of `root`, else one of `root` that is spelled nearly so."""
    groups = root.list_commands(ctx)
    found = [f"{group} {name}" for group in groups if _has(root, group, name, ctx)]
    return found or get_close_matches(name, groups, n=1)


def _has(root: click.Group, group: str, name: str, ctx: click.Context) -> bool:
    try:
        command = root.get_command(ctx, group)
        return isinstance(command, click.Group) and name in command.list_commands(ctx)
    except HcaError:
        return False  # what cannot be loaded is no help
