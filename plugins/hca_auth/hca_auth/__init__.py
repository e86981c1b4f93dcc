"""Who may do what in the Human Cell Atlas: users, groups, roles and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_core.lazy import lazily

if TYPE_CHECKING:
    from hca_auth.client import AuthClient as AuthClient

__all__ = ["AuthClient"]

__getattr__ = lazily(__name__, {"AuthClient": "hca_auth.client"})
