"""`hca auth`: the commands of the auth service's API, and those that tell who you are."""

from __future__ import annotations

import click

from hca_core.cli.api import ApiGroup
from hca_core.cli.auth_status import show_status, show_token
from hca_core.cli.context import Context, pass_context


@click.group("auth", cls=ApiGroup, service="auth")
def auth() -> None:
    """Interact with the HCA authorization and authentication system."""


@auth.command("status")
@pass_context
def status(context: Context) -> None:
    """Show who you are, and until when.

    Tells whom your token for the auth service names, who issued it, what for, until when it is good, and where it was
    found. The service is not asked, and nothing is checked. The exit code is 5 if you are not logged in. `hca
    auth-status` shows the same for every service.
    """
    show_status(context, "auth")


@auth.command("token")
@pass_context
def token(context: Context) -> None:
    """Print your token, for scripts.

    A login whose token is about to expire is renewed first:

    curl --header "Authorization: Bearer $(hca auth token)" …
    """
    show_token(context, "auth")
