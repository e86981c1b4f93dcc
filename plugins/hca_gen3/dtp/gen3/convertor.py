"""The documented import path of `Gen3Convertor`."""

from hca_gen3.convertor import Gen3Convertor as Gen3Convertor

__all__ = ["Gen3Convertor"]
