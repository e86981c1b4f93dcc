"""`hca local`: the services and their object store on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hca_core.cli.context import Context
from hca_core.cli.output import clean
from hca_core.errors import HcaError
from hca_local.accounts_cli import service_account, token, user
from hca_local.areas_cli import area
from hca_local.root_option import chosen_folder, existing_root, root_option

if TYPE_CHECKING:
    from hca_local.root import Root
    from hca_local.state import State

__all__ = ["local"]

MAX_SECONDS = 1_000_000


def say(message: str) -> None:
    """Print words, unless the user wants quiet."""
    _context().say(message)


def emit(value: Any) -> None:
    """Print data in the form that the user chose."""
    _context().emit(value)


def _context() -> Context:
    found = click.get_current_context().find_object(Context)
    assert found is not None  # the root command makes it
    return found


@click.group("local")
def local() -> None:
    """Run the DSS, the auth and the upload service and their object store on this machine.

    Everything is kept in one folder, reachable from this machine only, and still there after a restart.
    """


for command in (area, service_account, token, user):
    local.add_command(command)


@local.command()
@root_option
@click.option(
    "--port",
    type=click.IntRange(1, 65534),
    metavar="N",
    help="Port of the DSS; the other services take the next three.  [default: those of the last run, or free ones]",
)
@click.option("--foreground", is_flag=True, help="Serve in this process until Ctrl-C, instead of in the background.")
@click.option(
    "--checkout-seconds",
    type=click.FloatRange(0, MAX_SECONDS),
    metavar="N",
    help="Make copies for users only after N seconds; until then the DSS says to ask again.",
)
@click.option(
    "--replication-seconds",
    type=click.FloatRange(0, MAX_SECONDS),
    metavar="N",
    help="Show what is put into one replica only after N seconds in the other.",
)
@click.option(
    "--async-threshold",
    type=click.IntRange(0),
    metavar="BYTES",
    help="Copy new files with more bytes in the background.  [default: 64 MiB]",
)
@click.option(
    "--elasticsearch-url",
    metavar="URL",
    help='Let this Elasticsearch or OpenSearch keep the documents of bundles and answer searches; "" for none.',
)
@click.option(
    "--validator",
    metavar="COMMAND",
    help='Command that says whether files in upload areas are valid; "" for none.',
)
@click.option(
    "--require-login/--no-require-login",
    default=None,
    help="Offer no ready-made token, so that `hca` has to log in.",
)
def up(folder: Path | None, port: int | None, foreground: bool, **chosen: Any) -> None:
    """Start the stack, and print where it is as JSON.

    If it runs already, this only prints where it is. How it is to behave is remembered for the next start.
    """
    from hca_local import control, options
    from hca_local.root import open_root
    from hca_local.state import running

    root = open_root(chosen_folder(folder))
    options.choose(root, chosen)
    if foreground and running(root) is None:
        _serve_here(root, port)
        return
    state, started = control.start(root, port)
    say("The local stack is up." if started else "The local stack is up already.")
    if started:
        say('To use it in this shell: eval "$(hca local env)"   To stop it: hca local down')
    emit(control.describe(root, state))


def _serve_here(root: Root, port: int | None) -> None:
    from hca_local import control, stack

    def tell(state: State) -> None:
        say("The local stack is up; Ctrl-C stops it.")
        emit(control.describe(root, state))

    with stack.until_signal() as stop:
        stack.serve(root, port, stop=stop, on_ready=tell)
    say("The local stack is down.")


@local.command()
@root_option
def status(folder: Path | None) -> None:
    """Print as JSON whether the stack is running, and where.

    Exits 0 in both cases.
    """
    from hca_local import control
    from hca_local.root import find_root
    from hca_local.state import running

    root = find_root(chosen_folder(folder))
    state = running(root) if root else None
    emit(control.describe(root, state) if root else {"running": False, "root": str(chosen_folder(folder))})


@local.command()
@root_option
def env(folder: Path | None) -> None:
    """Print shell commands that make hca and AWS tools use the stack.

    Use it as: eval "$(hca local env)"
    """
    from hca_local import control
    from hca_local.state import running

    root = existing_root(folder)
    state = running(root)
    if state is None:
        raise HcaError(f"The stack in {root.path} is not running.", hint="Start it: `hca local up`.")
    for line in control.environment(root, state):
        click.echo(line)
    if control.overridden(os.environ):
        say(f"Unset in this shell, for they would be used instead: {', '.join(control.overridden(os.environ))}.")


@local.command()
@root_option
def down(folder: Path | None) -> None:
    """Stop the stack; its data stays."""
    from hca_local import control
    from hca_local.root import find_root

    root = find_root(chosen_folder(folder))
    stopped = control.stop(root) if root else None
    say("The local stack was not running." if stopped is None else "The local stack is down; its data stays.")


@local.command()
@root_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(folder: Path | None, yes: bool) -> None:
    """Delete the stack's folder with all data in it."""
    from hca_local import control

    root = existing_root(folder)
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("This deletes data: say --yes.")
    if not yes:
        click.confirm(f"Delete {root.path} with all data in it?", abort=True, err=True)
    control.delete(root)
    say(f"{root.path} is deleted.")


@local.command()
@root_option
@click.option("--follow", "-f", is_flag=True, help="Go on printing what is added, until Ctrl-C.")
def logs(folder: Path | None, follow: bool) -> None:
    """Print the log of the stack."""
    from hca_local import control

    for piece in control.read_log(existing_root(folder), follow=follow):
        click.echo(clean(piece), nl=False)  # requests of anybody on this machine are quoted in it
