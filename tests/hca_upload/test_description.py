"""The upload API description is complete, and fit for any Swagger-driven client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

import hca_upload

AREA = "/v1/area/{upload_area_uuid}"
OPERATIONS = {
    "get /version",
    "get /health",
    "get /v1/health",
    f"head {AREA}",
    f"post {AREA}",
    f"delete {AREA}",
    f"post {AREA}/credentials",
    f"get {AREA}/checksums",
    f"get {AREA}/validations",
    f"put {AREA}/files_info",
    f"put {AREA}/validate",
    f"post {AREA}/update_checksum/{{checksum_id}}",
    f"post {AREA}/update_validation/{{validation_id}}",
    f"post {AREA}/{{filename}}",
    f"put {AREA}/{{filename}}",
    f"get {AREA}/{{filename}}",
    f"get {AREA}/{{filename}}/checksum",
    f"get {AREA}/{{filename}}/validate",
    f"put {AREA}/{{filename}}/validate",
}
WITH_KEY = {
    "create_area",
    "delete_area",
    "store_file",
    "validate_file",
    "validate_files",
    "update_checksum",
    "update_validation",
}
DOCUMENT: dict[str, Any] = json.loads(
    (Path(hca_upload.__file__).parent / "data" / "upload-api.json").read_text(encoding="utf-8")
)
FOUND: list[tuple[str, str, dict[str, Any]]] = [
    (path, method, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]
each_operation = pytest.mark.parametrize(
    ("path", "operation"),
    [(path, operation) for path, _, operation in FOUND],
    ids=[operation["operationId"] for _, _, operation in FOUND],
)


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


def resolve(value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        target: Any = DOCUMENT
        for key in value["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        value = target
    return value


def test_document_level() -> None:
    assert (DOCUMENT["swagger"], DOCUMENT["basePath"], DOCUMENT["schemes"]) == ("2.0", "/", ["https"])
    assert DOCUMENT["host"] == "upload.data.humancellatlas.org"


def test_all_operations() -> None:
    assert {f"{method} {path}" for path, method, _ in FOUND} == OPERATIONS
    assert len({operation["operationId"] for _, _, operation in FOUND}) == len(OPERATIONS)


@each_operation
def test_texts(path: str, operation: dict[str, Any]) -> None:
    assert len(operation["summary"]) < 70
    assert operation["description"].endswith(".")
    assert all(one["description"].endswith(".") for one in operation["parameters"])
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}


@each_operation
def test_parameters(path: str, operation: dict[str, Any]) -> None:
    by_place = [(one["in"], one["name"]) for one in operation["parameters"]]
    assert {name for place, name in by_place if place == "path"} == set(re.findall(r"\{(\w+)\}", path))
    assert (("header", "Api-Key") in by_place) == (operation["operationId"] in WITH_KEY)
    assert ("401" in operation["responses"]) == (operation["operationId"] in WITH_KEY)


@each_operation
def test_errors(path: str, operation: dict[str, Any]) -> None:
    assert "default" in operation["responses"]
    assert ("404" in operation["responses"]) == (path.startswith(AREA) and operation["operationId"] != "create_area")
    for status, response in operation["responses"].items():
        assert resolve(response)["description"]
        if status[0] in "45d" and operation["operationId"] != "find_area":
            assert resolve(response)["schema"] == {"$ref": "#/definitions/Error"}


def test_references_are_internal_and_all_used() -> None:
    used = {value["$ref"] for value in walk(DOCUMENT) if "$ref" in value}
    assert used == {f"#/{part}/{name}" for part in ("definitions", "responses") for name in DOCUMENT[part]}


def test_schemas_are_json_schemas() -> None:
    schemas = [*DOCUMENT["definitions"].values(), *(one["schema"] for one in walk(DOCUMENT) if "schema" in one)]
    assert len(schemas) > 30
    for schema in schemas:
        Draft4Validator.check_schema(schema)
