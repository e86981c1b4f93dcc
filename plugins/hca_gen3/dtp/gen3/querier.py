"""The documented import path of `Querier`."""

from hca_gen3.querier import Querier as Querier

__all__ = ["Querier"]
