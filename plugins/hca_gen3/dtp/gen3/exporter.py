"""The documented import path of `Exporter`."""

from hca_gen3.exporter import Exporter as Exporter

__all__ = ["Exporter"]
