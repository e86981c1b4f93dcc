"""`hca dss`: the commands of the DSS's API, and those that move whole bundles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import click

from hca_core.cli.api import ApiGroup
from hca_core.cli.context import Context, pass_context
from hca_core.cli.options import regroup

REPLICAS = click.Choice(["aws", "gcp"])
PATTERNS = {"--metadata-filter": "array", "--data-filter": "array"}
FROM_REPLICA = click.option("--replica", required=True, type=REPLICAS, help="Replica to download from.")
DOWNLOAD_DIR = click.option(
    "--download-dir", default="", metavar="DIR", help="Where to save it.  [default: the current folder]"
)
TRANSFER_OPTIONS = (
    click.option(
        "--num-retries",
        type=click.IntRange(min=0),
        default=10,
        show_default=True,
        help="How many failures of a file to accept; what arrives in between earns new ones.",
    ),
    click.option(
        "--min-delay-seconds",
        type=click.FloatRange(min=0),
        default=0.25,
        show_default=True,
        help="How long to wait at least before trying again.",
    ),
    click.option(
        "--jobs", type=click.IntRange(min=1), help="How many files to fetch at a time.  [default: by their sizes]"
    ),
    click.option("--limit-rate", metavar="RATE", help="Bytes per second for all files together, such as 500k or 5M."),
    click.option("--dry-run", is_flag=True, help="Print as JSON what would be done; write nothing."),
    click.option(
        "--existing",
        type=click.Choice(["skip", "verify", "overwrite", "error"]),
        default="skip",
        show_default=True,
        help="Files that are there already: `skip` trusts a fetched file of the right size, `verify` reads it again "
        "and compares its checksum, `overwrite` fetches and replaces it, `error` refuses to start.",
    ),
    click.option("--report", type=click.Path(dir_okay=False), help="Write one JSON line about each file to this file."),
    click.option("--fail-fast", is_flag=True, help="Stop at the first file that fails."),
)

Command = TypeVar("Command", bound=Callable[..., Any])


def transfer_options(command: Command) -> Command:
    """Give a command the options that all downloads have in common."""
    for option in reversed(TRANSFER_OPTIONS):
        command = option(command)
    return command


class PatternCommand(click.Command):
    """A command whose filters take one or more patterns: `--data-filter '*.fastq' '*.bam'`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, regroup(args, PATTERNS))


@click.group("dss", cls=ApiGroup, service="dss")
def dss() -> None:
    """Interact with the HCA Data Storage System."""


@dss.command("create-version")
@pass_context
def create_version(context: Context) -> None:
    """Print a timestamp that can be used for versioning."""
    from hca_dss.version import create_version

    click.echo(create_version())


@dss.command("upload")
@click.option("--src-dir", required=True, metavar="DIR", help="Folder whose files are uploaded.")
@click.option("--replica", required=True, type=REPLICAS, help="Replica to upload to.")
@click.option(
    "--staging-bucket",
    required=True,
    metavar="BUCKET",
    help="Bucket of yours from which the DSS takes the files: a name, or s3://bucket/prefix.",
)
@click.option(
    "--timeout-seconds",
    type=click.FloatRange(min=0),
    default=1200,
    show_default=True,
    help="How long to wait for the DSS to take a file.",
)
@click.option("--no-progress", is_flag=True, help="Do not show the progress of the upload.")
@click.option(
    "--bundle-uuid",
    metavar="UUID",
    help="UUID of the bundle; give that of an interrupted upload to continue it.  [default: a new one]",
)
@click.option("--jobs", type=click.IntRange(min=1), help="How many files to send at a time.  [default: 8]")
@click.option("--dry-run", is_flag=True, help="Print as JSON what would be sent; send nothing.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write one JSON line about each file to this file.")
@pass_context
def upload(context: Context, /, no_progress: bool, **options: Any) -> None:
    """Upload the files of a folder and make a bundle of them.

    Files whose names end in .json become the bundle's metadata. An upload that failed can be repeated with the same
    --bundle-uuid: what has arrived is not sent again.
    """
    with nullcontext() if no_progress else context.progress() as progress:
        result = context.app.client("dss").upload(**options, progress=progress)
    context.emit(result)


