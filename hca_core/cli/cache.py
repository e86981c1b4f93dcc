"""`hca clear-hca-cache`."""

from __future__ import annotations

import click

from hca_core.cli.context import Context, pass_context


@click.command("clear-hca-cache")
@pass_context
def clear_hca_cache(context: Context) -> None:
    """Forget cached API descriptions, so that they are fetched again when needed."""
    context.app.descriptions.clear()
