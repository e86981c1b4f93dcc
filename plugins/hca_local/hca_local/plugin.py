"""What this plugin adds to hca."""

from __future__ import annotations

import json
import os

from hca_core.hookspecs import hookimpl
from hca_core.records import CommandSpec, Credentials, ProfileSpec


@hookimpl
def hca_commands() -> list[CommandSpec]:
    return [CommandSpec("local", "Run the services on this machine.", "hca_local.cli:local")]


@hookimpl
def hca_profiles() -> list[ProfileSpec]:
    from hca_local.root import default_root, find_root
    from hca_local.state import running

    root = find_root(default_root(os.environ))
    values = json.loads(root.config_file.read_bytes()) if root and running(root) else None
    return [ProfileSpec("local", "The stack that `hca local up` started.", values, hint="Start it: `hca local up`.")]


@hookimpl
def hca_credentials(url: str) -> Credentials | None:
    from hca_local.options import read_options
    from hca_local.root import known_roots, read_secrets
    from hca_local.state import serves
    from hca_local.users import OWNER

    # The lock is what makes this safe: on the port of a stack that is down, anybody may be listening.
    root = next((root for root in known_roots(os.environ) if serves(root, url)), None)
    token = read_secrets(root).owner_token if root and not read_options(root).require_login else None
    # There is no other, so a token that was refused is offered again: then hca can tell whose it was.
    return Credentials(token, source="hca local", subject=OWNER.email) if token else None
