"""The DSS API description is complete, and fit for any Swagger-driven client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from documented_interface import COMMANDS
from jsonschema import Draft4Validator

import hca_dss

METHODS = {"get", "put", "post", "patch", "delete", "head", "options"}

# The documented commands that are operations of the API, and not only the client's.
OURS_ALONE = {"login", "logout", "upload", "download", "download-manifest", "download-collection", "create-version"}
DOCUMENTED = {
    command.removeprefix("hca dss "): documented
    for command, documented in COMMANDS.items()
    if command.startswith("hca dss ") and command.removeprefix("hca dss ") not in OURS_ALONE
}
PAGINATED = {"post_search", "get_bundles_all", "get_bundle", "get_collections", "get_events"}
SECURED = {name.replace("-", "_") for name in DOCUMENTED if "collection" in name or "subscription" in name} | {
    "put_file",
    "put_bundle",
    "patch_bundle",
    "delete_bundle",
}
DOCUMENT: dict[str, Any] = json.loads(
    (Path(hca_dss.__file__).parent / "data" / "dss-api.json").read_text(encoding="utf-8")
)
OPERATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (path, method, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]
each_operation = pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=[operation["operationId"] for _, _, operation in OPERATIONS]
)


def client_name(method: str, path: str) -> str:
    """The name rule of the documented client, written down once more."""
    words = [
        part for part in path.replace("/.well-known", "").replace("-", "_").split("/") if part[:1] not in ("", "{")
    ]
    name = "_".join([method, *words])
    singular = method in ("post", "put") or path.endswith("/{uuid}")
    return name.removesuffix("s") if singular else name


def resolve(value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        target: Any = DOCUMENT
        for key in value["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        value = target
    return value


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


def body_of(operation: dict[str, Any]) -> dict[str, Any]:
    schemas = [resolve(one["schema"]) for one in operation["parameters"] if one["in"] == "body"]
    return schemas[0] if schemas else {"properties": {}}


def options(operation: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Names of required and of optional command line options."""
    body = body_of(operation)
    required = {one["name"] for one in operation["parameters"] if one["in"] != "body" and one["required"]}
    every = {one["name"] for one in operation["parameters"] if one["in"] != "body"} | set(body["properties"])
    required |= set(body.get("required", ()))
    return {name.replace("_", "-") for name in required}, {name.replace("_", "-") for name in every - required}


def test_document_level() -> None:
    assert DOCUMENT["swagger"] == "2.0"
    assert DOCUMENT["host"] == "dss.data.humancellatlas.org"
    assert DOCUMENT["basePath"] == "/v1"
    assert DOCUMENT["schemes"] == ["https"]
    assert DOCUMENT["info"]["description"].strip()
    assert "security" not in DOCUMENT
    login = DOCUMENT["securityDefinitions"]["dcpAuth"]
    assert login["authorizationUrl"] == "https://auth.data.humancellatlas.org/authorize"
    assert set(login["scopes"]) == {"email", "openid", "offline_access"}


def test_all_paths_and_operations() -> None:
    assert len(DOCUMENT["paths"]) == 12
    assert len(OPERATIONS) == 22
    names = {operation["operationId"] for _, _, operation in OPERATIONS}
    assert names == {command.replace("-", "_") for command in DOCUMENTED}


@each_operation
def test_name_follows_from_the_path(path: str, method: str, operation: dict[str, Any]) -> None:
    assert method in METHODS
    assert operation["operationId"] == client_name(method, path)


@each_operation
def test_documented_options(path: str, method: str, operation: dict[str, Any]) -> None:
    documented = {
        name.removeprefix("--"): special.get("required", False)
        for name, special in DOCUMENTED[operation["operationId"].replace("_", "-")].items()
        if name != "--no-paginate"
    }
    required = {name for name, needed in documented.items() if needed}
    assert options(operation) == (required, documented.keys() - required)


@each_operation
def test_texts(path: str, method: str, operation: dict[str, Any]) -> None:
    assert "\n" not in operation["summary"]
    assert len(operation["summary"]) < 60
    assert operation["description"].endswith((".", "`."))
    assert all(one["description"].endswith(".") for one in operation["parameters"])
    assert all(one["description"].endswith(".") for one in body_of(operation)["properties"].values())


@each_operation
def test_path_parameters_match_the_path(path: str, method: str, operation: dict[str, Any]) -> None:
    declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
    assert declared == set(re.findall(r"\{(\w+)\}", path))


@each_operation
def test_body_is_usable_as_keywords(path: str, method: str, operation: dict[str, Any]) -> None:
    bodies = [one for one in operation["parameters"] if one["in"] == "body"]
    others = [one["name"] for one in operation["parameters"] if one["in"] != "body"]
    properties = body_of(operation)["properties"]
    assert len(bodies) <= 1
    assert not set(others) & set(properties)
    assert len(set(others)) == len(others)
    for schema in properties.values():
        assert "enum" in schema or schema["type"] in {"string", "number", "integer", "boolean", "array", "object"}


@each_operation
def test_responses(path: str, method: str, operation: dict[str, Any]) -> None:
    name, responses = operation["operationId"], operation["responses"]
    assert ("206" in responses) == (name in PAGINATED)
    assert ("302" in responses) == (name == "get_file")
    assert (operation.get("security") == [{"dcpAuth": []}]) == (name in SECURED)
    assert "default" in responses
    for status, response in responses.items():
        assert resolve(response)["description"]
        if status[0] in "45d":
            assert resolve(response)["schema"] == {"$ref": "#/definitions/Error"}
    for status in ("500", "502", "503", "504"):
        assert "Retry-After" in resolve(responses[status])["headers"]


