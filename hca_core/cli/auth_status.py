"""`hca auth-status`: who the user is for each service."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hca_core.cli.context import Context, pass_context
from hca_core.errors import HcaError

if TYPE_CHECKING:
    from hca_core.app import App
    from hca_core.credentials.places import Places
    from hca_core.credentials.status import Status


@click.command("auth-status")
@pass_context
def auth_status(context: Context) -> None:
    """Show who you are for each service, from where, until when.

    The state is "valid", "expired", "none" (no token) or "unknown" (only the service can tell). Tokens are not shown,
    and services are not asked; what a token says about itself is not checked.
    """
    from hca_core.credentials.places import Places

    app = context.app
    places = Places(app.environ, app.settings, app.plugins.credentials)
    context.emit([asdict(_status(context, name, places)) for name in sorted(app.plugins.services())])


def _status(context: Context, name: str, places: Places) -> Status:
    from hca_core.credentials.status import Status, describe
    from hca_core.hosts import host_of

    host = None
    try:
        url = address(context.app, name)
        host = host_of(url)
        return describe(name, url, places)
    except HcaError as error:
        # One unusable file must not hide the other services.
        context.say(f"Warning: {name}: {error.message} {error.hint or ''}".rstrip())
        return Status(name, host, state="unknown")


def address(app: App, name: str) -> str:
    """Return the address of a service's API as far as it is known without asking the service."""
    spec = app.service(name)
    url = app.description_url(spec)
    if url != spec.description_url and app.descriptions.cached(url) is None:
        # Its description was never fetched; a service nearly always publishes it on its own host.
        return url
    return app.api(name, swagger_url=url, offline=True).base_url
