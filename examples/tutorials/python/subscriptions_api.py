"""Subscribe to bundles, list and show subscriptions, and end one."""

import os

from hca import HCAConfig
from hca.dss import DSSClient

hca_config = HCAConfig()
hca_config["DSSClient"].swagger_url = os.environ["SWAGGER_URL"]
dss = DSSClient(config=hca_config)

subscription = dss.put_subscription(
    replica="aws",
    callback_url="https://localhost/dcp-cli-tutorials-put-delete-get-sub-api",
)

callback, owner, replica, uuid = (
    subscription["callback_url"],
    subscription["owner"],
    subscription["replica"],
    subscription["uuid"],
)

print(dss.get_subscriptions(replica="aws"))

print(dss.get_subscription(replica="aws", uuid=uuid))

print(dss.delete_subscription(replica="aws", uuid=uuid))
