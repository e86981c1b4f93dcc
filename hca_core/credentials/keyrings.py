"""Keeps the secrets of logins in the system's keyring."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hca_core.errors import ConfigError

__all__ = ["forget", "read", "write"]

SERVICE = "hca"


def read(host: str) -> dict[str, Any]:
    """Return the secrets of the login at `host`; nothing if the keyring has none.

    Raises:
        ConfigError: the keyring cannot be used, or holds something else.
    """
    with _usable() as keyring:
        text = keyring.get_password(SERVICE, host)
    try:
        secrets = json.loads(text or "{}")
    except ValueError:
        secrets = None
    if not isinstance(secrets, dict):
        raise _unusable(f"what it holds for {host} is not what hca wrote")
    return secrets


def write(host: str, secrets: Mapping[str, Any]) -> None:
    """Keep the secrets of the login at `host`; a ConfigError if the keyring cannot be used."""
    with _usable() as keyring:
        keyring.set_password(SERVICE, host, json.dumps(dict(secrets)))


def forget(host: str) -> None:
    """Remove the secrets of the login at `host`; a ConfigError if the keyring cannot be used."""
    with _usable() as keyring:
        if keyring.get_password(SERVICE, host) is not None:
            keyring.delete_password(SERVICE, host)


@contextmanager
def _usable() -> Iterator[Any]:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise _unusable("the package keyring is not installed", "Run: pip install 'hca-core[keyring]'") from None
    try:
        yield keyring
    except KeyringError as error:
        # The words of the cause come from the system, and may quote what was to be kept.
        raise _unusable(f"the system's keyring said {type(error).__name__}") from None


def _unusable(
    why: str, hint: str = "Unlock it, or run `hca config unset login.keyring` and log in again."
) -> ConfigError:
    return ConfigError(f"Logins cannot be kept in the keyring: {why}.", key="login.keyring", hint=hint)
