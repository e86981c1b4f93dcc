"""Ask how a checkout job goes, and where the copy is."""

import os

from hca.dss import DSSClient

dss = DSSClient()

bundle_checkout_status = dss.get_bundles_checkout(replica="aws", checkout_job_id=os.environ["CHECKOUT_JOB_ID"])

print(f"Bundle checkout status: {bundle_checkout_status['status']}!")
if bundle_checkout_status["status"] == "SUCCEEDED":
    print(f"File is located at: {bundle_checkout_status['location']}!")
