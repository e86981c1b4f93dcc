"""Forget the stored token."""

from hca.dss import DSSClient

dss = DSSClient()

dss.logout()
