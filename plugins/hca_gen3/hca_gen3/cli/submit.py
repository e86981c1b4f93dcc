"""`hca gen3 submit`: files of records become records of a project."""

from __future__ import annotations

from typing import Any

import click

from hca_core.cli.context import Context, pass_context
from hca_gen3.cli.options import endpoint_options, open_auth
from hca_gen3.cli.project import chosen_project, project_options

__all__ = ["submit"]


@click.command("submit")
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@project_options
@click.option(
    "--chunk-size",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="How many records to send together; fewer if they are too many for the commons.",
)
@click.option("--create-only", is_flag=True, help="Refuse records that exist already, instead of updating them.")
@click.option("--dry-run", is_flag=True, help="Let the commons check everything; write nothing, there or here.")
@click.option(
    "--failed-dir",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where to write records that were not accepted.  [default: beside each FILE]",
)
@endpoint_options
@pass_context
def submit(
    context: Context,
    /,
    files: tuple[str, ...],
    program: str | None,
    project: str | None,
    endpoint: str | None,
    key_file: str | None,
    **options: Any,
) -> None:
    """Submit the records in FILEs (.json, .tsv or .csv) to a project, and print what became of them.

    Records that link to others may come before or after them. One that is refused does not keep the others out; it is
    in NAME.failed.json (or .tsv, .csv) afterwards, which can be submitted again when it is corrected. A submission
    that was interrupted can be repeated.
    """
    from hca_gen3.commons import Commons
    from hca_gen3.submission import submit

    of = chosen_project(context, program, project)
    commons = Commons(open_auth(context, endpoint, key_file))
    with context.progress() as progress:
        found = submit(commons, files, *of, progress=progress, **options)
    context.emit(found.as_record())
    found.raise_for_failures()
