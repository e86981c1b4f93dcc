"""Puts what the tutorials talk about into the DSS and the buckets that this shell uses; run it before them.

It prints shell commands that set SWAGGER_URL and CHECKOUT_JOB_ID. Running it again changes nothing but the latter.
"""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import boto3

from hca import HCAConfig
from hca.dss import DSSClient
from hca_core.transfer.digest import checksums

UPLOADS = "upload-test-unittest"
SOURCES = "org-humancellatlas-dss-cli-test"

DOWNLOADED = "ffffaf55-f19c-40e3-aa81-a6c69d357265"
LISTED = "002aeac5-4d74-462d-baea-88f5c620cb50"
CHECKED_OUT = "fff746b3-e3eb-496a-88a3-5fa1fa358392"
FOUND = "fff807ba-bc98-4247-a560-49fb90c9675c"
COLLECTED = "ff818282-9735-45fa-a094-e9f2d3d0a954"

CELL = json.dumps({"describedBy": "https://schema.example.org/type/biomaterial/13.1.0/cell_suspension"})
READ = json.dumps({"describedBy": "https://schema.example.org/type/file/7.0.2/sequence_file", "read_index": "read2"})
LINKS = json.dumps({"describedBy": "https://schema.example.org/system/1.1.5/links", "links": []})
PROCESS = json.dumps({"describedBy": "https://schema.example.org/type/process/9.1.0/process"})

# Each file's UUID and version, with its name and content.
FILES = {
    ("134c0f04-76ae-405d-aea4-b72c08a53dd9", "2019-07-09T230754.589000Z"): ("cell_suspension_0.json", CELL),
    ("dbf7bd27-b58e-431d-ba05-6a48f29e7cef", "2019-08-03T150636.118831Z"): ("links.json", LINKS),
    ("1330ef1a-7a21-40c6-84c5-5cec18204028", "2019-08-03T150636.729022Z"): ("reads_2.fastq", "@read\nACGT\n+\nIIII\n"),
    ("c14b99ea-d8e2-4c84-9dc2-ce2245d8a743", "2019-07-09T231935.003000Z"): ("cell_suspension_0.json", CELL),
    ("6887bd52-8bea-47d9-bbd9-ff71e05faeee", "2019-01-30T165057.189000Z"): ("cell_suspension_1.json", CELL),
    ("666ff3f0-67a1-4ead-82e9-3f96a8c0a9b1", "2019-01-30T165057.189000Z"): ("sequence_file_1.json", READ),
    ("2196a626-38da-4489-8b2f-645d342f6aab", "2019-07-10T001103.121000Z"): ("process_1.json", PROCESS),
}

# Each bundle's UUID and version, with how many of the files above, from which on, it has.
BUNDLES = {
    (DOWNLOADED, "2019-08-01T200147.836832Z"): slice(0, 3),
    (LISTED, "2019-08-01T200147.836900Z"): slice(3, 4),
    (CHECKED_OUT, "2019-08-01T200147.130156Z"): slice(0, 2),
    (FOUND, "2019-08-01T200147.111027Z"): slice(4, 6),
    (COLLECTED, "2019-08-06T170839.843085Z"): slice(6, 7),
}


def stage(s3, bucket: str, key: str, content: bytes) -> str:
    """Put an object with the tags that the DSS wants, and return its URL."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "content")
        file.write_bytes(content)
        sums = checksums(file)
    tags = "&".join(f"hca-dss-{name}={getattr(sums, name)}" for name in ("crc32c", "s3_etag", "sha1", "sha256"))
    s3.Bucket(bucket).put_object(Key=key, Body=content, ContentType="application/json", Tagging=tags)
    return f"s3://{bucket}/{key}"


def main() -> None:
    swagger_url = HCAConfig()["DSSClient"].swagger_url
    if urlsplit(swagger_url).hostname != "127.0.0.1" or "AWS_ENDPOINT_URL_S3" not in os.environ:
        sys.exit('This shell does not use a local stack. Run: hca local up; eval "$(hca local env)"')
    s3, dss = boto3.resource("s3"), DSSClient()
    for bucket in (UPLOADS, SOURCES):
        s3.create_bucket(Bucket=bucket)
    for (uuid, version), (name, content) in FILES.items():
        url = stage(s3, SOURCES, f"{uuid}/{name}", content.encode())
        dss.put_file(uuid=uuid, version=version, creator_uid=0, source_url=url)
    entries = [
        {"uuid": uuid, "version": version, "name": name, "indexed": name.endswith(".json")}
        for (uuid, version), (name, _) in FILES.items()
    ]
    for (uuid, version), chosen in BUNDLES.items():
        dss.put_bundle(uuid=uuid, version=version, replica="aws", creator_uid=0, files=entries[chosen])
    # What the put_file tutorials register, and what the upload tutorials send.
    stage(s3, SOURCES, "930a927d-0138-4a79-8c87-e45936fe4fc3/get_bundle.json", CELL.encode())
    Path("data").mkdir(exist_ok=True)
    Path("data", "cell_suspension_0.json").write_text(CELL)
    job = dss.post_bundles_checkout(uuid=CHECKED_OUT, replica="aws")["checkout_job_id"]
    print(f"export SWAGGER_URL={swagger_url}")
    print(f"export CHECKOUT_JOB_ID={job}")


if __name__ == "__main__":
    main()
