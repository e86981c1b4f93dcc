"""`hca dev`: tools for developers of plugins."""

from __future__ import annotations

from typing import IO

import click

from hca_core.cli.context import Context, pass_context


@click.group("dev")
def dev() -> None:
    """Tools for developers of plugins."""


@dev.command("stubs")
@click.argument("service")
@click.option(
    "-o",
    "--output-file",
    type=click.File("w", "utf-8", atomic=True),
    default="-",
    help="Write to this file instead of standard output.",
)
@pass_context
def stubs(context: Context, service: str, output_file: IO[str]) -> None:
    """Print type stubs for the client of SERVICE, so that editors complete its operations and their parameters.

    The text is the `__init__.pyi` of the package that exports the client.
    """
    from hca_core.app import load_target
    from hca_core.openapi.stubs import exports, stub

    client = load_target(context.app.service(service).client)
    output_file.write(stub(context.app.api(service), client, exports(client)))
