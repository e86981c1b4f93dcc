"""Forget the kept API description; the next call fetches it again."""

from hca.dss import DSSClient

dss = DSSClient()

dss.clear_cache()
