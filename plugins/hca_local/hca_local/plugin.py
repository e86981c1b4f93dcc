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
    if root is None or running(root) is None:
        return []
    return [ProfileSpec("local", "The stack that `hca local up` started.", json.loads(root.config_file.read_bytes()))]


@hookimpl
def hca_credentials(url: str, rejected: str | None) -> Credentials | None:
    from hca_local.options import read_options
    from hca_local.root import known_roots, read_secrets
    from hca_local.state import serves

    # The lock is what makes this safe: on the port of a stack that is down, anybody may be listening.
    root = next((root for root in known_roots(os.environ) if serves(root, url)), None)
    token = read_secrets(root).owner_token if root and not read_options(root).require_login else None
    return Credentials(token, source="hca local") if token and token != rejected else None
