"""The options with which commands of `hca gen3` name a project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from hca_core.cli.context import Context

__all__ = ["chosen_project", "project_options"]

F = TypeVar("F", bound=Callable[..., Any])


def project_options(command: F) -> F:
    """Give a command the options --program and --project, which arrive as `program` and `project`."""
    project = click.option(
        "--project", metavar="NAME", help="Name of the project.  [default: the setting gen3.project]"
    )
    program = click.option(
        "--program", metavar="NAME", help="Name of the program.  [default: the setting gen3.program]"
    )
    return program(project(command))


def chosen_project(context: Context, program: str | None, project: str | None) -> tuple[str, str]:
    """Return the program and the project that are meant.

    Raises:
        click.UsageError: neither the command nor the settings name one of them.
    """
    settings = context.app.settings
    found = program or settings.value("gen3.program"), project or settings.value("gen3.project")
    for word, name in zip(("program", "project"), found, strict=True):
        if not name:
            raise click.UsageError(f"Name the {word} with --{word}, or in the setting gen3.{word}.")
    return str(found[0]), str(found[1])
