"""The documented import path of `ConfigLoader`."""

from hca_gen3.config_file import ConfigLoader as ConfigLoader

__all__ = ["ConfigLoader"]
