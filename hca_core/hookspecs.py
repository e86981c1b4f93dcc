"""The hooks a plugin may implement. `docs/hooks.md` has a worked example of each.

A plugin module implements any of these functions, marked with `hookimpl`, and is named in the entry-point group
`hca` of its distribution. Hooks take keyword data and return records; there is nothing to mutate. pluggy passes
only the arguments a function asks for, so arguments may be added here later without breaking anyone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pluggy

from hca_core.records import (
    CommandSpec,
    Credentials,
    ExecutorSpec,
    ObjectStoreSpec,
    ProfileSpec,
    ServiceSpec,
    SettingSpec,
)

__all__ = ["API_VERSION", "hookimpl", "hookspec"]

API_VERSION = 1
"""Grows when plugins written for the former version may not work. A plugin module can say `API_VERSION = 1`."""

hookspec = pluggy.HookspecMarker("hca")
hookimpl = pluggy.HookimplMarker("hca")


@hookspec
def hca_commands() -> list[CommandSpec]:
    """Return the commands to add to the root group. Called when `hca` lists or resolves a command; cached."""
    raise NotImplementedError


@hookspec
def hca_services() -> list[ServiceSpec]:
    """Return the web services this plugin knows. Called when a service is first asked for."""
    raise NotImplementedError


@hookspec
def hca_settings() -> list[SettingSpec]:
    """Return the settings this plugin reads. Called when settings are first read, and for the documentation."""
    raise NotImplementedError


@hookspec
def hca_profiles() -> list[ProfileSpec]:
    """Return settings profiles, also those that only exist at other times. Called when a profile is chosen by name."""
    raise NotImplementedError


@hookspec(firstresult=True)
def hca_credentials(service: str, url: str, settings: Mapping[str, Any], rejected: str | None) -> Credentials | None:
    """Return credentials for `service` at `url`, or None to let another plugin answer.

    Called before the first request that needs credentials when neither the caller nor the environment gave any,
    and once more after a 401 with the `rejected` token. Whoever has no other returns that one again, so that hca
    can tell whose token was refused, or None.
    """
    raise NotImplementedError


@hookspec
def hca_object_stores() -> list[ObjectStoreSpec]:
    """Return the kinds of object store this plugin can move files to and from. Called on the first such URL."""
    raise NotImplementedError


@hookspec
def hca_executors() -> list[ExecutorSpec]:
    """Return the workers other than local threads that this plugin can give transfers to. Called when one is chosen."""
    raise NotImplementedError
