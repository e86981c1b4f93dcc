"""The one door to the network: every request of the core goes through `Session`."""

from __future__ import annotations

from hca_core.http.exchange import foreign_address
from hca_core.http.session import Session
from hca_core.http.stream import exact_bytes

__all__ = ["Session", "exact_bytes", "foreign_address"]
