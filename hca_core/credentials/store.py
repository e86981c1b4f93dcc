"""Keeps logins in a private file, each for the host whose tokens it gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from hca_core import paths
from hca_core.credentials.claims import expiry
from hca_core.errors import ConfigError
from hca_core.settings.files import edit_object, read_object

__all__ = ["STORED_LOGIN", "Login", "TokenStore"]

STORED_LOGIN = "stored login"


@dataclass(frozen=True)
class Login:
    """What a login gave: a token, and what it takes to get the next one.

    `expires_at` is seconds since 1970; None means that the token is good until it is refused.
    """

    access_token: str = field(repr=False)
    expires_at: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    token_endpoint: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)

    @property
    def renewable(self) -> bool:
        """Whether there is a way to get another token without the user."""
        return bool(self.refresh_token and self.token_endpoint)

    def expired(self, moment: float) -> bool:
        """Return whether the token is no good at `moment`, seconds since 1970."""
        return self.expires_at is not None and self.expires_at <= moment


class TokenStore:
    """The logins in one file, by host as `hosts.host_of` returns it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of_user(cls, environ: Mapping[str, str]) -> TokenStore:
        """Return the user's own store: `credentials.json` beside the settings."""
        return cls(paths.config_dir(environ) / "credentials.json")

    def get(self, host: str) -> Login | None:
        """Return the login at `host`, whose token may have expired, or None.

        Raises:
            ConfigError: others can read the file, or it cannot be read.
        """
        if not self._exists_privately():
            return None
        return _login(_entries(read_object(self.path) or {}, self.path).get(host))

    def put(self, host: str, login: Login) -> None:
        """Keep a login at `host`, instead of the one that was kept before.

        Raises:
            ConfigError: others can read the file, or it cannot be read or written.
        """

        def change(data: dict[str, Any]) -> None:
            data["tokens"] = {**_entries(data, self.path), host: _entry(login)}

        self._exists_privately()
        edit_object(self.path, change)

    def update(self, host: str, change: Callable[[Login], Login]) -> Login | None:
        """Replace the login at `host` by what `change` makes of it, and return that; None if there is none.

        No other process changes the file meanwhile. It stays as it is if `change` raises.

        Raises:
            ConfigError: others can read the file, or it cannot be read or written.
        """
        changed: Login | None = None

        def edit(data: dict[str, Any]) -> None:
            nonlocal changed
            entries = _entries(data, self.path)
            login = _login(entries.get(host))
            if login:
                changed = change(login)
                entries[host] = _entry(changed)

        if self._exists_privately():
            edit_object(self.path, edit)
        return changed

    def remove(self, host: str) -> bool:
        """Forget the login at `host`; return whether there was one.

        Raises:
            ConfigError: others can read the file, or it cannot be read or written.
        """
        removed = False

        def change(data: dict[str, Any]) -> None:
            nonlocal removed
            removed = _entries(data, self.path).pop(host, None) is not None

        if self._exists_privately():
            edit_object(self.path, change)
        return removed

    def _exists_privately(self) -> bool:
        try:
            paths.check_private(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def _entries(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the entries of the file by host; the very object in `data`, so that it can be changed."""
    entries = data.get("tokens", {})
    if not isinstance(entries, dict) or not all(map(_is_entry, entries.values())):
        raise ConfigError(
            f"{path} is not a file of tokens as hca writes it.", file=str(path), hint="Remove it, and log in again."
        )
    return entries


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("access_token"), str):
        return False
    texts = (entry.get(one.name) for one in fields(Login) if one.name != "expires_at")
    return all(text is None or isinstance(text, str) for text in texts) and _is_moment(entry.get("expires_at"))


def _is_moment(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _login(entry: dict[str, Any] | None) -> Login | None:
    if entry is None:
        return None
    known = {one.name: entry[one.name] for one in fields(Login) if one.name in entry}
    login = Login(**known)
    return login if login.expires_at is not None else replace(login, expires_at=expiry(login.access_token))


def _entry(login: Login) -> dict[str, Any]:
    return {name: value for name, value in asdict(login).items() if value is not None}
