"""The names that the documentation of `hca_gen3` uses: `from dtp import Downloader`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hca_gen3 import IRODSAPI as IRODS
    from hca_gen3 import IRODSAPI as IRODSAPI
    from hca_gen3 import Auth as Auth
    from hca_gen3 import Downloader as Downloader
    from hca_gen3 import Exporter as Exporter
    from hca_gen3 import Exporter as MetadataExporter
    from hca_gen3 import Gen3Convertor as Gen3Convertor
    from hca_gen3 import Gen3Submitter as Gen3Submitter
    from hca_gen3 import Gen3Submitter as MetadataUploader
    from hca_gen3 import Querier as MetadataQuerier
    from hca_gen3 import Querier as Querier

__all__ = [
    "IRODS",
    "IRODSAPI",
    "Auth",
    "Downloader",
    "Exporter",
    "Gen3Convertor",
    "Gen3Submitter",
    "MetadataExporter",
    "MetadataQuerier",
    "MetadataUploader",
    "Querier",
]

# What later releases of the original called the same classes.
_LATER = {
    "IRODS": "IRODSAPI",
    "MetadataExporter": "Exporter",
    "MetadataQuerier": "Querier",
    "MetadataUploader": "Gen3Submitter",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("hca_gen3"), _LATER.get(name, name))


def __dir__() -> list[str]:
    return sorted(__all__)
