"""Access tokens kept for the next program, in a private file, each for the key that it was got with."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from hca_core import paths
from hca_core.credentials.store import Login, TokenStore
from hca_core.errors import ConfigError
from hca_core.records import Credentials

if TYPE_CHECKING:
    from hca_core.app import App
    from hca_gen3.sources import Source

__all__ = ["keep", "recall"]

log = logging.getLogger(__name__)


def recall(app: App, source: Source) -> Credentials | None:
    """Return the token that was got last from `source`, which may have expired; None if there is none."""
    try:
        login = _store(app).get(_name(source))
    except ConfigError as error:
        log.warning("Kept tokens are not used: %s %s", error.message, error.hint or "")
        return None
    return Credentials(login.access_token, source.name, login.expires_at) if login else None


def keep(app: App, source: Source, found: Credentials) -> None:
    """Keep a token that was got from `source`; where that is impossible the next program gets its own."""
    try:
        _store(app).put(_name(source), Login(found.token, found.expires_at))
    except ConfigError as error:
        log.debug("A token is not kept: %s", error.message)


def _store(app: App) -> TokenStore:
    in_keyring = app.settings.value("login.keyring") is True
    return TokenStore(paths.cache_dir(app.environ) / "gen3-tokens.json", keyring=in_keyring)


def _name(source: Source) -> str:
    """Return a name that differs for each key, and tells nothing of it."""
    return hashlib.sha256(json.dumps([type(source).__name__, source.identity]).encode()).hexdigest()
