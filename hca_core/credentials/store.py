"""Keeps the tokens of logins in a private file, each for the host it was issued for."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hca_core import paths
from hca_core.errors import ArgumentError, ConfigError
from hca_core.records import Credentials
from hca_core.settings.files import edit_object, read_object

__all__ = ["STORED_LOGIN", "TokenStore", "host_of"]

STORED_LOGIN = "stored login"


def host_of(url: str) -> str:
    """Return the host of a service, with its port unless it is the one of https.

    The port of plain http is kept, so that a token for the encrypted service is not found for its unencrypted twin.

    Raises:
        ArgumentError: the URL has no host, or a bad port.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ArgumentError(f"The address of a service is not a URL: {error}.") from error
    if not host:
        raise ArgumentError("The address of a service has no host name.")
    port = port or (80 if parts.scheme == "http" else 443)
    name = f"[{host}]" if ":" in host else host
    return name if port == 443 and parts.scheme == "https" else f"{name}:{port}"


class TokenStore:
    """The tokens in one file, by host as `host_of` returns it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, host: str) -> Credentials | None:
        """Return the token for `host`, which may have expired, or None.

        Raises:
            ConfigError: others can read the file, or it cannot be read.
        """
        if not self._exists_privately():
            return None
        entry = _tokens(read_object(self.path) or {}, self.path).get(host)
        if entry is None:
            return None
        return Credentials(entry["token"], STORED_LOGIN, entry.get("expires_at"))

    def put(self, host: str, credentials: Credentials) -> None:
        """Keep a token for `host`, instead of the one that was kept before.

        Raises:
            ConfigError: others can read the file, or it cannot be read or written.
        """

        def change(data: dict[str, Any]) -> None:
            entry = {"token": credentials.token, "expires_at": credentials.expires_at}
            data["tokens"] = {**_tokens(data, self.path), host: entry}

        self._exists_privately()
        edit_object(self.path, change)

    def remove(self, host: str) -> bool:
        """Forget the token for `host`; return whether there was one.

        Raises:
            ConfigError: others can read the file, or it cannot be read or written.
        """
        if not self._exists_privately():
            return False
        removed = False

        def change(data: dict[str, Any]) -> None:
            nonlocal removed
            removed = _tokens(data, self.path).pop(host, None) is not None

        edit_object(self.path, change)
        return removed

    def _exists_privately(self) -> bool:
        try:
            paths.check_private(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def _tokens(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the entries of a token file by host; the very object in `data`, so that it can be changed."""
    tokens = data.get("tokens", {})
    if not isinstance(tokens, dict) or not all(map(_is_entry, tokens.values())):
        raise ConfigError(
            f"{path} is not a file of tokens as hca writes it.", file=str(path), hint="Remove it, and log in again."
        )
    return tokens


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        return False
    expires_at = entry.get("expires_at")
    return expires_at is None or (isinstance(expires_at, (int, float)) and not isinstance(expires_at, bool))
