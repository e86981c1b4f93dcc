"""The document by which programs find the provider's addresses and abilities (OpenID Connect Discovery)."""

from __future__ import annotations

from typing import Any

from hca_core.credentials.claims import EMAIL_CLAIM
from hca_core.credentials.service_account import GROUP_CLAIM
from hca_local.oidc.clients import SCOPES

__all__ = ["configuration"]


def configuration(issuer: str) -> dict[str, Any]:
    """Return what the provider at `issuer` offers."""
    authentication = ["client_secret_basic", "client_secret_post", "none"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "logout_endpoint": f"{issuer}/logout",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": authentication,
        "revocation_endpoint_auth_methods_supported": authentication,
        "claims_supported": ["sub", "email", "email_verified", "auth_time", "nonce", EMAIL_CLAIM, GROUP_CLAIM],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
