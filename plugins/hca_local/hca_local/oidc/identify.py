"""Says whose a token is: the owner's, one of ours, or one that a service account signed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hca_core.credentials.claims import EMAIL_CLAIM
from hca_local.oidc.families import ACCESS_SECONDS
from hca_local.oidc.tokens import FAMILY_CLAIM
from hca_local.problem import Problem

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey
    from joserfc.jws import CompactSignature

    from hca_local.oidc.store import Store
    from hca_local.users import User, Users

__all__ = ["Caller", "Identifier"]

LEEWAY = 60  # seconds that clocks may differ
MAX_TOKEN = 16 * 1024  # characters


@dataclass(frozen=True)
class Caller:
    """Somebody with a good token. `subject` is its `sub`, `family` that of a sign-in, if it comes from one.

    Who has a token without a signature is known by e-mail address only.
    """

    user: User
    subject: str
    family: str | None = None


class Identifier:
    """Checks tokens for services that accept `audience`, with the keys in `store` and no others.

    `users` have tokens without a signature. Who is not enabled in the eyes of `is_enabled` is not let in.
    """

    def __init__(
        self,
        store: Store,
        *,
        issuer: str,
        audience: str,
        users: Users,
        is_enabled: Callable[[str], bool],
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._users = users
        self._is_enabled = is_enabled
        self._issuer = issuer
        self._audience = audience
        self._now = now

    def identify(self, token: str) -> Caller | None:
        """Return whose a token is, or None if it is nobody's.

        Raises:
            Problem: 401, it is not valid; 403, it is, but its owner is not let in.
        """
        user = self._users.from_token(token)
        caller = Caller(user, user.email) if user else self._signed(token)
        if caller and not self._is_enabled(caller.user.email):
            raise _forbidden(f"{caller.user.email} is disabled.")
        return caller

    def _signed(self, token: str) -> Caller | None:
        """Return whose a JSON Web Token is; None if it is none."""
        if token.count(".") != 2:
            return None
        signature, claims = _read(token)
        if claims.get("iss") == self._issuer:
            return self._account(signature, claims)
        return self._service_account(signature, claims)

    def _account(self, signature: CompactSignature, claims: Mapping[str, Any]) -> Caller:
        kid = signature.headers().get("kid")
        self._check(signature, claims, self._store.keys.find(kid) if isinstance(kid, str) else None)
        account = self._store.accounts.by_id(claims["sub"])
        if account is None:
            raise _invalid("The account that this token is for does not exist any more.")
        family = claims.get(FAMILY_CLAIM)
        if family is not None and self._store.families.get(family) is None:
            raise _invalid("The token was revoked: its owner signed out, or it may have been stolen.")
        _check_email(claims)
        if account.disabled:
            raise _forbidden(f"The account {account.email} is disabled.")
        return Caller(account.user, account.id, family)

    def _service_account(self, signature: CompactSignature, claims: Mapping[str, Any]) -> Caller:
        issuer = claims.get("iss")
        account = self._store.service_accounts.get(issuer) if isinstance(issuer, str) else None
        if account is None:
            raise _forbidden(f"The issuer of this token is not trusted here: {str(issuer)[:150]}.")
        known = signature.headers().get("kid") == account.kid
        self._check(signature, claims, account.key() if known else None)
        if claims["sub"] != account.email or _check_email(claims) != account.email:
            raise _forbidden("A service account can sign tokens only for itself.")
        if claims["exp"] > self._now() + ACCESS_SECONDS + LEEWAY:
            raise _invalid("A token that a service account signs may last no longer than an hour.")
        return Caller(account.user, account.email)

    def _check(self, signature: CompactSignature, claims: Mapping[str, Any], key: RSAKey | None) -> None:
        """Check all that does not depend on whom the token is for."""
        from joserfc import jws
        from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
        from joserfc.jwt import JWTClaimsRegistry

        if key is None:
            raise _invalid("The token is signed with an unknown key.")
        wanted = JWTClaimsRegistry(
            int(self._now()),
            LEEWAY,
            sub={"essential": True},
            exp={"essential": True},
            aud={"essential": True, "value": self._audience},
        )
        try:
            if not jws.validate_compact(signature, key, ["RS256"]):
                raise _invalid("The signature of the token is wrong.")
            wanted.validate(dict(claims))
        except ExpiredTokenError:
            raise _invalid("The token has expired.") from None
        except ClaimError as error:
            raise _invalid(f"The token is not valid here: {error.description}.") from None
        except (JoseError, ValueError):
            raise _invalid("The token is not signed as it must be, with RS256.") from None


def _read(token: str) -> tuple[CompactSignature, dict[str, Any]]:
    """Return a token's signature, unchecked, and its claims, of which nothing may be believed yet."""
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        if len(token) > MAX_TOKEN:
            raise ValueError
        signature = jws.extract_compact(token.encode("ascii"))
        claims = json.loads(signature.payload or b"", parse_constant=_refuse)
        # JSON can spell halves of characters, which cannot be looked up anywhere.
        json.dumps([signature.headers(), claims], ensure_ascii=False).encode()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _invalid("The token cannot be decoded.") from None
    if not isinstance(claims, dict) or not isinstance(signature.headers(), dict):
        raise _invalid("The token cannot be decoded.")
    return signature, claims


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON; a token that expires then would never do so")


def _check_email(claims: Mapping[str, Any]) -> str:
    email = claims.get(EMAIL_CLAIM) or claims.get("email")
    if not isinstance(email, str):
        raise _forbidden("The token does not say whose it is: it has no e-mail address.")
    return email


def _invalid(title: str) -> Problem:
    return Problem(401, "Unauthorized", title, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _forbidden(title: str) -> Problem:
    return Problem(403, "Forbidden", title)
