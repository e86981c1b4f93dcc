"""Documented names that belong to no single service."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hca_core.client import ApiClient as SwaggerClient
    from hca_core.errors import ApiError as SwaggerAPIException

__all__ = ["SwaggerAPIException", "SwaggerClient"]


def __getattr__(name: str) -> Any:
    if name == "SwaggerAPIException":
        return import_module("hca_core.errors").ApiError
    if name == "SwaggerClient":
        return import_module("hca_core.client").ApiClient
    raise AttributeError(f"module 'hca.util' has no attribute {name!r}")
