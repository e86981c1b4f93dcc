"""Gen3 data commons, and SPARC datasets whose files are in a PACS or in iRODS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_core.lazy import lazily

if TYPE_CHECKING:
    from hca_gen3.auth import Auth as Auth
    from hca_gen3.commons import Commons as Commons
    from hca_gen3.config_file import ConfigLoader as ConfigLoader
    from hca_gen3.convertor import Gen3Convertor as Gen3Convertor
    from hca_gen3.downloader import Downloader as Downloader
    from hca_gen3.exporter import Exporter as Exporter
    from hca_gen3.irods import IRODSAPI as IRODSAPI
    from hca_gen3.querier import Querier as Querier
    from hca_gen3.submitter import Gen3Submitter as Gen3Submitter

__all__ = [
    "IRODSAPI",
    "Auth",
    "Commons",
    "ConfigLoader",
    "Downloader",
    "Exporter",
    "Gen3Convertor",
    "Gen3Submitter",
    "Querier",
]

__getattr__ = lazily(
    __name__,
    {
        "Auth": "hca_gen3.auth",
        "Commons": "hca_gen3.commons",
        "ConfigLoader": "hca_gen3.config_file",
        "Downloader": "hca_gen3.downloader",
        "Exporter": "hca_gen3.exporter",
        "Gen3Convertor": "hca_gen3.convertor",
        "Gen3Submitter": "hca_gen3.submitter",
        "IRODSAPI": "hca_gen3.irods",
        "Querier": "hca_gen3.querier",
    },
)
