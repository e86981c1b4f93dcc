"""`hca gen3 convert`: the metadata sheets of a SPARC dataset become JSON for Gen3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from hca_core.cli.context import Context, pass_context

__all__ = ["convert"]


@click.command("convert")
@click.argument("source", type=click.Path(exists=True, file_okay=False))
@click.argument("dest", type=click.Path(file_okay=False))
@click.option("--project", metavar="NAME", help="Name of the project.  [default: the setting gen3.project]")
@click.option("--experiment", required=True, metavar="NAME", help="What Gen3 is to call the dataset.")
@click.option(
    "--sds-version",
    type=click.Choice(["1.2.3", "2.0.0"]),
    default="2.0.0",
    show_default=True,
    help="Version of the SPARC dataset structure that the sheets follow.",
)
@click.option(
    "--schema-dir",
    type=click.Path(exists=True, file_okay=False),
    help="Folder with the commons' data dictionary (YAML).  [default: one that comes with hca]",
)
@click.option("--samples", is_flag=True, help="Convert the samples, too.")
@pass_context
def convert(
    context: Context,
    source: str,
    dest: str,
    project: str | None,
    experiment: str,
    sds_version: str,
    schema_dir: str | None,
    samples: bool,
) -> None:
    """Convert the metadata of a SPARC dataset to JSON that can be submitted to Gen3.

    SOURCE is the folder of the dataset, with dataset_description, subjects and manifests as .xlsx, .csv or .tsv. DEST
    gets a file for each kind of record; nothing is written if a sheet is malformed.
    """
    from hca_gen3.convertor import Gen3Convertor

    convertor = Gen3Convertor(project or _project(context), experiment, sds_version)
    if schema_dir:
        convertor.set_schema_dir(schema_dir)
    converted = convertor.convert(source, dest, samples=samples)
    for line in converted.left_out:
        context.say(f"Left out: {line}")
    files = [{"file": str(path), "records": count} for path, count in converted.records.items()]
    context.say(f"Converted {source} into {len(files)} files.")
    context.show(files, _lines)


def _project(context: Context) -> str:
    project = context.app.settings.value("gen3.project")
    if not project:
        raise click.UsageError("Name the project with --project, or in the setting gen3.project.")
    return str(project)


def _lines(files: list[dict[str, Any]]) -> Iterator[str]:
    return (f"{file['file']}\t{file['records']}" for file in files)
