"""The options with which every command of `hca gen3` says which commons is meant, and who the user is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hca_core.cli.context import Context

if TYPE_CHECKING:
    from hca_gen3.auth import Auth

__all__ = ["endpoint_options", "open_auth"]

F = TypeVar("F", bound=Callable[..., Any])


def endpoint_options(command: F) -> F:
    """Give a command the options --endpoint and --key-file, which arrive as `endpoint` and `key_file`."""
    key_file = click.option(
        "--key-file",
        metavar="FILE",
        help="File with the API key, or its name in ~/.gen3.  [default: the setting gen3.key_file, or credentials]",
    )
    endpoint = click.option(
        "--endpoint",
        metavar="URL",
        help="Address of the commons.  [default: the setting gen3.endpoint, or the commons of the API key]",
    )
    return endpoint(key_file(command))


def open_auth(context: Context, endpoint: str | None, key_file: str | None) -> Auth:
    """Return who the user is at the commons that the options name; nothing is sent yet.

    Raises:
        UsageError, KeyFileError: the options cannot be used.
    """
    from hca_gen3.auth import Auth

    return Auth(endpoint, key_file, app=context.app)
