"""Make a collection, list and show collections, change one, and delete it."""

import os
import uuid

from hca import HCAConfig
from hca.dss import DSSClient

hca_config = HCAConfig()
hca_config["DSSClient"].swagger_url = os.environ["SWAGGER_URL"]
dss = DSSClient(config=hca_config)

collection = dss.put_collection(
    uuid=str(uuid.uuid4()),
    version="2018-09-17T161441.564206Z",
    description="foo",
    details={},
    replica="aws",
    name="bar",
    contents=[
        {
            "type": "bundle",
            "uuid": "ff818282-9735-45fa-a094-e9f2d3d0a954",
            "version": "2019-08-06T170839.843085Z",
            "path": "https://dss.dev.data.humancellatlas.org/v1/bundles/ff818282-9735-45fa-a094-e9f2d3d0a954?version=2019-08-06T170839.843085Z&replica=aws",
        }
    ],
)

uuid, version = collection["uuid"], collection["version"]

print(dss.get_collections(replica="aws"))

print(dss.patch_collection(replica="aws", uuid=uuid, version=version))

print(dss.get_collection(replica="aws", uuid=uuid))

print(dss.delete_collection(replica="aws", uuid=uuid))
