"""`hca gen3 download`: a whole dataset, from a PACS or from iRODS."""

from __future__ import annotations

import click

from hca_core.cli.context import Context, pass_context
from hca_gen3.cli.options import endpoint_options, open_auth

__all__ = ["download"]

CONFIG_FILE = click.Path(exists=True, dir_okay=False)


@click.command("download")
@click.argument("dataset")
@click.argument("dest", type=click.Path(file_okay=False))
@click.option(
    "--from",
    "storage",
    type=click.Choice(["pacs", "irods"]),
    default="pacs",
    show_default=True,
    help="Where the files are: `pacs` for images, with metadata from Gen3; `irods` for all files of a dataset.",
)
@click.option(
    "--storage-config",
    type=CONFIG_FILE,
    help="JSON or INI file that says where the PACS or iRODS is.  [default: PACS_… or IRODS_… in the environment, or "
    "the settings pacs.… or irods.…]",
)
@click.option(
    "--gen3-config",
    type=CONFIG_FILE,
    help="JSON or INI file with gen3_endpoint and gen3_cred_file, instead of --endpoint and --key-file.",
)
@endpoint_options
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="How many studies (of a PACS) or files (of iRODS) to fetch at a time.  [default: 2 studies, 4 files]",
)
@click.option("--report", type=click.Path(dir_okay=False), help="Write one JSON line about each file to this file.")
@pass_context
def download(
    context: Context,
    dataset: str,
    dest: str,
    storage: str,
    storage_config: str | None,
    gen3_config: str | None,
    endpoint: str | None,
    key_file: str | None,
    jobs: int | None,
    report: str | None,
) -> None:
    """Download DATASET into a folder of its name in DEST, in the SPARC dataset structure.

    From a PACS come the studies of all subjects that Gen3 knows of DATASET, each instance as a file below
    primary/sub-STUDY/sam-SERIES; dataset_description.xlsx, subjects.xlsx and manifest.xlsx are made of the records in
    Gen3. From iRODS comes the collection DATASET, which brings its metadata along; Gen3 is not asked.

    Every file is verified before it gets its name. Run the same command again to continue: what is there is not
    fetched again. It ends with 9 if files failed (all others are saved), with 7 if there is no such dataset, with 5 if
    Gen3 or iRODS refused you, and with 8 if it did not answer.
    """
    from hca_gen3.downloader import Downloader

    if gen3_config and (endpoint or key_file):
        raise click.UsageError("--gen3-config says what --endpoint and --key-file would: give one or the other.")
    if storage == "irods" and (gen3_config or endpoint or key_file):
        raise click.UsageError("Gen3 is not asked for data in iRODS: leave --gen3-config, --endpoint, --key-file out.")
    auth = None if storage == "irods" or gen3_config else open_auth(context, endpoint, key_file)
    downloader = Downloader(storage_config, gen3_config, storage, app=context.app, auth=auth)
    with context.progress() as progress:
        result = downloader.download_dataset(dataset, dest, jobs=jobs, report=report, progress=progress)
    context.say(_summary(result["files"], result.get("present", 0), result["directory"]))
    context.show(result, lambda _: ())


def _summary(count: int, present: int, directory: str) -> str:
    note = f", of which {present} {'was' if present == 1 else 'were'} there already" if present else ""
    return f"Saved {count} {'file' if count == 1 else 'files'} in {directory}{note}."
