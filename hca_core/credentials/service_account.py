"""Signs tokens with the key of a Google service account, for machines on which nobody can log in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core import paths
from hca_core.credentials.advice import SERVICE_ACCOUNT
from hca_core.credentials.claims import EMAIL_CLAIM
from hca_core.errors import ConfigError
from hca_core.records import Credentials
from hca_core.settings.files import read_object

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["VARIABLE", "Account", "audience", "credentials", "read", "sign"]

log = logging.getLogger(__name__)

VARIABLE = SERVICE_ACCOUNT
LIFETIME = 3600  # seconds; no service accepts a longer one
MARGIN = 300.0  # a token is replaced so many seconds before it expires: the service's clock may be ahead of ours
BACKDATED = 60  # a token is signed as if so many seconds ago: the service's clock may be behind ours

GROUP_CLAIM = "https://auth.data.humancellatlas.org/group"
GROUP = "hca"
SCOPE = ("email", "openid", "offline_access")

_signed: dict[tuple[Path, str], Credentials] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Account:
    """A service account and its key."""

    email: str
    key_id: str
    key: RSAPrivateKey = field(repr=False)


def credentials(file: Path, audience: str, *, now: float, rejected: str | None = None) -> Credentials:
    """Return a token for `audience`, signed with the key in `file`; the same one again until it is about to expire.

    If that one is the `rejected` token it is returned a last time: a new one would say nothing else.

    Raises:
        ConfigError: the file is not the key of a service account, or cannot be read.
    """
    key = (file.absolute(), audience)
    with _lock:
        kept = _signed.get(key)
        if kept is None or (kept.expires_at or 0) - MARGIN <= now:
            kept = _signed[key] = sign(read(file), audience, now)
        elif kept.token == rejected:
            del _signed[key]
        return kept


def audience(settings: Mapping[str, Any]) -> str:
    """Return for whom tokens are signed: the setting `auth.audience`.

    Raises:
        ConfigError: it is not set, or not text.
    """
    section = settings.get("auth")
    value = section.get("audience") if isinstance(section, Mapping) else None
    if not isinstance(value, str) or not value:
        raise ConfigError(
            "The setting auth.audience must say for which services a service account's tokens are.",
            key="auth.audience",
            hint="Ask the service's operators which audience it accepts.",
        )
    return value


def read(file: Path) -> Account:
    """Return the service account in the JSON file that Google gives out.

    Others being able to read it is only warned of: mounted secrets often cannot be changed.

    Raises:
        ConfigError: the file cannot be read, or is something else.
    """
    data = _read(file)
    kind = data.get("type", "service_account")
    if kind != "service_account":
        raise _unusable(file, f"it holds credentials of the type {str(kind)[:40]!r}, not those of a service account")
    email, key_id, key = (_text(data, name, file) for name in ("client_email", "private_key_id", "private_key"))
    return Account(email, key_id, _parsed(key, file))


def sign(account: Account, audience: str, now: float) -> Credentials:
    """Return a token of `account` for `audience`, signed at `now` (seconds since 1970)."""
    import jwt

    issued = int(now) - BACKDATED
    claims = {
        "iss": account.email,
        "sub": account.email,
        "aud": audience,
        "iat": issued,
        "exp": issued + LIFETIME,
        "email": account.email,
        "scope": list(SCOPE),
        EMAIL_CLAIM: account.email,
        GROUP_CLAIM: GROUP,
    }
    token = jwt.encode(claims, account.key, algorithm="RS256", headers={"kid": account.key_id})
    return Credentials(token, VARIABLE, float(issued + LIFETIME))


def _read(file: Path) -> dict[str, Any]:
    try:
        data = read_object(file)
    except ConfigError as error:
        # The parser's error, which is the cause of this one, holds the whole file.
        raise _unusable(file, error.message.rstrip(".")) from None
    if data is None:
        raise _unusable(file, "it does not exist")
    try:
        paths.check_private(file)
    except ConfigError as error:
        log.warning("%s %s", error.message, error.hint)
    return data


def _text(data: Mapping[str, Any], name: str, file: Path) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise _unusable(file, f"it has no {name}")
    return value


def _parsed(pem: str, file: Path) -> RSAPrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The words of the cause may quote the key.
        raise _unusable(file, "its private_key is not a key in PEM form, or is locked with a password") from None
    if not isinstance(key, RSAPrivateKey):
        raise _unusable(file, "its private_key is not an RSA key")
    return key


def _unusable(file: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{VARIABLE} names {file}, which cannot be used: {why}.",
        file=str(file),
        hint=f"Name the JSON key file of a service account, or unset {VARIABLE}.",
    )
