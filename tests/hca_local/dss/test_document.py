from __future__ import annotations

import io
import json
from typing import Any

import pytest

from hca_core.transfer.digest import checksums
from hca_local.dss.document import group_name, index_document, shape_descriptor
from hca_local.dss.model import Bundle, Entry, File


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("project_0.json", "project_json"),
        ("links.json", "links_json"),
        ("a/b_3.json", "a/b_json"),
        ("donor_organism.json", "donor_organism_json"),
        ("donor_organism_12.json", "donor_organism_json"),
        ("assay_x.json", "assay_x_json"),
        ("a.b_1.json", "a_b_json"),
        ("a_1_2.json", "a_1_json"),
        ("reads.txt", "reads_txt"),
        ("_json", "_json"),
    ],
)
def test_group_names(name: str, group: str) -> None:
    assert group_name(name) == group


def described(kind: str, version: str) -> dict[str, Any]:
    return {"describedBy": f"https://schema.example.org/type/{kind.split('/')[-1]}/{version}/{kind}"}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({}, "None"),
        ({"links_json": [{"a": 1}, [], "text"]}, "None"),
        ({"project_json": [described("project", "9.1.0")]}, "v9"),
        ({"project_json": [described("project", "9.1.0")], "links_json": [{}]}, "v9"),
        ({"project_json": [{"describedBy": "https://x.org/9.1.0/project.json"}]}, "v9"),
        ({"b_json": [described("b", "2.0.0")], "a_json": [described("a", "1.0.0")]}, "v.a.1.b.2"),
        ({"a_json": [described("b", "1.0.0")]}, "v.a.b.1"),
        ({"a_json": [described("a", "1.0.0"), described("a", "2.0.0")]}, "v.a.1.a.2"),
        ({"a_json": [{"core": {"type": "a", "schema_version": "4.6.1"}}]}, "v4"),
        ({"a_json": [{"describedBy": "https://x.org/a"}, {"describedBy": 7}, {"core": {"type": 1}}]}, "None"),
    ],
)
def test_shape_descriptor(groups: dict[str, list[Any]], expected: str) -> None:
    assert shape_descriptor(groups) == expected


def bundle_of(*files: tuple[str, str, bool, bytes]) -> tuple[Bundle, dict[str, bytes]]:
    entries, contents = [], {}
    for name, content_type, indexed, content in files:
        sums = checksums(io.BytesIO(content), len(content))
        entries.append(Entry(name, indexed, File(name, "v", 1, content_type, len(content), sums)))
        contents[name] = content
    return Bundle("u", "v", 1, tuple(entries)), contents


def document_of(*files: tuple[str, str, bool, bytes]) -> Any:
    bundle, contents = bundle_of(*files)
    return json.loads(index_document(bundle, lambda file: io.BytesIO(contents[file.uuid])))


def test_only_indexed_json_is_searched() -> None:
    document = document_of(
        ("a_0.json", "application/json", True, b"1"),
        ("a_1.json", "application/json; dcp-type=x", True, b"2"),
        ("b.json", "application/json", False, b"3"),
        ("c.json", "text/plain", True, b"4"),
        ("d.json", "application/json", True, b"{"),
        ("e.json", "application/json", True, b""),
    )
    assert document["files"] == {"a_json": [1, 2]}
    assert [one["name"] for one in document["manifest"]["files"]] == [f"{n}.json" for n in ("a_0", "a_1", *"bcde")]


@pytest.mark.parametrize(("count", "listed"), [(20_000, 20_000), (20_001, 0)])
def test_the_manifest_of_a_huge_bundle_is_not_searched(count: int, listed: int) -> None:
    bundle, _ = bundle_of(("x", "text/plain", False, b""))
    huge = Bundle("u", "v", 1, bundle.entries * count)
    document = json.loads(index_document(huge, lambda _: io.BytesIO()))
    assert len(document["manifest"]["files"]) == listed


def test_a_huge_metadata_file_is_not_read() -> None:
    bundle, _ = bundle_of(("x.json", "application/json", True, b"1"))
    file = bundle.entries[0].file
    big = File(file.uuid, file.version, 1, file.content_type, 16 * 1024 * 1024 + 1, file.checksums)
    bundle = Bundle("u", "v", 1, (Entry("x.json", True, big),))
    assert json.loads(index_document(bundle, lambda _: pytest.fail("it was opened")))["files"] == {}
