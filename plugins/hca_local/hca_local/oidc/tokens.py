"""Makes the tokens that the provider gives out: signed statements about an account."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hca_core.credentials.claims import EMAIL_CLAIM
from hca_core.credentials.service_account import GROUP_CLAIM
from hca_core.errors import HcaError
from hca_local.oidc.families import ACCESS_SECONDS
from hca_local.oidc.keys import LONGEST

if TYPE_CHECKING:
    from hca_local.oidc.accounts import Account
    from hca_local.oidc.families import Family
    from hca_local.oidc.store import Store

__all__ = ["FAMILY_CLAIM", "Tokens", "default_audience", "remembered"]

FAMILY_CLAIM = "sid"
SCRIPT_SCOPE = "openid email"


class Tokens:
    """Signs tokens of `issuer` for services that accept `audience`."""

    def __init__(self, store: Store, *, issuer: str, audience: str, now: Callable[[], float]) -> None:
        self._store = store
        self._issuer = issuer
        self._audience = audience
        self._now = now

    def mint(self, email: str, seconds: int = ACCESS_SECONDS, *, scope: str = SCRIPT_SCOPE) -> str:
        """Return an access token of an account for scripts and tests, without anybody signing in.

        Raises:
            HcaError: there is no such account, it is disabled, or no token lasts so long.
        """
        account = self._store.accounts.get(email)
        if account is None:
            raise HcaError(
                f"There is no account {email[:150]}.",
                hint="Make one with `hca local user add`, or see `hca local user list`.",
            )
        if account.disabled:
            raise HcaError(f"The account {account.email} is disabled.", hint="Run: hca local user enable")
        if not 0 < seconds <= LONGEST:
            raise HcaError(f"A token lasts up to {LONGEST} seconds.")
        return self._sign(self._access_claims(account, [self._audience], scope, seconds))

    def access(self, account: Account, family: Family, scope: str) -> str:
        """Return the access token that a sign-in gives a program."""
        claims = self._access_claims(account, [self._audience, family.client_id], scope, ACCESS_SECONDS)
        return self._sign({**claims, "client_id": family.client_id, FAMILY_CLAIM: family.id})

    def identity(self, account: Account, family: Family, access_token: str) -> str:
        """Return the ID token that tells a program who signed in; services do not accept it."""
        from authlib.oidc.core.util import create_half_hash

        claims = {
            **self._claims(account, family.client_id, ACCESS_SECONDS),
            "auth_time": int(family.signed_in),
            "at_hash": create_half_hash(access_token, "RS256").decode(),
        }
        return self._sign({**claims, "nonce": family.nonce} if family.nonce else claims)

    def _access_claims(self, account: Account, audience: list[str], scope: str, seconds: int) -> dict[str, Any]:
        return {
            **self._claims(account, audience, seconds),
            "jti": secrets.token_urlsafe(16),
            "scope": scope,
            EMAIL_CLAIM: account.email,
            GROUP_CLAIM: account.group,
        }

    def _claims(self, account: Account, audience: str | list[str], seconds: int) -> dict[str, Any]:
        now = int(self._now())
        return {
            "iss": self._issuer,
            "sub": account.id,
            "aud": audience,
            "iat": now,
            "exp": now + seconds,
            "email": account.email,
            "email_verified": True,
        }

    def _sign(self, claims: dict[str, Any]) -> str:
        from joserfc import jwt

        key = self._store.keys.current()
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key, ["RS256"])


def default_audience() -> str:
    """Return the audience for which hca signs unless a setting says otherwise."""
    from hca_core.builtin import hca_settings

    return next(str(spec.default) for spec in hca_settings() if spec.key == "auth.audience")


def remembered(store: Store, now: Callable[[], float]) -> Tokens:
    """Return what makes tokens as the provider on `store` does, or did when it last ran.

    Raises:
        HcaError: it never ran.
    """
    return Tokens(store, issuer=store.fact("issuer"), audience=store.fact("audience"), now=now)
