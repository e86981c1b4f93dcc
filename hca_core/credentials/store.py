"""Keeps logins in a private file, each for the host whose tokens it gives; their secrets in the keyring on request."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from hca_core import paths
from hca_core.credentials import keyrings
from hca_core.credentials.application import Application
from hca_core.credentials.claims import expiry
from hca_core.errors import ConfigError
from hca_core.settings.files import edit_object, read_object

__all__ = ["STORED_LOGIN", "Login", "TokenStore"]

STORED_LOGIN = "stored login"
SECRETS = frozenset({"access_token", "refresh_token", "client_secret"})
IN_KEYRING = "in_keyring"  # marks an entry of the file whose secrets are elsewhere


@dataclass(frozen=True)
class Login:
    """What a login gave: a token, and what it takes to get the next one.

    `expires_at` is seconds since 1970; None means that the token is good until it is refused. `scope` is what the
    token is for, words separated by spaces; `subject` is whom the provider `issuer` has vouched for. `auth_method` is
    how the provider is shown the secret.
    """

    access_token: str = field(repr=False)
    expires_at: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    token_endpoint: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    revocation_endpoint: str | None = None
    issuer: str | None = None
    scope: str | None = None
    subject: str | None = None
    auth_method: str | None = None

    @property
    def application(self) -> Application:
        """As which application hca has logged in."""
        return Application(self.client_id, self.client_secret, self.auth_method)

    @property
    def renewable(self) -> bool:
        """Whether there is a way to get another token without the user."""
        return bool(self.refresh_token and self.token_endpoint)

    def expired(self, moment: float) -> bool:
        """Return whether the token is no good at `moment`, seconds since 1970."""
        return self.expires_at is not None and self.expires_at <= moment


class TokenStore:
    """The logins in one file, by host as `hosts.host_of` returns it.

    `keyring` says that the secrets of new logins go to the system's keyring; old ones are read wherever they are.
    """

    def __init__(self, path: Path, *, keyring: bool = False) -> None:
        self.path = path
        self._keyring = keyring

    @classmethod
    def of_user(cls, environ: Mapping[str, str], settings: Mapping[str, Any] | None = None) -> TokenStore:
        """Return the user's own store: `credentials.json` beside the settings, of which one is `login.keyring`."""
        section = (settings or {}).get("login")
        keyring = isinstance(section, Mapping) and section.get("keyring") is True
        return cls(paths.config_dir(environ) / "credentials.json", keyring=keyring)

    def get(self, host: str) -> Login | None:
        """Return the login at `host`, whose token may have expired, or None.

        Raises:
            ConfigError: others can read the file, or it cannot be read.
        """
        if not self._exists_privately():
            return None
        return _login(host, _entries(read_object(self.path) or {}, self.path).get(host))

    def put(self, host: str, login: Login) -> None:
        """Keep a login at `host`, instead of the one that was kept before.

        Raises:
            ConfigError: others can read the file, or it cannot be read or written.
        """

        def change(data: dict[str, Any]) -> None:
            entries = _entries(data, self.path)
            data["tokens"] = {**entries, host: self._entry(host, login, entries.get(host))}

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
            login = _login(host, entries.get(host))
            if login:
                changed = change(login)
                entries[host] = self._entry(host, changed, entries[host])

        if self._exists_privately():
            edit_object(self.path, edit)
        return changed

    def remove(self, host: str) -> Login | None:
        """Forget the login at `host`, and return it; None if there was none.

        Raises:
            ConfigError: others can read the file, or it cannot be read or written.
        """
        removed: Login | None = None

        def change(data: dict[str, Any]) -> None:
            nonlocal removed
            entry = _entries(data, self.path).pop(host, None)
            removed = _login(host, entry)
            _leave_keyring(host, entry)

        if self._exists_privately():
            edit_object(self.path, change)
        return removed

    def _entry(self, host: str, login: Login, before: dict[str, Any] | None) -> dict[str, Any]:
        """Return what the file keeps of a login; the rest is in the keyring then, and nothing is there needlessly."""
        entry = {name: value for name, value in asdict(login).items() if value is not None}
        if not self._keyring:
            _leave_keyring(host, before)
            return entry
        keyrings.write(host, {name: entry.pop(name) for name in SECRETS & entry.keys()})
        return {**entry, IN_KEYRING: True}

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


def _leave_keyring(host: str, entry: dict[str, Any] | None) -> None:
    if entry and entry.get(IN_KEYRING):
        keyrings.forget(host)


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not (entry.get(IN_KEYRING) or isinstance(entry.get("access_token"), str)):
        return False
    texts = (entry.get(one.name) for one in fields(Login) if one.name != "expires_at")
    return all(text is None or isinstance(text, str) for text in texts) and _is_moment(entry.get("expires_at"))


def _is_moment(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _login(host: str, entry: dict[str, Any] | None) -> Login | None:
    if entry and entry.get(IN_KEYRING):
        entry = {**entry, **keyrings.read(host)}
        if not _is_entry({**entry, IN_KEYRING: False}):
            return None  # somebody has emptied the keyring
    if entry is None:
        return None
    known = {one.name: entry[one.name] for one in fields(Login) if one.name in entry}
    login = Login(**known)
    return login if login.expires_at is not None else replace(login, expires_at=expiry(login.access_token))
