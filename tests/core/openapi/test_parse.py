"""Golden files: `golden/<case>.json` is a description, `golden/<case>.expected.json` what it becomes.

`python tests/core/openapi/test_parse.py` writes the expected files anew; look at the difference before you keep it.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from hca_core.errors import SpecError
from hca_core.openapi.parse import parse

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(file.stem for file in GOLDEN.glob("*.json") if not file.name.endswith(".expected.json"))
SOURCE = "https://source.example.org:8443/docs/swagger.json"


def plain(value: Any) -> Any:
    """Records as JSON, without what has its default value."""
    if hasattr(value, "_fields"):
        return {
            name: plain(found)
            for name, found in value._asdict().items()
            if name not in ("schema", "body_schema") and found not in (value._field_defaults.get(name), ())
        }
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def parsed(case: str) -> Any:
    document = json.loads((GOLDEN / f"{case}.json").read_text())
    return plain(parse(document, source_url=SOURCE, safe_posts=frozenset({"post_token"})))


@pytest.mark.parametrize("case", CASES)
def test_descriptions_become_plain_data(case: str) -> None:
    assert parsed(case) == json.loads((GOLDEN / f"{case}.expected.json").read_text())


def document(**changes: Any) -> dict[str, Any]:
    base = {"swagger": "2.0", "info": {"title": "T", "version": "1"}, "host": "a.example", "paths": {}}
    return {**base, **changes}


def operation(*parameters: dict[str, Any], path: str = "/x", **keys: Any) -> dict[str, Any]:
    return document(paths={path: {"post": {"parameters": list(parameters), "responses": {}, **keys}}})


@pytest.mark.parametrize(
    ("changes", "source", "base_url"),
    [
        ({}, None, "https://a.example"),
        ({"basePath": "/"}, None, "https://a.example"),
        ({"basePath": "/v1/"}, None, "https://a.example/v1"),
        ({"schemes": ["http"]}, "https://a.example/v1/swagger.json", "http://a.example"),
        ({"schemes": ["http", "https"]}, None, "https://a.example"),
        ({"schemes": ["http", "https"]}, "http://127.0.0.1/swagger.json", "http://a.example"),
        ({"host": None}, "http://127.0.0.1:8080/v1/swagger.json", "http://127.0.0.1:8080"),
        ({"host": None, "basePath": "/v1"}, "https://b.example/swagger.json", "https://b.example/v1"),
    ],
)
def test_the_address_in_swagger_2(changes: dict[str, Any], source: str | None, base_url: str) -> None:
    assert parse(document(**changes), source_url=source).base_url == base_url


@pytest.mark.parametrize(
    ("servers", "base_url"),
    [
        (None, "https://source.example.org:8443"),
        ([{"url": "/v2"}], "https://source.example.org:8443/v2"),
        ([{"url": "api"}], "https://source.example.org:8443/docs/api"),
        ([{"url": "http://other.example/"}, {"url": "/v2"}], "http://other.example"),
    ],
)
def test_the_address_in_openapi_3(servers: Any, base_url: str) -> None:
    found = {"openapi": "3.0.0", "paths": {}, **({"servers": servers} if servers else {})}
    assert parse(found, source_url=SOURCE).base_url == base_url


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({}, "it has neither `swagger` nor `openapi`"),
        ({"swagger": "1.2"}, "version 1.2, not Swagger 2.0 or OpenAPI 3"),
        ({"openapi": "4.0.0"}, "version 4.0.0"),
        (document(host=None), "names no host"),
        (document(host="{{HOST}}"), "which is not a web address"),
        (document(host="user@a.example"), "which is not a web address"),
        (document(schemes=["ws"]), "'ws://a.example/' as the service's address"),
        ({"openapi": "3.0.0", "servers": [{"url": "/v1"}]}, "'/v1' as the service's address"),
        ({"openapi": "3.0.0", "servers": [{"url": "https://{stage}.example"}]}, "which is not a web address"),
        (document(paths=[]), "paths is not an object"),
        (document(paths={"/x": []}), "paths./x is not an object"),
        (document(paths={"/x": {"get": 5}}), "get /x is not an object"),
        (operation({"in": "query"}), "POST /x (post_x) cannot be used: a parameter has no name or no place"),
        (operation({"name": "f", "in": "formData", "type": "file"}), "the type 'file' is not supported"),
        (
            operation({"name": "a", "in": "body"}, {"name": "b", "in": "formData", "type": "string"}),
            "more than one body",
        ),
        (operation({"name": "a", "in": "moon", "type": "string"}), "the parameter 'a' is in 'moon'"),
        (operation({"name": "a", "in": "cookie", "required": True}), "it needs the cookie 'a'"),
        (operation({"name": "a", "in": "body"}, consumes=["application/octet-stream"]), "its body is not JSON"),
        (operation({"name": "a", "in": "body", "schema": {"$ref": "#/no"}}), "refers to '#/no', which does not exist"),
        (operation(path="/x/{uuid}"), "POST /x/{uuid} (post_x) cannot be used: path and path parameters do not agree"),
        (operation({"name": "u", "in": "path", "type": "string"}), "do not agree about u"),
        (
            operation(
                {"name": "uuid", "in": "query", "type": "string"},
                {"name": "b", "in": "body", "schema": {"properties": {"uuid": {"type": "string"}}}},
            ),
            "'uuid' (body) and 'uuid' (query) have the same name",
        ),
        (
            operation(
                {"name": "a-b", "in": "query", "type": "string"}, {"name": "a_b", "in": "query", "type": "string"}
            ),
            "'a-b' (query) and 'a_b' (query) have the same name",
        ),
        (document(paths={"/x": {"post": {}}, "/xs": {"post": {}}}), "POST /x and POST /xs are both called 'post_x'"),
    ],
)
def test_what_cannot_be_used_is_named(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(broken)
    assert message in caught.value.message


def test_a_circle_is_named_together_with_its_operation() -> None:
    broken = operation({"name": "a", "in": "body", "schema": {"$ref": "#/definitions/tree"}})
    broken["definitions"] = {"tree": {"properties": {"child": {"$ref": "#/definitions/tree"}}}}
    with pytest.raises(SpecError, match=r"POST /x .*#/definitions/tree -> #/definitions/tree"):
        parse(broken)


def test_a_description_without_a_floor_is_refused() -> None:
    schema: dict[str, Any] = {}
    innermost = schema
    for _ in range(100_000):
        innermost["items"] = {}
        innermost = innermost["items"]
    with pytest.raises(SpecError, match="nested too deeply"):
        parse(operation({"name": "a", "in": "body", "schema": schema}))


def test_what_an_answer_is() -> None:
    """Bytes only where a redirect is declared, and no JSON."""
    moved: dict[str, Any] = {"302": {"description": "There."}}
    answers: list[tuple[dict[str, Any], tuple[bool, bool]]] = [
        ({"200": {"content": {"application/json": {}}}}, (False, False)),
        (moved, (True, True)),
        ({**moved, "200": {"schema": {"type": "string", "format": "binary"}}}, (True, True)),
        ({**moved, "200": {"content": {"*/*": {}}}}, (True, True)),
        ({**moved, "200": {"content": {"application/json; charset=utf-8": {}}}}, (True, False)),
        ({**moved, "200": None}, (True, True)),
    ]
    for responses, expected in answers:
        paths = {"/x": {"get": {"responses": responses}}}
        (found,) = parse({"openapi": "3.0.0", "paths": paths}, source_url=SOURCE).operations
        assert (found.streaming, found.binary) == expected


@pytest.mark.parametrize(("tags", "tag"), [(["user", "admin"], "user"), ([], ""), (None, ""), ("user", "")])
def test_the_first_tag_says_what_an_operation_is_about(tags: Any, tag: str) -> None:
    (found,) = parse(operation(tags=tags)).operations
    assert found.tag == tag


def test_the_document_is_left_alone() -> None:
    found = json.loads((GOLDEN / "swagger2.json").read_text())
    before = copy.deepcopy(found)
    parse(found)
    assert found == before


def test_schemas_have_no_references_left() -> None:
    api = parse(json.loads((GOLDEN / "swagger2.json").read_text()))
    (put,) = api.named("put_thing")
    assert "$ref" not in json.dumps(put.body_schema)
    assert put.parameters[2].schema["properties"] == {"name": {"type": "string"}}


if __name__ == "__main__":
    for name in CASES:
        (GOLDEN / f"{name}.expected.json").write_text(json.dumps(parsed(name), indent=1) + "\n")
