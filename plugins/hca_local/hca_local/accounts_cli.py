"""`hca local user`, `hca local service-account` and `hca local token`: who may use the stack."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hca_core.cli.context import Context, pass_context
from hca_core.errors import HcaError
from hca_local.root_option import existing_root, root_option

if TYPE_CHECKING:
    from hca_local.oidc.accounts import Account
    from hca_local.oidc.store import Store
    from hca_local.root import Root

__all__ = ["service_account", "token", "user"]

HOUR = 3600
WEEK = 7 * 24 * 3600  # the longest that a token may last


_group_option = click.option(
    "--group", default="hca", show_default=True, metavar="WORD", help="`hca` may write to the DSS, `public` may not."
)
_admin_option = click.option("--admin", is_flag=True, help="May delete bundles, and administer the auth service.")
_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of stdin instead of asking for it."
)


@click.group("user")
def user() -> None:
    """Make and change the accounts with which people sign in.

    What is changed holds at once, also while the stack runs.
    """


@user.command("add")
@click.argument("email")
@_group_option
@_admin_option
@_password_option
@root_option
@pass_context
def add_user(context: Context, email: str, group: str, admin: bool, password_stdin: bool, folder: Path | None) -> None:
    """Make an account, and print it as JSON.

    The password is asked for twice.
    """
    with _store(folder) as store:
        account = store.accounts.add(email, _password(password_stdin), group=group, admin=admin)
    context.emit(_described(account))


@user.command("list")
@root_option
@pass_context
def list_users(context: Context, folder: Path | None) -> None:
    """Print all accounts as JSON."""
    with _store(folder) as store:
        context.emit([_described(account) for account in store.accounts.list()])


@user.command("passwd")
@click.argument("email")
@_password_option
@root_option
@pass_context
def change_password(context: Context, email: str, password_stdin: bool, folder: Path | None) -> None:
    """Change a password, and sign out whatever was signed in with the old one."""
    with _store(folder) as store:
        store.accounts.set_password(email, _password(password_stdin))
    context.say(f"The password of {email} is changed.")


@user.command("disable")
@click.argument("email")
@root_option
@pass_context
def disable_user(context: Context, email: str, folder: Path | None) -> None:
    """Shut somebody out, with all their tokens."""
    with _store(folder) as store:
        store.accounts.set_disabled(email, True)
    context.say(f"{email} is shut out.")


@user.command("enable")
@click.argument("email")
@root_option
@pass_context
def enable_user(context: Context, email: str, folder: Path | None) -> None:
    """Let somebody in again who was shut out, here or by the auth service.

    That is how an administrator comes back whom another has disabled.
    """
    with _store(folder) as store:
        store.accounts.set_disabled(email, False)
        account = store.accounts.get(email)
    if account:
        _enable_user(existing_root(folder), account.email)
    context.say(f"{email} may sign in again.")


@user.command("remove")
@click.argument("email")
@root_option
@pass_context
def remove_user(context: Context, email: str, folder: Path | None) -> None:
    """Delete an account; its tokens are refused from now on."""
    with _store(folder) as store:
        store.accounts.remove(email)
    context.say(f"{email} is removed.")


@click.group("service-account")
def service_account() -> None:
    """Make and remove accounts for programs, which sign their own tokens."""


@service_account.command("create")
@click.argument("name")
@click.option(
    "--output-file", type=click.Path(path_type=Path), metavar="FILE", help="Write a private file instead of stdout."
)
@_group_option
@_admin_option
@root_option
@pass_context
def create_service_account(
    context: Context, name: str, output_file: Path | None, group: str, admin: bool, folder: Path | None
) -> None:
    """Make an account, and print the content of its key file.

    To use it, name that file in GOOGLE_APPLICATION_CREDENTIALS. The key is not kept anywhere else.
    """
    import json

    from hca_core.paths import atomic_write

    if output_file is not None and output_file.exists():
        raise HcaError(f"{output_file} exists already.", hint="Name another file, or delete that one.")
    with _store(folder) as store:
        token_uri = store.fact("issuer") + "/oauth/token"
        key = store.service_accounts.create(name, token_uri=token_uri, group=group, admin=admin)
        text = json.dumps(key, indent=2) + "\n"
        if output_file is None:
            click.echo(text, nl=False)
            return
        try:
            atomic_write(output_file, text)
        except OSError:
            store.service_accounts.remove(name)
            raise
    context.say(f"To use it: export GOOGLE_APPLICATION_CREDENTIALS={output_file.absolute()}")


@service_account.command("list")
@root_option
@pass_context
def list_service_accounts(context: Context, folder: Path | None) -> None:
    """Print all service accounts as JSON."""
    with _store(folder) as store:
        found = store.service_accounts.list()
    context.emit([{"email": one.email, "group": one.group, "admin": one.admin, "key": one.kid} for one in found])


@service_account.command("remove")
@click.argument("name")
@root_option
@pass_context
def remove_service_account(context: Context, name: str, folder: Path | None) -> None:
    """Forget an account and its key; tokens signed with it are refused from now on."""
    with _store(folder) as store:
        store.service_accounts.remove(name)
    context.say(f"{name} is removed.")


@click.command("token")
@click.argument("email", required=False)
@click.option(
    "--seconds", type=click.IntRange(1, WEEK), default=HOUR, show_default=True, metavar="N", help="How long it lasts."
)
@root_option
def token(email: str | None, seconds: int, folder: Path | None) -> None:
    """Print a token of an account, for scripts and tests.

    Nobody has to sign in for it, and the stack need not run. EMAIL may be left out if there is one account only. Use
    it as: export HCA_DSS_TOKEN=$(hca local token EMAIL)
    """
    import time

    from hca_local.oidc.tokens import remembered

    with _store(folder) as store:
        click.echo(remembered(store, time.time).mint(email or _only_one(store), seconds))


@contextmanager
def _store(folder: Path | None) -> Iterator[Store]:
    from hca_local.oidc.store import Store

    with closing(Store(existing_root(folder).oidc)) as store:
        yield store


def _enable_user(root: Root, email: str) -> None:
    """Let a user in again whom the auth service knows as disabled."""
    from hca_local.auth.records import Records

    if root.auth.is_dir():  # before its first start, the service knows nobody
        with closing(Records(root.auth)) as records:
            records.enable(email)


def _only_one(store: Store) -> str:
    emails = [account.email for account in store.accounts.list()]
    if len(emails) != 1:
        hint = f"Name one of {', '.join(emails)}." if emails else "Make one: `hca local user add`."
        raise HcaError(f"Whose token? There are {len(emails) or 'no'} accounts.", hint=hint)
    return emails[0]


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal on which to ask for the password: say --password-stdin.")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


def _described(account: Account) -> dict[str, Any]:
    from datetime import datetime, timezone

    return {
        "email": account.email,
        "group": account.group,
        "admin": account.admin,
        "disabled": account.disabled,
        "created": datetime.fromtimestamp(account.created, timezone.utc).isoformat(timespec="seconds"),
    }
