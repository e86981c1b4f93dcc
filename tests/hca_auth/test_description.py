"""The auth API description is complete, says what the documentation says, and is fit for any OpenAPI client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

import hca_auth
from hca_core.openapi import describe
from hca_core.openapi.model import Operation
from hca_core.openapi.names import identifier
from hca_core.openapi.parse import parse

# What the documentation lists for each command: required options first, then optional ones, each in its order.
DOCUMENTED = {
    "get-login": ("redirect-uri", "state"),
    "get-logout": ("", "client-id"),
    "get-openid-configuration": ("host", ""),
    "get-jwks.json": ("", ""),
    "get-oauth-authorize": ("", "redirect-uri state client-id scope response-type nonce prompt"),
    "post-oauth-revoke": ("client-id token", ""),
    "post-oauth-token": ("", ""),
    "get-oauth-userinfo": ("", ""),
    "post-oauth-userinfo": ("", ""),
    "get-echo": ("", ""),
    "post-v1-policies-evaluate": ("principal action resource", ""),
    "get-v1-users": ("", "next-token per-page"),
    "post-v1-user": ("user-id", "groups roles policy"),
    "get-v1-user": ("user-id", ""),
    "put-v1-user": ("user-id status", ""),
    "get-v1-user-owns": ("user-id resource-type", "next-token per-page"),
    "get-v1-user-groups": ("user-id", "next-token per-page"),
    "put-v1-user-group": ("user-id action", "groups"),
    "get-v1-user-roles": ("user-id", "next-token per-page"),
    "put-v1-user-role": ("user-id action", "roles"),
    "put-v1-user-policy": ("user-id", "policy"),
    "get-v1-groups": ("", "next-token per-page"),
    "post-v1-group": ("group-id", "policy roles"),
    "get-v1-group": ("group-id", ""),
    "delete-v1-group": ("group-id", ""),
    "get-v1-group-roles": ("group-id", "next-token per-page"),
    "put-v1-group-role": ("group-id action", "roles"),
    "get-v1-group-users": ("group-id", "next-token per-page"),
    "put-v1-group-user": ("group-id action", "users"),
    "put-v1-group-policy": ("group-id", "policy"),
    "get-v1-roles": ("", "next-token per-page"),
    "post-v1-role": ("role-id policy", ""),
    "get-v1-role": ("role-id", ""),
    "delete-v1-role": ("role-id", ""),
    "put-v1-role-policy": ("role-id", "policy"),
}
# Documented without options, which made it useless: it takes a form.
FORM = "redirect-uri code grant-type client-id client-secret refresh-token scope"
PAGINATED = {
    *("get_v1_users", "get_v1_user_owns", "get_v1_user_groups", "get_v1_user_roles"),
    *("get_v1_groups", "get_v1_group_roles", "get_v1_group_users", "get_v1_roles"),
}
STREAMING = {"get_oauth_authorize", "post_oauth_token"}
MEMBERSHIP = {"put_v1_user_group", "put_v1_user_role", "put_v1_group_role", "put_v1_group_user"}
LISTS = {"groups", "roles", "users", "action", "resource"}
FOLDER = Path(hca_auth.__file__).parent
DOCUMENT: dict[str, Any] = json.loads((FOLDER / "data" / "auth-api.json").read_text("utf-8"))
API = parse(DOCUMENT)
each_operation = pytest.mark.parametrize("operation", API.operations, ids=[one.name for one in API.operations])


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


def raw(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return found


def target(reference: str) -> Any:
    value: Any = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        value = value[key]
    return value


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    return target(value["$ref"]) if "$ref" in value else value


def names(operation: Operation, *, required: bool) -> list[str]:
    return [one.option.removeprefix("--") for one in operation.parameters if one.required == required]


def test_document_level() -> None:
    assert DOCUMENT["openapi"] == "3.0.0"
    assert DOCUMENT["servers"] == [{"url": "https://auth.data.humancellatlas.org"}]
    assert DOCUMENT["info"]["description"].strip()
    assert "security" not in DOCUMENT
    scheme = DOCUMENT["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_all_documented_operations_and_no_others() -> None:
    assert [operation.command for operation in API.operations] == list(DOCUMENTED)
    assert len(API.operations) == 35
    assert [raw(operation)["operationId"] for operation in API.operations] == [one.name for one in API.operations]


@each_operation
def test_documented_options(operation: Operation) -> None:
    required, optional = DOCUMENTED[operation.command]
    if operation.name == "post_oauth_token":
        optional = FORM
    assert sorted(names(operation, required=True)) == sorted(required.split())
    assert names(operation, required=False) == optional.split()


@each_operation
def test_documented_signature(operation: Operation) -> None:
    """The arguments that the documentation shows as optional are those that may be left out."""
    required, optional = DOCUMENTED[operation.command]
    found = describe.signature([operation]).parameters
    assert {name for name, one in found.items() if one.default is one.empty} == set(map(identifier, required.split()))
    assert set(map(identifier, optional.split())) <= set(found)


@each_operation
def test_documented_kinds(operation: Operation) -> None:
    assert operation.paginated == (operation.name in PAGINATED)
    assert operation.streaming == (operation.name in STREAMING)
    assert operation.secured == (operation.path.startswith("/v1/") or operation.path == "/oauth/userinfo")
    text = describe.documentation([operation])
    assert (f"{operation.name}.iterate(" in text) == (operation.name in PAGINATED)
    assert (f"{operation.name}.stream(" in text) == (operation.name in STREAMING)


@each_operation
def test_documented_types(operation: Operation) -> None:
    for one in operation.parameters:
        is_list = one.name in LISTS and one.location == "body"
        assert one.type == ("array" if is_list else {"policy": "object", "per_page": "integer"}.get(one.name, "string"))
        assert one.item_type == ("string" if is_list else None)


@each_operation
def test_statuses(operation: Operation) -> None:
    expected = {"400", "401", "403", "503"} if operation.path.startswith("/v1/") else set()
    if "{" in operation.path or operation.name in PAGINATED:
        expected.add("404")
    if operation.name in PAGINATED:
        expected.add("206")
    if operation.name in MEMBERSHIP:
        expected.add("304")
    if operation.name in ("post_v1_user", "post_v1_group", "post_v1_role"):
        expected |= {"201", "409"}
    assert {*expected, "default"} <= set(operation.statuses)
    assert ("304" in operation.statuses) == (operation.name in MEMBERSHIP)
    assert ("302" in operation.statuses) == (operation.name in STREAMING)


@each_operation
def test_answers_and_texts(operation: Operation) -> None:
    assert "\n" not in operation.summary
    assert len(operation.summary) < 60
    assert operation.description.endswith(".")
    assert all(one.description.endswith(".") for one in operation.parameters)
    for status, answer in raw(operation)["responses"].items():
        assert resolved(answer)["description"].endswith(".")
        if status == "304":
            assert "content" not in resolved(answer)
        elif status in ("200", "201", "206") and operation.path.startswith("/v1/"):
            assert list(resolved(answer)["content"]) == ["application/json"]
        elif status > "4" and operation.path not in ("/oauth/authorize", "/oauth/revoke", "/oauth/token"):
            assert list(resolved(answer)["content"]) == ["application/problem+json"]


@each_operation
def test_pages_announce_themselves(operation: Operation) -> None:
    if operation.name in PAGINATED:
        page, last = raw(operation)["responses"]["206"], raw(operation)["responses"]["200"]
        assert set(page["headers"]) == {"Link", "X-OpenAPI-Pagination", "X-OpenAPI-Paginated-Content-Key"}
        assert "X-OpenAPI-Paginated-Content-Key" in last["headers"]
        assert page["content"] == last["content"]
        (size,) = (one for one in operation.parameters if one.name == "per_page")
        assert (size.schema["minimum"], size.schema["maximum"], size.default) == (5, 30, 15)


@each_operation
def test_choices(operation: Operation) -> None:
    choices = {one.name: one.enum for one in operation.parameters if one.enum}
    expected: dict[str, tuple[str, ...]] = {}
    if operation.name in MEMBERSHIP:
        expected = {"action": ("add", "remove")}
    if operation.name == "put_v1_user":
        expected = {"status": ("enabled", "disabled")}
    if operation.name == "get_v1_user_owns":
        expected = {"resource_type": ("group", "role")}
    if operation.name == "post_oauth_token":
        expected = {"grant_type": ("authorization_code", "refresh_token")}
    assert choices == expected


@each_operation
def test_bodies(operation: Operation) -> None:
    """A body that changes one thing must have it, although the option is documented as optional."""
    if operation.method == "PUT" and operation.body_schema is not None:
        assert operation.body_required
        (name,) = operation.body_schema["properties"]
        validator = Draft4Validator(operation.body_schema)
        good = {"Statement": []} if name == "policy" else ["a@b"]
        assert validator.is_valid({name: good})
        assert not validator.is_valid({})
        assert not validator.is_valid({"something": good})
        if name != "policy":
            assert not validator.is_valid({name: []})
            assert validator.is_valid({name: ["a"] * 11}) == (name != "users")
            assert not validator.is_valid({name: ["bad name!"]})


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("ada@lab.example", True),
        ("robot@local-proj.iam.gserviceaccount.com", True),
        ("a.@_-$,=", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("bad name!", False),
        ("a/b", False),
        ("ä", False),
        ("a\n", False),
    ],
)
def test_names(name: str, valid: bool) -> None:
    patterns = {value["pattern"] for value in walk(DOCUMENT) if isinstance(value.get("pattern"), str)}
    (pattern,) = patterns
    # In a description `$` is the very end; in Python it also stands before a final line feed.
    assert bool(re.search(pattern.removesuffix("$") + r"\Z", name)) is valid
    in_paths = [one for operation in API.operations for one in operation.parameters if one.location == "path"]
    assert all(one.schema["pattern"] == pattern for one in in_paths)


@pytest.mark.parametrize("policy", ["text", {}, {"Version": "2012-10-17"}, None])
def test_policies_refused(policy: Any) -> None:
    (operation,) = API.named("post_v1_role")
    assert operation.body_schema is not None
    assert not Draft4Validator(operation.body_schema).is_valid({"role_id": "r", "policy": policy})


def test_secrets_are_marked() -> None:
    every = [one for operation in API.operations for one in operation.parameters]
    marked = {one.name for one in every if one.schema.get("format") == "password"}
    assert marked == {"token", "client_secret", "refresh_token"}


def test_response_type_is_spelled_right() -> None:
    assert "respone" not in json.dumps(DOCUMENT)


def test_references_are_internal_and_all_used() -> None:
    used = {value["$ref"] for value in walk(DOCUMENT) if "$ref" in value}
    kept = {
        f"#/components/{kind}/{name}"
        for kind, found in DOCUMENT["components"].items()
        if kind != "securitySchemes"
        for name in found
    }
    assert used == kept
    assert all(list(value) == ["$ref"] for value in walk(DOCUMENT) if "$ref" in value)


def test_schemas_are_json_schemas() -> None:
    schemas = [value["schema"] for value in walk(DOCUMENT) if isinstance(value.get("schema"), dict)]
    schemas += DOCUMENT["components"]["schemas"].values()
    assert len(schemas) > 80
    for schema in schemas:
        Draft4Validator.check_schema(schema)


def test_tags_are_explained() -> None:
    used = {operation.tag for operation in API.operations}
    assert used == {tag["name"] for tag in DOCUMENT["tags"]}
    assert "" not in used
