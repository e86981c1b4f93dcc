"""Studies from a PACS: C-GET, C-MOVE with a receiver of our own, or DICOMweb."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from hca_gen3.pacs.config import PacsConfig

if TYPE_CHECKING:
    from hca_core.http import Session
    from hca_gen3.pacs.pacs import Pacs

__all__ = ["PacsConfig", "open_pacs"]


def open_pacs(config: PacsConfig, session: Session | None = None) -> Pacs:
    """Return the PACS that `config` describes; nothing is sent before the first study is fetched.

    `session` carries the requests if it is reached by DICOMweb; none of its tokens is ever sent there.

    Raises:
        PluginError: the libraries for DICOM are not installed.
    """
    from hca_core.errors import PluginError

    if not all(map(find_spec, ("pydicom", "pynetdicom"))):
        raise PluginError("Fetching from a PACS needs pynetdicom.", hint="Run: pip install 'hca-gen3[pacs]'")
    from hca_gen3.pacs.pacs import Pacs

    return Pacs(config, session)
