"""Who the user is for each service: `hca auth-status`, and what plugins show about one service."""

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

__all__ = ["auth_status", "show_status", "show_token"]


@click.command("auth-status")
@pass_context
def auth_status(context: Context) -> None:
    """Show who you are for each service that has a login, from where, until when.

    The state is "valid", "expired", "none" (no token) or "unknown" (only the service can tell). Tokens are not shown,
    and services are not asked, unless a plugin has to get a token first; what a token says about itself is not checked.
    """
    app = context.app
    places = app.places()
    names = [name for name in sorted(app.plugins.services()) if _has_login(app, name)]
    context.emit([asdict(_status(context, name, places)) for name in names])


def show_status(context: Context, service: str) -> None:
    """Print who the user is for one service; nobody is asked.

    Raises:
        AuthError: it was printed that the user is not logged in, or is no longer.
    """
    from hca_core.client import known_address
    from hca_core.credentials.status import describe, require

    status = describe(service, known_address(context.app, service), context.app.places())
    context.emit(asdict(status))
    require(status)


def show_token(context: Context, service: str) -> None:
    """Print a token for one service, renewed if it has to be.

    Raises:
        AuthError: there is none, or it has expired.
    """
    from hca_core.client import known_address
    from hca_core.credentials.status import of_token, require

    found = context.app.credentials(service, known_address(context.app, service))
    require(of_token(service, found, context.app.places().now()))
    click.echo(found.token)


def _has_login(app: App, name: str) -> bool:
    try:
        return app.api(name, offline=True).secured if app.service(name).described else app.address(name) is not None
    except HcaError:
        return True  # what is wrong with it is said in its turn


def _status(context: Context, name: str, places: Places) -> Status:
    from hca_core.client import known_address
    from hca_core.credentials.status import Status, describe
    from hca_core.hosts import host_of

    host = None
    try:
        url = known_address(context.app, name)
        host = host_of(url)
        return describe(name, url, places)
    except HcaError as error:
        # One unusable file must not hide the other services.
        context.say(f"Warning: {name}: {error.message} {error.hint or ''}".rstrip())
        return Status(name, host, state="unknown")
