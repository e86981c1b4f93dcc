"""`hca upload`: select an upload area, put files into it, and see how they fare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from hca_core.cli.context import Context, pass_context
from hca_core.cli.groups import HelpGroup
from hca_core.errors import ArgumentError

if TYPE_CHECKING:
    from pathlib import Path

    from hca_upload.area import UploadArea
    from hca_upload.area_uri import UploadAreaURI
    from hca_upload.selection import UploadConfig

__all__ = ["upload"]

S3 = "s3://"
ALIAS = click.argument("uuid_or_alias")
AREA = click.option(
    "--area",
    metavar="URI_OR_ALIAS",
    help="Use this area, without selecting or remembering it.  [default: the selected area]",
)
PLACE_OPTIONS = (
    click.option("--env", metavar="STAGE", help="Deployment stage of the area.  [default: that of the selected area]"),
    click.option("--uuid", metavar="UUID", help="UUID of the area.  [default: that of the selected area]"),
)


@click.group("upload", cls=HelpGroup)
def upload() -> None:
    """Upload files to an area of the HCA upload service.

    Whoever knows the URI of an upload area can put files into it: keep it like a password.
    """


@upload.command("help")
@click.pass_context
def help_command(ctx: click.Context) -> None:
    """Show the upload commands."""
    assert ctx.parent is not None
    click.echo(ctx.parent.get_help())


@upload.command("select")
@click.argument("uri_or_alias")
@pass_context
def select(context: Context, uri_or_alias: str) -> None:
    """Select the area to which files are uploaded.

    URI_OR_ALIAS is s3://BUCKET/AREA_UUID/, or the UUID of an area that was selected before, or the beginning of it.
    """
    from hca_upload.selection import UploadConfig

    config = UploadConfig(context.app)
    uri = _find(context, config, uri_or_alias)
    uuid, is_new = uri.area_uuid, uri_or_alias.startswith(S3)
    if is_new:
        config.add_area(uri)
    config.select_area(uuid)

    def lines(area: Mapping[str, str]) -> Iterator[str]:
        yield f"Upload area {area['uuid']} selected."
        if is_new:
            yield f'To select it again, use the alias "{area["alias"]}".'

    context.show({"uuid": uuid, "alias": config.unique_prefix(uuid), "uri": uri.uri}, lines)


@upload.command("files")
@click.argument("upload_path", nargs=-1, required=True)
@click.option("-t", "--target-filename", metavar="NAME", help="Name of the file in the area; only for a single file.")
@click.option(
    "--file-extension",
    metavar="EXTENSION",
    help="Upload only files whose names end in this, such as .fastq.gz; only for folders and buckets.",
)
@click.option(
    "--no-transfer-acceleration",
    is_flag=True,
    help="Send directly to the bucket's region, not by way of the Amazon endpoint that is near. Either can be faster.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but failures.")
@click.option("-s", "--sync", is_flag=True, help="Do not send files that the area has already with this content.")
@click.option("--dcp-type", default="data", show_default=True, metavar="TYPE", help="What the files are to the DCP.")
@click.option("--jobs", type=click.IntRange(min=1), help="How many files to send at a time.  [default: 8]")
@click.option("--dry-run", is_flag=True, help="Print as JSON what would be sent; send nothing.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write one JSON line about each file to this file.")
@AREA
@pass_context
def files(
    context: Context,
    /,
    upload_path: tuple[str, ...],
    area: str | None,
    no_transfer_acceleration: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Upload files to the selected area.

    UPLOAD_PATH is a file, or a folder with everything below it, or s3://BUCKET/PREFIX for objects that are copied
    inside the object store. An area has no folders: files are called by their base names, and nothing is sent if two
    would get the same one. A large file that was interrupted continues where it stopped.
    """
    context.quiet = context.quiet or quiet
    target = _meant(context, area)
    with context.progress() as progress:
        result = target.upload_files(
            upload_path,
            use_transfer_acceleration=not no_transfer_acceleration,
            progress=progress,
            **options,
        )
    if options["dry_run"]:
        context.emit(result)
        return
    context.say(_summary(result))
    context.show(result, lambda _: ())


@upload.command("list")
@click.option("-l", "--long", "is_long", is_flag=True, help="Show what is known about each file.")
@AREA
@pass_context
def list_files(context: Context, is_long: bool, area: str | None) -> None:
    """List the files in the selected area."""
    from hca_upload.listing import list_lines

    context.show(_meant(context, area).list(detail=is_long), list_lines)


@upload.command("areas")
@pass_context
def areas(context: Context) -> None:
    """List the areas that you have selected before; the selected one is marked.

    What is listed is remembered on this machine, the service is not asked.
    """
    from hca_upload.selection import UploadConfig

    config = UploadConfig(context.app)
    found = [
        {"uuid": uuid, "alias": config.unique_prefix(uuid), "selected": uuid == config.current_area}
        for uuid in config.areas
    ]
    context.show(
        found, lambda listed: (f"{area['uuid']}{' <- selected' if area['selected'] else ''}" for area in listed)
    )


