"""The documented import path of `Downloader`."""

from hca_gen3.downloader import Downloader as Downloader

__all__ = ["Downloader"]
