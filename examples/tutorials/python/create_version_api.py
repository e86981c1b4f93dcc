"""A new version, to be given to a file or a bundle; `print` is ours."""

from hca.dss import DSSClient

dss = DSSClient()

print(dss.create_version())
