"""`hca gen3 export-node` and `export-record`: what a commons exports, as it is or in the form that the user chose."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from hca_core.cli.context import Context, pass_context
from hca_gen3.cli.options import endpoint_options, open_auth
from hca_gen3.cli.project import chosen_project, project_options

__all__ = ["export_node", "export_record"]

F = TypeVar("F", bound=Callable[..., Any])


def file_options(command: F) -> F:
    """Give a command the options --format and --output-file, which arrive as `fileformat` and `file`."""
    file = click.option(
        "-o", "--output-file", "file", type=click.Path(dir_okay=False), help="Write to this file instead of stdout."
    )
    form = click.option(
        "--format",
        "fileformat",
        type=click.Choice(["json", "tsv"]),
        default="json",
        show_default=True,
        help="What the commons is asked for; TSV can be submitted again.",
    )
    return form(file(command))


@click.command("export-node")
@click.argument("node")
@project_options
@file_options
@endpoint_options
@pass_context
def export_node(
    context: Context,
    /,
    node: str,
    program: str | None,
    project: str | None,
    fileformat: str,
    file: str | None,
    endpoint: str | None,
    key_file: str | None,
) -> None:
    """Export all records of the node type NODE in a project, as the commons writes them.

    With --output or --query before `gen3` they are printed in that form. A file gets its name when it is complete.
    """
    from hca_gen3.exporter import Exporter

    exporter = Exporter(open_auth(context, endpoint, key_file))
    of = chosen_project(context, program, project)
    if context.shaped and not file:
        context.emit(exporter.export_node(*of, node, fileformat))
    else:
        _save(exporter.node(*of, node, fileformat), file)


@click.command("export-record")
@click.argument("uuid")
@project_options
@file_options
@endpoint_options
@pass_context
def export_record(
    context: Context,
    /,
    uuid: str,
    program: str | None,
    project: str | None,
    fileformat: str,
    file: str | None,
    endpoint: str | None,
    key_file: str | None,
) -> None:
    """Export the record with the id UUID, otherwise as `export-node`."""
    from hca_gen3.exporter import Exporter

    exporter = Exporter(open_auth(context, endpoint, key_file))
    of = chosen_project(context, program, project)
    if context.shaped and not file:
        context.emit(exporter.export_record(*of, uuid, fileformat))
    else:
        _save(exporter.record(*of, uuid, fileformat), file)


def _save(pieces: Iterator[bytes], file: str | None) -> None:
    from hca_gen3.exporter import write

    if file is not None:
        write(pieces, Path(file))
        return
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