@each_operation
def test_pages_announce_themselves(path: str, method: str, operation: dict[str, Any]) -> None:
    if operation["operationId"] in PAGINATED:
        page, last = operation["responses"]["206"], operation["responses"]["200"]
        assert {"Link", "X-OpenAPI-Pagination", "X-OpenAPI-Paginated-Content-Key"} == set(page["headers"])
        assert page["schema"] == last["schema"]
        sizes = next(one for one in operation["parameters"] if one["name"] == "per_page")
        assert sizes["minimum"] <= sizes["default"] <= sizes["maximum"]


def test_page_sizes() -> None:
    sizes = {
        operation["operationId"]: (one["minimum"], one["maximum"], one["default"])
        for _, _, operation in OPERATIONS
        for one in operation["parameters"]
        if one["name"] == "per_page"
    }
    assert sizes == {
        "post_search": (10, 500, 100),
        "get_bundles_all": (10, 500, 100),
        "get_bundle": (10, 500, 500),
        "get_collections": (10, 500, 500),
        "get_events": (1, 10, 1),
    }


def test_versions_are_checked_where_they_are_written() -> None:
    checked = {
        operation["operationId"]
        for _, _, operation in OPERATIONS
        for one in operation["parameters"]
        if one.get("format") == "DSS_VERSION"
    }
    assert checked == {"put_file", "put_bundle", "patch_bundle", "put_collection", "patch_collection"}


def test_references_are_internal_pure_and_not_circular() -> None:
    references = [value for value in walk(DOCUMENT) if "$ref" in value]
    assert references
    for value in references:
        assert list(value) == ["$ref"]
        assert value["$ref"].startswith("#/")
        assert_finite(value, ())


def assert_finite(value: Any, seen: tuple[str, ...]) -> None:
    for found in walk(value):
        if "$ref" in found:
            assert found["$ref"] not in seen
            assert_finite(resolve(found), (*seen, found["$ref"]))


def test_definitions_are_all_used() -> None:
    used = {value["$ref"] for value in walk(DOCUMENT) if "$ref" in value}
    kept = {f"#/{part}/{name}" for part in ("definitions", "responses") for name in DOCUMENT[part]}
    assert used == kept


def test_schemas_are_json_schemas() -> None:
    schemas = list(DOCUMENT["definitions"].values()) + [
        value["schema"] for value in walk(DOCUMENT) if "schema" in value
    ]
    assert len(schemas) > 60
    for schema in schemas:
        Draft4Validator.check_schema(schema)


def test_error_codes_are_open() -> None:
    assert "enum" not in DOCUMENT["definitions"]["Error"]["properties"]["code"]


def test_collection_and_subscription_are_answered_bare() -> None:
    for path, name in (("/collections/{uuid}", "Collection"), ("/subscriptions/{uuid}", "Subscription")):
        answer = DOCUMENT["paths"][path]["get"]["responses"]["200"]
        assert answer["schema"] == {"$ref": f"#/definitions/{name}"}
    assert {"path", "fragment"} <= set(DOCUMENT["definitions"]["CollectionItem"]["properties"])
    assert "hmac_secret_key" not in DOCUMENT["definitions"]["Subscription"]["properties"]


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("1b8b6c2e-6f0c-4a55-9a53-0e5d8f8a2f11", True),
        ("1B8B6C2E-6F0C-4A55-9A53-0E5D8F8A2F11", True),
        ("x1b8b6c2e-6f0c-4a55-9a53-0e5d8f8a2f11", False),
        ("1b8b6c2e-6f0c-4a55-9a53-0e5d8f8a2f11/..", False),
        ("gb8b6c2e-6f0c-4a55-9a53-0e5d8f8a2f11", False),
        ("1b8b6c2e6f0c4a559a530e5d8f8a2f11", False),
    ],
)
def test_uuid_patterns(text: str, valid: bool) -> None:
    patterns = {
        one["pattern"]
        for _, _, operation in OPERATIONS
        for one in operation["parameters"]
        if one["name"] in ("uuid", "checkout_job_id")
    }
    assert [bool(re.search(pattern, text)) for pattern in patterns] == [valid]


@pytest.mark.parametrize(
    "name", ["a", "a/b.json", ".hidden", "..a", "...", "C:x", "sample 1 (é).fastq.gz", "a/b/c.tar", "bundle.json", "~a"]
)
def test_file_names_allowed(name: str) -> None:
    assert re.search(DOCUMENT["definitions"]["BundleFile"]["properties"]["name"]["pattern"], name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/a", "~/a", "../a", "a/../b", "a/.b", "a./b", "a/./b", "a//b", "a/", "a\\b", "a\n", "a\nb", "a\0"],
)
def test_file_names_refused(name: str) -> None:
    assert not re.search(DOCUMENT["definitions"]["BundleFile"]["properties"]["name"]["pattern"], name)


@pytest.mark.parametrize(
    ("etag", "valid"), [("", True), ("-2", True), ("-10000", True), ("-1", False), ("-10001", False)]
)
def test_s3_etag_pattern(etag: str, valid: bool) -> None:
    pattern = DOCUMENT["definitions"]["BundleEntry"]["properties"]["s3_etag"]["pattern"]
    assert bool(re.search(pattern, "0" * 32 + etag)) is valid
