"""Upload a folder and make a bundle of it; the bucket on the way is empty again afterwards."""

import os

import boto3

from hca import HCAConfig
from hca.dss import DSSClient

s3 = boto3.resource("s3")
bucket = s3.Bucket("upload-test-unittest")

hca_config = HCAConfig()
hca_config["DSSClient"].swagger_url = os.environ["SWAGGER_URL"]
dss = DSSClient(config=hca_config)

print(dss.upload(src_dir="data/", replica="aws", staging_bucket="upload-test-unittest"))

bucket.objects.all().delete()

print("Upload successful")
