"""Make a manifest of a bundle's metadata files, and download what it lists."""

import json
import os
import pprint

from get_bundle_api import BUNDLE_JSON, fetch_bundle, save_bundle

from hca.dss import DSSClient
from hca.util import tsv

dss = DSSClient()

if not os.path.isfile(BUNDLE_JSON):
    bundle = fetch_bundle()
    save_bundle(bundle)

with open("manifest.tsv", "w", newline="") as manifest:
    writer = tsv.DictWriter(
        manifest,
        fieldnames=(
            "bundle_uuid",
            "bundle_version",
            "file_name",
            "file_uuid",
            "file_version",
            "file_sha256",
            "file_size",
        ),
    )
    writer.writeheader()

    with open(BUNDLE_JSON) as jsonfile:
        try:
            data = json.load(jsonfile)
            bundle_uuid, bundle_version = (
                data["bundle"]["uuid"],
                data["bundle"]["version"],
            )
            pprint.pprint(data)
            for content in data["bundle"]["files"]:
                if content["name"].endswith(".json"):
                    writer.writerow(
                        {
                            "bundle_uuid": bundle_uuid,
                            "bundle_version": bundle_version,
                            "file_name": content["name"],
                            "file_uuid": content["uuid"],
                            "file_version": content["version"],
                            "file_sha256": content["sha256"],
                            "file_size": content["size"],
                        }
                    )
        except ValueError as e:
            print(f"Not a JSON file: {e}")

dss.download_manifest(replica="aws", manifest="manifest.tsv")
