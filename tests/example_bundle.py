"""The five files of the worked example, and the bundle the DSS answers with for them."""

from __future__ import annotations

from typing import Any

BUNDLE_UUID = "11111111-2222-4333-8444-555555555555"
BUNDLE_VERSION = "2024-05-01T120100.000000Z"
FILE_VERSION = "2024-05-01T120000.000000Z"
DOCUMENT_SHA256 = "9dca30c8ab76147c66af506335c07647f8b3409f4f8f8d49f3d718ace1fb07d9"

_DONOR = (
    '{"describedBy":"https://schema.example.org/type/biomaterial/9.0.2/donor_organism",'
    '"biomaterial_core":{"biomaterial_id":"D%d","ncbi_taxon_id":[9606]}}'
)
_PROJECT = (
    b'{"describedBy":"https://schema.example.org/type/project/9.1.0/project",'
    b'"project_core":{"project_short_name":"demo-lung"}}'
)
CONTENTS = {
    "project_0.json": _PROJECT,
    "donor_organism_0.json": (_DONOR % 0).encode(),
    "donor_organism_1.json": (_DONOR % 1).encode(),
    "reads/r1.fastq": b"@r1\nACGT\n+\nIIII\n",
    "empty.marker": b"",
}
_CHECKSUMS = [
    ("1bef62a9", "cc8d659062863c67a6fb8df809f420a0", "c78b1fd76072fd26dd0854bdaa2940b20eab63a2",
     "7593c51a2052c63f5de23177fd66201f4a3b4f6b46334a52dbc2c28d38ac987b"),
    ("d5a682ce", "6f4f0f272dbef2410a65d564ce2ff40a", "ee88c58ad89f8aca4e43f3683654a53ba7dbbe71",
     "1abda09fb94927393cdf0283f69b2a4e7bc570d37aecd94cc0b608cedb835223"),
    ("8b98106e", "eaded41e6f9f8c5c599e347389e08196", "696b31ca141556c0c74e0a8561b181eccaa42e4a",
     "86613482b7dd9a77f72f8808ad2755e1f33b6f6f80bef587339b2591d422cb51"),
    ("a356da79", "54fbecfaa43146c14500b3fac0e8146e", "8dda2e187ba431c0d4e02048f8ea5cc2455cdacf",
     "8add5b3bf0a7df65f939b0f2f0650f97ae63c37796bf0d1e769b384e666986cd"),
    ("00000000", "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
]  # fmt: skip
_TYPES = [
    'application/json; dcp-type="metadata/project"',
    'application/json; dcp-type="metadata/biomaterial"',
    'application/json; dcp-type="metadata/biomaterial"',
    "application/octet-stream; dcp-type=data",
    "application/octet-stream",
]


def file_uuid(number: int) -> str:
    return f"0a000000-0000-4000-8000-{number:012d}"


def entries() -> list[dict[str, Any]]:
    """The bundle's files as `GET /bundles/{uuid}` lists them."""
    found = []
    for index, (name, content) in enumerate(CONTENTS.items()):
        crc32c, s3_etag, sha1, sha256 = _CHECKSUMS[index]
        found.append(
            {
                "name": name,
                "content-type": _TYPES[index],
                "size": len(content),
                "uuid": file_uuid(index + 1),
                "version": FILE_VERSION,
                "crc32c": crc32c,
                "s3_etag": s3_etag,
                "sha1": sha1,
                "sha256": sha256,
                "indexed": name.endswith(".json"),
            }
        )
    return found


def page(files: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """An answer to `GET /bundles/{uuid}`: all five files, or those given."""
    bundle = {"uuid": BUNDLE_UUID, "version": BUNDLE_VERSION, "creator_uid": 8008}
    return {"bundle": {**bundle, "files": entries() if files is None else files}}


def pages() -> list[dict[str, Any]]:
    """The bundle in two pages."""
    return [page(entries()[:2]), page(entries()[2:])]
