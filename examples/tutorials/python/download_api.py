"""Download a bundle into a folder: whole, then only its metadata, then only its data."""

from hca.dss import DSSClient

dss = DSSClient()

dss.download(
    bundle_uuid="ffffaf55-f19c-40e3-aa81-a6c69d357265",
    version="2019-08-01T200147.836832Z",
    replica="aws",
    download_dir="download_test",
)

UUID = "ffffaf55-f19c-40e3-aa81-a6c69d357265"
VERSION = "2019-08-01T200147.836832Z"

dss.download(
    bundle_uuid=UUID,
    version=VERSION,
    replica="aws",
    download_dir=".hca_metadata_only",
    no_data=True,
)

dss.download(
    bundle_uuid=UUID,
    version=VERSION,
    replica="aws",
    download_dir=".hca_data_only",
    no_metadata=True,
)