@dss.command("download", cls=PatternCommand)
@click.option("--bundle-uuid", required=True, metavar="UUID", help="UUID of the bundle.")
@FROM_REPLICA
@click.option("--version", default="", metavar="VERSION", help="Version of the bundle.  [default: the latest]")
@DOWNLOAD_DIR
@click.option(
    "--metadata-filter",
    multiple=True,
    default=["*"],
    show_default=True,
    metavar="PATTERN...",
    help="Download only metadata files whose names match one of these shell patterns, case-sensitively.",
)
@click.option(
    "--data-filter",
    multiple=True,
    default=["*"],
    show_default=True,
    metavar="PATTERN...",
    help="Download only data files whose names match one of these shell patterns, case-sensitively.",
)
@click.option("--no-metadata", is_flag=True, help="Exclude metadata files.")
@click.option("--no-data", is_flag=True, help="Exclude data files.")
@transfer_options
@pass_context
def download(context: Context, /, **options: Any) -> None:
    """Download a bundle and save it as a folder.

    Contents are kept once, in .hca in the download directory, and linked into the bundle's folder. An interrupted
    download continues where it stopped. Without options, all data and metadata files are downloaded.
    """
    with context.progress() as progress:
        result = context.app.client("dss").download(**options, progress=progress)
    if options["dry_run"]:
        context.emit(result)
    else:
        context.say(f"Saved {len(result['files'])} files in {result['directory']}.")


@dss.command("download-manifest")
@click.option("--manifest", required=True, type=click.Path(), help="TSV file that lists the files to download.")
@FROM_REPLICA
@click.option(
    "--layout",
    type=click.Choice(["none", "bundle"]),
    default="none",
    show_default=True,
    help="`none` only fills the file store, `bundle` also makes a folder for each bundle.",
)
@click.option("--no-metadata", is_flag=True, help="Exclude metadata files (layout `bundle` only).")
@click.option("--no-data", is_flag=True, help="Exclude data files (layout `bundle` only).")
@click.option(
    "--download-dir",
    default="",
    metavar="DIR",
    help="Where to save it: a folder, or s3://bucket/prefix (layout `none` only).  [default: the current folder]",
)
@transfer_options
@click.option(
    "--executor",
    default="local",
    show_default=True,
    metavar="NAME",
    help="Who fetches the files: `local`, this process, or the workers of an installed plugin, such as `dask`; then "
    "--jobs and --limit-rate hold for each of their batches, and DIR must be one folder for all of them, or a bucket.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Where the executor finds its workers, if not as it is set.")
@pass_context
def download_manifest(context: Context, /, **options: Any) -> None:
    """Download the files that a manifest lists.

    A manifest is a TSV file with the columns bundle_uuid, bundle_version, file_name, file_uuid, file_sha256 and
    file_size, and perhaps file_version and others. Contents are kept in .hca in the download directory. With layout
    `bundle`, the folder of each bundle has all its metadata files and the data files that are listed. A copy of the
    manifest in the download directory tells where each file is, in the column file_path. Rows that failed are also in
    NAME.failed.tsv beside it, which can be given to --manifest to try them again.

    In a bucket, contents have the same names as in a folder, and their SHA-256 as metadata; one with the right size
    and metadata is there already (`--existing verify` also reads it). The copy of the manifest, with URLs, and
    NAME.failed.tsv are written to the current folder. Files pass through a temporary folder, which TMPDIR names.
    """
    with context.progress() as progress:
        result = context.app.client("dss").download_manifest(**options, progress=progress)
    if options["dry_run"]:
        context.emit(result)
    else:
        context.say(f"Saved {result['saved']} files; their paths are in {result['manifest']}.")


@dss.command("download-collection")
@click.option("--uuid", required=True, metavar="UUID", help="UUID of the collection.")
@FROM_REPLICA
@click.option("--version", metavar="VERSION", help="Version of the collection.  [default: the latest]")
@DOWNLOAD_DIR
@transfer_options
@pass_context
def download_collection(context: Context, /, **options: Any) -> None:
    """Download all bundles and files of a collection, and of the collections in it.

    Bundles are saved as by `download`. A file that is in the collection without a bundle becomes
    files/UUID.VERSION in the download directory. What cannot be downloaded, such as fragments of files, is reported
    at the end; it does not keep the others from being saved.
    """
    with context.progress() as progress:
        result = context.app.client("dss").download_collection(**options, progress=progress)
    if options["dry_run"]:
        context.emit(result)
    else:
        context.say(f"Saved {len(result['items'])} bundles and files in {result['directory']}.")


@dss.command("verify")
@click.argument("manifest", type=click.Path())
@click.argument("directory", required=False, metavar="[DIR]", type=click.Path(file_okay=False))
@click.option(
    "--jobs", type=click.IntRange(min=1), help="How many files to read at a time.  [default: one per processor]"
)
@pass_context
def verify(context: Context, manifest: str, directory: str | None, jobs: int | None) -> None:
    """Compare downloaded files with the MANIFEST that lists them.

    Reads every file in the store of the download directory DIR, by default the manifest's own folder, and prints which
    are missing, corrupt or listed wrongly. The network is not used.
    """
    from hca_dss.verify import verify

    found = verify(manifest, directory, jobs=jobs)
    context.emit(found.as_record())
    found.raise_for_bad()