@upload.command("forget")
@ALIAS
@pass_context
def forget(context: Context, uuid_or_alias: str) -> None:
    """Forget an area: it is not listed any more. Nothing happens to its files."""
    from hca_upload.selection import UploadConfig

    config = UploadConfig(context.app)
    uuid = config.area_uuid_from_partial_uuid(uuid_or_alias)
    config.forget_area(uuid)
    context.show({"uuid": uuid}, lambda area: [f"Upload area {area['uuid']} forgotten."])


@upload.command("creds")
@ALIAS
@pass_context
def creds(context: Context, uuid_or_alias: str) -> None:
    """Show new AWS credentials for an area, which are good for an hour. Its URI will do, too.

    For the AWS command line: export $(hca upload creds UUID_OR_ALIAS)
    """
    from hca_upload.selection import UploadConfig

    config = UploadConfig(context.app)
    uri = _find(context, config, uuid_or_alias)
    keys = _area(context, uri).get_credentials()

    def lines(found: Mapping[str, str]) -> Iterator[str]:
        return (f"{name.upper()}={value}" for name, value in found.items() if name.startswith("aws_"))

    context.show(keys, lines)


@upload.command("status")
@click.argument("filename")
@AREA
@PLACE_OPTIONS[0]
@PLACE_OPTIONS[1]
@click.option("--wait", is_flag=True, help="Wait until the service is done with the file; exit with 9 if that failed.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to --wait; then exit with 8.  [default: 3600]",
)
@pass_context
def status(context: Context, /, filename: str, wait: bool, timeout: float | None, **place: str | None) -> None:
    """Show how far the checksums and the validation of a file are."""
    from hca_upload.area import WAIT
    from hca_upload.states import file_state

    if timeout is not None and not wait:
        raise click.UsageError("--timeout is for --wait.")
    area = _meant(context, **place)
    state = area.wait_for_checks(filename, WAIT if timeout is None else timeout) if wait else file_state(area, filename)
    stage = area.upload_service.deployment_stage
    found = {"file": filename, "environment": stage, "area": area.uuid, "status": state}
    context.show(found, lambda file: ["{file} in {environment}/{area}: {status}".format(**file)])


@upload.command("report")
@AREA
@PLACE_OPTIONS[0]
@PLACE_OPTIONS[1]
@click.option(
    "--output_file_name", metavar="NAME", help="File to write; .txt is added unless it is there.  [default: the UUID]"
)
@pass_context
def report(context: Context, /, output_file_name: str | None, **place: str | None) -> None:
    """Write a file that tells how many files of an area are in which state."""
    from pathlib import Path

    from hca_upload.states import area_report

    found = area_report(_meant(context, **place))
    file = Path(f"{(output_file_name or found.area).removesuffix('.txt')}.txt")
    _write_report(file, found.as_text())
    context.show({**found.as_record(), "file": str(file)}, lambda written: [f"The report is in {written['file']}."])


def _area(context: Context, uri: UploadAreaURI, stage: str | None = None) -> UploadArea:
    from hca_upload.service import UploadService

    return UploadService(stage or uri.deployment_stage, app=context.app).upload_area(uri)


def _find(context: Context, config: UploadConfig, words: str) -> UploadAreaURI:
    """Return the area at a URI, which may be new, or the known one that an alias means."""
    from hca_upload.area_uri import UploadAreaURI

    if not words.startswith(S3):
        return config.area_uri(config.area_uuid_from_partial_uuid(words))
    uri = UploadAreaURI(words)
    expected = config.bucket_name(uri.deployment_stage)
    if uri.bucket_name != expected:
        context.say(f"Warning: upload areas are usually in the bucket {expected}, not in {uri.bucket_name}.")
    return uri


def _meant(context: Context, area: str | None, env: str | None = None, uuid: str | None = None) -> UploadArea:
    """Return the area that is meant: `area` says all about it; else what is not said is that of the selected area."""
    from hca_upload.area_uri import UploadAreaURI
    from hca_upload.client import check_stage
    from hca_upload.selection import UploadConfig

    config = UploadConfig(context.app)
    if area is not None:
        if env or uuid:
            raise click.UsageError("--area says which area it is: leave out --env and --uuid.")
        return _area(context, _find(context, config, area))
    if not env:
        uri = config.area_uri(config.area_uuid_from_partial_uuid(uuid)) if uuid else config.selected_uri()
        return _area(context, uri)
    bucket = config.bucket_name(check_stage(env))
    uri = UploadAreaURI(f"s3://{bucket}/{uuid or config.selected_uri().area_uuid}/")
    return _area(context, uri, env)


def _write_report(file: Path, text: str) -> None:
    from hca_core.paths import atomic_write

    try:
        file.parent.stat()  # only into a folder that is there, as --report of `files`
        atomic_write(file, text)
    except OSError as error:
        raise ArgumentError(f"The report {file} cannot be written: {error.strerror}.") from error


def _summary(result: Mapping[str, Any]) -> str:
    count, there = result["files"], result.get("present", 0)
    note = f", of which {there} {'was' if there == 1 else 'were'} there already" if there else ""
    return f"Uploaded {count} {'file' if count == 1 else 'files'} to area {result['area']}{note}."
