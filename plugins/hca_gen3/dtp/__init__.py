"""The names that the documentation of `hca_gen3` uses: `from dtp import Downloader`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_core.lazy import lazily

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

# The names below the first seven are what later releases of the original called the same classes.
__getattr__ = lazily(
    __name__,
    {
        **dict.fromkeys(
            ("Auth", "Downloader", "Exporter", "Gen3Convertor", "Gen3Submitter", "IRODSAPI", "Querier"), "hca_gen3"
        ),
        "IRODS": "hca_gen3:IRODSAPI",
        "MetadataExporter": "hca_gen3:Exporter",
        "MetadataQuerier": "hca_gen3:Querier",
        "MetadataUploader": "hca_gen3:Gen3Submitter",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
