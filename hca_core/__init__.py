"""The core of hca: what plugin authors and Python users may rely on.

Importing this package is light: records, errors and the hook marker only. Everything else is imported from its own
module when it is needed.
"""

from __future__ import annotations

from hca_core.errors import (
    ApiError,
    ArgumentError,
    AuthError,
    ConfigError,
    HcaError,
    IntegrityError,
    NetworkError,
    NotFoundError,
    PluginError,
    SpecError,
    TransferError,
)
from hca_core.records import CommandSpec, Credentials, ObjectStoreSpec, ProfileSpec, ServiceSpec, SettingSpec

__all__ = [
    "ApiError",
    "ArgumentError",
    "AuthError",
    "CommandSpec",
    "ConfigError",
    "Credentials",
    "HcaError",
    "IntegrityError",
    "NetworkError",
    "NotFoundError",
    "ObjectStoreSpec",
    "PluginError",
    "ProfileSpec",
    "ServiceSpec",
    "SettingSpec",
    "SpecError",
    "TransferError",
    "__version__",
]

__version__ = "9.0.0.dev0"
