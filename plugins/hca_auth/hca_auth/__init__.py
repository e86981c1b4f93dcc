"""Who may do what in the Human Cell Atlas: users, groups, roles and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hca_auth.client import AuthClient as AuthClient

__all__ = ["AuthClient"]


def __getattr__(name: str) -> Any:
    if name != "AuthClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hca_auth.client import AuthClient

    return AuthClient
