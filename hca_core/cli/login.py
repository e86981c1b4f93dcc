"""The commands `login` and `logout` of a service."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from hca_core.cli.context import Context, pass_context
from hca_core.cli.output import say
from hca_core.errors import AuthError

__all__ = ["commands"]

LOGIN = """Log in, and keep the login for the next commands.

Opens your browser, in which you log in with the service's provider. Where there is none, use --remote. A token that
you have already is kept with --access-token.
"""
LOGOUT = """Forget the login, and revoke it if possible.

The exit code is 5 if a token in the environment still logs you in.
"""


def commands(service: str) -> dict[str, click.Command]:
    """Return the commands with which a user of `service` logs in and out, by name."""
    return {"login": _login_command(service), "logout": _logout_command(service)}


def _login_command(service: str) -> click.Command:
    @click.command("login", help=LOGIN)
    @click.option(
        "--access-token",
        metavar="TOKEN",
        help="Keep this token instead of logging in; `-` reads it from standard input, out of sight of other users.",
    )
    @click.option("--remote", is_flag=True, help="Log in with a browser anywhere, and paste the code that it shows.")
    @click.option(
        "--no-browser", is_flag=True, help="Print the address to log in at; open it on this machine yourself."
    )
    @click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=300,
        metavar="SECONDS",
        show_default=True,
        help="How many seconds to wait for the browser.",
    )
    @pass_context
    def login(context: Context, /, access_token: str | None, remote: bool, no_browser: bool, timeout: float) -> None:
        from hca_core.credentials.advice import set_variables
        from hca_core.credentials.login import Dialogue

        token = _token(access_token) if access_token is not None else ""
        client = context.app.client(service)
        # The address is no mere comment: even a quiet user has to see it.
        client.login(token, remote, browser=not no_browser, timeout=timeout, dialogue=Dialogue(say=say))
        context.say("Storing access credentials")
        for name in set_variables(service, context.app.environ)[:1]:
            context.say(f"{name} is set; it is used instead of this login until you unset it.")

    return login


def _token(given: str) -> str:
    token = (sys.stdin.read() if given == "-" else given).strip()
    if not token:
        # An empty variable in a script must not end in a browser that nobody sees.
        raise click.BadParameter("it is empty.", param_hint="'--access-token'")
    return token


def _logout_command(service: str) -> click.Command:
    @click.command("logout", help=LOGOUT)
    @pass_context
    def logout(context: Context) -> None:
        done = context.app.client(service).logout()
        context.say(f"Removed the login at {done.host}." if done.removed else f"There was no login at {done.host}.")
        if done.warning:
            context.say(f"Warning: the provider could not revoke it: {done.warning.rstrip('.')}.")
        if done.still_set:
            raise _still_logged_in(service, done.still_set)

    return logout


def _still_logged_in(service: str, names: Sequence[str]) -> AuthError:
    listed, are = " and ".join(names), "is" if len(names) == 1 else "are"
    return AuthError(
        f"{listed} {are} still set, so you are still logged in to the {service} service.",
        service=service,
        hint=f"To be logged out: unset {' '.join(names)}",
    )
