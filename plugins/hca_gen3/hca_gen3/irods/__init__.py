"""Datasets in iRODS: whole collections are fetched, verified and continued where they broke off."""

from __future__ import annotations

from hca_gen3.irods.api import IRODSAPI

__all__ = ["IRODSAPI"]
