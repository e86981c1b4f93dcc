"""`hca gen3 auth`: who the user is at a commons, a token for other programs, and requests that carry it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from hca_core.cli.context import Context, pass_context
from hca_gen3.cli.options import endpoint_options, open_auth

if TYPE_CHECKING:
    from requests import Response

    from hca_core.records import Credentials

__all__ = ["auth"]


class StatusGroup(click.Group):
    """A group that means `status` if no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks_for_help = args[:1] and args[0] in ctx.help_option_names
        named = args[:1] and args[0] in self.commands
        first = [] if named or asks_for_help or (args and not args[0].startswith("-")) else ["status"]
        return super().parse_args(ctx, [*first, *args])


@click.group("auth", cls=StatusGroup)
def auth() -> None:
    """Show who you are at a Gen3 commons, get a token, or send a request.

    Without a command it is `status`.
    """


@auth.command("status")
@endpoint_options
@pass_context
def status(context: Context, endpoint: str | None, key_file: str | None) -> None:
    """Show who you are, and what you may use.

    The commons is asked. `resources` are what you may use and how; `project_access` is the same in older commons. The
    token is not shown: `hca gen3 auth token` prints it.
    """
    user = open_auth(context, endpoint, key_file)
    answer = user.curl("/user/user")
    context.emit(_status(user.endpoint, user.credentials(), _parsed(answer)))


@auth.command("token")
@endpoint_options
@pass_context
def token(context: Context, endpoint: str | None, key_file: str | None) -> None:
    """Print an access token, good for five minutes at least.

    Whoever has it can do what you may do until it expires.
    """
    click.echo(open_auth(context, endpoint, key_file).get_access_token())


@auth.command("curl")
@click.argument("path")
@click.option("-X", "--request", metavar="METHOD", help="GET, POST, PUT or DELETE.  [default: GET, with --data POST]")
@click.option("-d", "--data", metavar="JSON", help="JSON to send, @FILE with JSON, or - for standard input.")
@endpoint_options
@pass_context
def curl(
    context: Context, path: str, request: str | None, data: str | None, endpoint: str | None, key_file: str | None
) -> None:
    """Send a request to the commons and print the answer.

    PATH is the part of the address behind the commons', such as /user/user.
    """
    if data == "-":
        data = sys.stdin.read()
    found = _parsed(open_auth(context, endpoint, key_file).curl(path, request, data))
    if isinstance(found, str):
        context.show(found, lambda text: text.splitlines())
    else:
        context.emit(found)


def _status(endpoint: str, credentials: Credentials, found: Any) -> dict[str, Any]:
    from hca_core.credentials.status import iso

    user: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    access = {name: user[name] for name in ("project_access", "resources", "authz") if user.get(name)}
    return {
        "endpoint": endpoint,
        "source": credentials.source,
        "user": user.get("username"),
        "email": user.get("email"),
        "expires_at": iso(credentials.expires_at),
        **access,
    }


def _parsed(answer: Response) -> Any:
    """Return the JSON of an answer, or its text."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return answer.text
