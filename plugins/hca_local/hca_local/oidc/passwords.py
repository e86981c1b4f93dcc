"""Keeps passwords so that they cannot be read back, not even from a stolen file."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from base64 import b64decode, b64encode
from dataclasses import astuple, dataclass

from hca_core.errors import HcaError

__all__ = ["DEFAULT_COST", "Cost", "check_password", "hash_password", "verify_password"]

SHORTEST = 8  # characters
LONGEST = 1024  # characters
_MEMORY = 64 * 1024 * 1024  # bytes that scrypt may use


@dataclass(frozen=True)
class Cost:
    """How much work one guess is (scrypt); the default takes 16 MiB and a fraction of a second."""

    n: int = 2**14
    r: int = 8
    p: int = 5


DEFAULT_COST = Cost()


def check_password(password: str) -> None:
    """Raise an HcaError if `password` cannot be one."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise HcaError(f"A password has {SHORTEST} to {LONGEST} characters.")


def hash_password(password: str, cost: Cost) -> str:
    """Return what is kept of a password: it starts with the cost, so that later ones may cost more."""
    salt = secrets.token_bytes(16)
    numbers = "$".join(map(str, astuple(cost)))
    return f"scrypt${numbers}${_text(salt)}${_text(_derive(password, salt, cost))}"


def verify_password(password: str, kept: str | None, cost: Cost) -> bool:
    """Return whether `kept` was made of this password. None is nobody's, and found out with the work of `cost`."""
    if kept is None:
        _derive(password, bytes(16), cost)
        return False
    _, n, r, p, salt, digest = kept.split("$")
    found = _derive(password, b64decode(salt), Cost(int(n), int(r), int(p)))
    return secrets.compare_digest(found, b64decode(digest))


def _derive(password: str, salt: bytes, cost: Cost) -> bytes:
    # Keyboards differ in how they compose an accented letter.
    normal = unicodedata.normalize("NFC", password[: LONGEST + 1]).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(normal, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=_MEMORY)


def _text(data: bytes) -> str:
    return b64encode(data).decode()
