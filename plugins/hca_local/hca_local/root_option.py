"""The option `--root`, which every command of `hca local` has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hca_core.errors import HcaError

if TYPE_CHECKING:
    from hca_local.root import Root

__all__ = ["chosen_folder", "existing_root", "root_option"]


def root_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option, as its parameter `folder`."""
    return click.option(
        "--root",
        "folder",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of the stack.  [default: HCA_LOCAL_ROOT, else `local` in hca's data folder]",
    )(command)


def chosen_folder(folder: Path | None) -> Path:
    """Return the folder of the stack that is meant, which need not exist."""
    from hca_local.root import default_root

    return folder or default_root()


def existing_root(folder: Path | None) -> Root:
    """Return the stack that is meant.

    Raises:
        HcaError: there is none.
    """
    from hca_local.root import find_root

    root = find_root(chosen_folder(folder))
    if root is None:
        raise HcaError(f"There is no local stack in {chosen_folder(folder)}.", hint="Make one: `hca local up`.")
    return root
