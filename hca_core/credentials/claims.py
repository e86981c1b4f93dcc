"""What a token says about itself, if it is a JSON Web Token; nothing here checks whether that is true."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

__all__ = ["EMAIL_CLAIM", "expiry", "issuer", "scopes", "subject"]

EMAIL_CLAIM = "https://auth.data.humancellatlas.org/email"


def expiry(token: str) -> float | None:
    """Return when a token expires (seconds since 1970), or None if it does not say."""
    try:
        moment = float(_claims(token)["exp"])
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    return moment if math.isfinite(moment) else None


def subject(token: str) -> str | None:
    """Return whom a token is for, preferably as an e-mail address, or None if it does not say."""
    claims = _claims(token)
    values = (claims.get(name) for name in (EMAIL_CLAIM, "email", "sub"))
    return next((value for value in values if isinstance(value, str) and value), None)


def issuer(token: str) -> str | None:
    """Return who gave a token out, or None if it does not say."""
    value = _claims(token).get("iss")
    return value if isinstance(value, str) and value else None


def scopes(token: str) -> list[str]:
    """Return what a token is for; nothing if it does not say."""
    value = _claims(token).get("scope")
    words = value.split() if isinstance(value, str) else value
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
