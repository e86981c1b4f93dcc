"""Checks the token in which a provider says who has logged in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Doubt", "verify"]

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY = 120  # seconds by which the provider's clock may differ from ours


class Doubt(Exception):
    """Why an identity token is not believed, in words without any part of it."""


def verify(
    token: str, keys: Any, *, issuer: str, client_id: str, nonce: str, access_token: str, now: float
) -> Mapping[str, Any]:
    """Return the claims of an identity token, which must be for this very login.

    `keys` is the provider's key set as it publishes it (JWKS); `now` is seconds since 1970.

    Raises:
        Doubt: its signature, issuer, audience, nonce or time is not right.
    """
    from authlib.oidc.core.claims import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
    from joserfc.jwk import KeySet

    expected = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    login = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)
        claims = CodeIDToken(decoded.claims, decoded.header, expected, login)
        claims.validate(now=int(now), leeway=LEEWAY)
    except ExpiredTokenError:
        raise Doubt("it has expired (or the clock of this machine is wrong)") from None
    except ClaimError as error:
        raise Doubt(f"its {error.claim} is missing or not the right one") from None
    except (JoseError, ValueError, TypeError, LookupError, AttributeError):
        raise Doubt("its signature cannot be verified") from None
    return dict(claims)
