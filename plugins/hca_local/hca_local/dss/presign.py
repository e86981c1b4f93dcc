"""Addresses of objects that are handed to users."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hca_local.dss.model import SCHEMES
from hca_local.s3.signing import AccessKey, object_url, presign

__all__ = ["Links", "direct_url"]

LIFETIME = 3600  # seconds


class Links:
    """Signs addresses of the object store at `s3_url`, so that anybody can read the object for an hour.

    `clock` tells unix seconds.
    """

    def __init__(self, s3_url: str, access_key: AccessKey, clock: Callable[[], float]) -> None:
        self._s3_url = s3_url
        self._access_key = access_key
        self._clock = clock

    def signed(self, bucket: str, key: str, query: Mapping[str, str]) -> str:
        """Return the address for a GET; `query` are S3's parameters that override headers of the answer."""
        url = object_url(self._s3_url, bucket, key)
        return presign("GET", url, self._access_key, expires=LIFETIME, now=self._clock(), query=query)


def direct_url(replica: str, bucket: str, key: str) -> str:
    """Return the address inside the replica's cloud, for those who have access to it."""
    return f"{SCHEMES[replica]}://{bucket}/{key}"
