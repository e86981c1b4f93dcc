"""The core of hca: what plugin authors and Python users may rely on.

Importing this package imports nothing else: its names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from hca_core.records import (
        CommandSpec,
        Credentials,
        ExecutorSpec,
        ObjectStoreSpec,
        ProfileSpec,
        ServiceSpec,
        SettingSpec,
    )

__all__ = [
    "ApiError",
    "ArgumentError",
    "AuthError",
    "CommandSpec",
    "ConfigError",
    "Credentials",
    "ExecutorSpec",
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


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: `hca --version` needs neither.
    if name in __all__:
        from importlib import import_module

        module = import_module("hca_core.errors" if name.endswith("Error") else "hca_core.records")
        return getattr(module, name)
    raise AttributeError(f"module 'hca_core' has no attribute {name!r}")
