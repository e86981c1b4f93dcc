"""The Python client of the auth service: the methods of its API description."""

from __future__ import annotations

from hca_core.client import ApiClient

__all__ = ["AuthClient"]


class AuthClient(ApiClient):
    """Talks to the auth service. Every operation of its API description is a method (`get_v1_user`, …)."""

    service = "auth"
