"""Make a new version of a bundle with files added or removed; here, with neither."""

import os

from hca import HCAConfig
from hca.dss import DSSClient

hca_config = HCAConfig()
hca_config["DSSClient"].swagger_url = os.environ["SWAGGER_URL"]
dss = DSSClient(config=hca_config)

print(dss.patch_bundle(uuid="98f6c379-cb78-4a61-9310-f8cc0341c0ea", version="2019-08-02T202456.025543Z", replica="aws"))
