"""`hca local area`: the upload areas of the stack on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from hca_core.cli.context import Context, pass_context
from hca_local.root_option import existing_root, root_option

__all__ = ["area"]


@click.group("area")
def area() -> None:
    """Make, list and delete upload areas, as those who run the upload service do."""


@area.command()
@click.argument("uuid", required=False)
@root_option
@pass_context
def create(output: Context, uuid: str | None, folder: Path | None) -> None:
    """Make an upload area and print where it is.

    Without UUID, a new one is chosen. An area that exists already stays as it is.
    """
    from hca_local.upload import remote

    output.emit(remote.create(existing_root(folder), uuid))


@area.command("list")
@root_option
@pass_context
def list_command(output: Context, folder: Path | None) -> None:
    """Print the upload areas that exist, the oldest first."""
    from hca_local.upload import remote

    output.emit(remote.list_areas(existing_root(folder)))


@area.command()
@click.argument("uuid")
@root_option
@pass_context
def delete(output: Context, uuid: str, folder: Path | None) -> None:
    """Delete an upload area with all files in it.

    Nobody can write to it from now on; the files are deleted in the background.
    """
    from hca_local.upload import remote

    remote.delete(existing_root(folder), uuid)
    output.say("The upload area is being deleted.")
