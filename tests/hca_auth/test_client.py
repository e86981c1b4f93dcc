"""The Python client of the auth service, as the documentation describes it."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fake_auth import TOKEN, FakeAuth

import hca_auth
from hca_auth.client import AuthClient
from hca_core.client import ApiClient
from hca_core.errors import ApiError, ArgumentError, AuthError, NotFoundError
from hca_core.openapi.names import identifier
from hca_core.testing import Answer, FakeServer


@pytest.fixture
def server() -> Iterator[FakeAuth]:
    with FakeAuth() as server:
        yield server


@pytest.fixture
def client(server: FakeAuth) -> Iterator[AuthClient]:
    with server.client() as client:
        yield client


def test_the_class_is_loaded_when_it_is_asked_for() -> None:
    code = "import sys, hca_auth; print('hca_auth.client' in sys.modules); hca_auth.AuthClient"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
    assert hca_auth.__all__ == ["AuthClient"]
    with pytest.raises(AttributeError, match="nonsense"):
        _ = hca_auth.nonsense


def test_the_client_is_made_as_documented() -> None:
    assert issubclass(AuthClient, ApiClient)
    assert list(inspect.signature(AuthClient).parameters)[:2] == ["config", "swagger_url"]
    config = {"AuthClient": {"swagger_url": "http://127.0.0.1:1/swagger.json"}}
    client = AuthClient(config=config)
    assert client.app.description_url(client.app.service("auth")) == "http://127.0.0.1:1/swagger.json"


def test_every_operation_is_a_method_of_the_shipped_description() -> None:
    """Nothing is fetched for the service's usual address."""
    with AuthClient() as client:
        assert len(client.api.operations) == 35
        for operation in client.api.operations:
            assert callable(getattr(client, identifier(operation.name)))
        assert client.api.base_url == "https://auth.data.humancellatlas.org"


def test_the_address_is_that_in_the_description(server: FakeAuth) -> None:
    """Wherever the description itself was found."""
    server.on("GET", "/v1/role/r", Answer.json({"role_id": "r", "policies": {}}))
    with FakeServer() as elsewhere:
        elsewhere.on("GET", "/docs.json", Answer.json({**server.document, "servers": [{"url": server.url}]}))
        with AuthClient(swagger_url=f"{elsewhere.url}/docs.json", token=TOKEN) as client:
            assert client.get_v1_role(role_id="r")["role_id"] == "r"
    assert server.asked() == ["GET /v1/role/r"]


def test_names_with_dots_have_an_alias(client: AuthClient, server: FakeAuth) -> None:
    server.on("GET", "/.well-known/jwks.json", Answer.json({"keys": []}))
    assert client.get_jwks_json() == {"keys": []}
    assert getattr(client, "get_jwks.json")() == {"keys": []}
    assert "get_jwks_json" in dir(client)


def test_only_secured_operations_get_the_token(client: AuthClient, server: FakeAuth) -> None:
    server.on("GET", "/echo", Answer.json({}))
    server.on("GET", "/oauth/userinfo", Answer.json({}))
    client.get_echo()
    client.get_oauth_userinfo()
    assert [one.headers.get("Authorization") for one in server.requests[1:]] == [None, f"Bearer {TOKEN}"]


def test_refusals_are_told_apart(client: AuthClient, server: FakeAuth) -> None:
    problem = {"Content-Type": "application/problem+json"}
    server.on("DELETE", "/v1/group/g", Answer(401))
    with pytest.raises(AuthError, match="refused the token"):
        client.delete_v1_group("g")
    for status, error in ((400, ApiError), (403, AuthError), (404, NotFoundError), (409, ApiError)):
        body = {"title": "No", "status": status, "detail": "because"}
        server.on("DELETE", "/v1/group/g", Answer.json(body, status, problem))
        with pytest.raises(error, match=f"{status} .*: No: because"):
            client.delete_v1_group("g")


def test_a_stream_of_the_token_endpoint(client: AuthClient, server: FakeAuth) -> None:
    """Documented, although there is little to stream."""
    server.on("POST", "/oauth/token", Answer.json({"access_token": "A"}))
    with client.post_oauth_token.stream(grant_type="refresh_token") as response:
        assert json.loads(response.raw.read()) == {"access_token": "A"}
    assert client.post_oauth_token() == {"access_token": "A"}


# Known defects of the client that this one replaces, by their numbers


def test_ad1_the_last_page_says_not_what_its_list_is_called(client: AuthClient, server: FakeAuth) -> None:
    path = "/v1/user/ada%40lab.example/groups"
    for keyless_end in (True, False):
        server.publish(path, "groups", [["g1", "g2"], ["g3"]], keyless_end=keyless_end)
        assert list(client.get_v1_user_groups.iterate(user_id="ada@lab.example")) == ["g1", "g2", "g3"]
    server.publish(path, "groups", [["g1", "g2"], ["g3"]])
    assert list(client.get_v1_user_groups.paginate("ada@lab.example")) == [{"groups": ["g1", "g2"]}, {"groups": ["g3"]}]
    server.publish(path, "groups", [["g1"]])
    assert list(client.get_v1_user_groups.iterate("ada@lab.example")) == ["g1"]


def test_ad2_the_link_to_the_next_page_is_used_as_it_is(client: AuthClient, server: FakeAuth) -> None:
    server.publish("/v1/group/g/users", "users", [["u1"], ["u2"]])
    assert list(client.get_v1_group_users.iterate(group_id="g", per_page=6, next_token="p0")) == ["u1", "u2"]
    assert server.asked() == [
        "GET /v1/group/g/users?next_token=p0&per_page=6",
        "GET /v1/group/g/users?per_page=6&next_token=p1&per_page=6",
    ]


def test_ad4_a_given_token_is_used_as_it_is(server: FakeAuth) -> None:
    """Nothing is renewed first, and a token whose end nobody knows is good until it is refused."""
    server.on("GET", "/v1/role/r", Answer.json({"role_id": "r"}))
    with server.client(token="opaque") as client:
        for _ in range(2):
            client.get_v1_role("r")
            assert client.expired_token() is False
    assert [one.headers["Authorization"] for one in server.requests[1:]] == ["Bearer opaque"] * 2
    assert [one.path for one in server.requests] == ["/swagger.json", "/v1/role/r", "/v1/role/r"]


def test_ad6_types_are_checked(client: AuthClient, server: FakeAuth) -> None:
    for call in (
        lambda: client.get_v1_roles(per_page=31),
        lambda: client.get_v1_roles(per_page="many"),
        lambda: client.put_v1_user("u", "sleepy"),
        lambda: client.put_v1_group_user("g", "add", users="grace@lab.example"),
    ):
        with pytest.raises(ArgumentError):
            call()
    assert server.asked() == []


def test_ad7_nothing_changed_is_none(client: AuthClient, server: FakeAuth) -> None:
    server.on("PUT", "/v1/group/g/roles", Answer(304), Answer.json({"msg": "as it was"}, 304))
    server.on("GET", "/v1/group/g", Answer.json({"group_id": "g"}))
    assert client.put_v1_group_role("g", "add", roles=["r"]) is None
    assert client.put_v1_group_role("g", "add", roles=["r"]) is None
    assert client.get_v1_group("g") == {"group_id": "g"}


def test_ad8_two_clients_do_not_interfere() -> None:
    with FakeAuth() as one, FakeAuth() as two, one.client(token="t1") as first, two.client(token="t2") as second:
        for server in (one, two):
            server.on("GET", "/v1/role/r", Answer.json({"role_id": "r", "at": server.url}))
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda client: client.get_v1_role("r")["at"], [first, second] * 8))
        assert found == [one.url, two.url] * 8
        assert {request.headers.get("Authorization") for request in one.requests} == {None, "Bearer t1"}
        assert {request.headers.get("Authorization") for request in two.requests} == {None, "Bearer t2"}


def test_ad15_text_is_decoded(client: AuthClient, server: FakeAuth) -> None:
    server.on("DELETE", "/v1/role/r", Answer(200, "Gelöscht: r".encode(), {"Content-Type": "text/html; charset=utf-8"}))
    assert client.delete_v1_role("r") == "Gelöscht: r"


def test_ad17_the_default_page_size_is_declared(client: AuthClient) -> None:
    method = client.get_v1_users
    assert method.__signature__.parameters["per_page"].default == 15


# A newer service describes more


MEMBER = {
    "type": "object",
    "required": ["member", "member_type"],
    "properties": {
        "member": {"type": "string"},
        "member_type": {"type": "string", "enum": ["user", "group"]},
        "access_level": {"type": "string"},
    },
}
TYPE = {"name": "resource_type_name", "in": "path", "required": True, "schema": {"type": "string"}}
ID = {"name": "resource_id", "in": "path", "required": True, "schema": {"type": "string"}}
ONE_MEMBER = {"type": "array", "minItems": 1, "maxItems": 1, "items": MEMBER}
ACTIONS = {"type": "object", "properties": {"actions": {"type": "array", "items": {"type": "string"}}}}


def operation(*parameters: Any, body: Any = None, **responses: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"parameters": parameters, "responses": responses or {"200": {}}, "security": [{"x": []}]}
    if body:
        found["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return found


NEWER = {
    "/v1/resource/{resource_type_name}/actions": {
        "put": operation(TYPE, body=ACTIONS),
        "delete": operation(TYPE, body=ACTIONS),
    },
    "/v1/resource/{resource_type_name}/ids": {"get": operation(TYPE, **{"200": {}, "206": {}})},
    "/v1/resource/{resource_type_name}/id/{resource_id}": {"post": operation(TYPE, ID)},
    "/v1/resource/{resource_type_name}/id/{resource_id}/members": {
        "get": operation(TYPE, ID, **{"200": {}, "206": {}}),
        "put": operation(TYPE, ID, body=ONE_MEMBER),
    },
}


@pytest.fixture
def newer(server: FakeAuth) -> FakeAuth:
    """A service with operations that the shipped description does not have."""
    server.document["paths"] |= NEWER
    return server


def test_operations_of_a_newer_service_are_methods(newer: FakeAuth) -> None:
    newer.publish("/v1/resource/slide/ids", "resource_ids", [["a"], ["b"]])
    newer.on("DELETE", "/v1/resource/slide/actions", Answer.json({}))
    with newer.client() as client:
        assert list(client.get_v1_resource_ids.iterate("slide")) == ["a", "b"]
        client.delete_v1_resource_actions(resource_type_name="slide", actions=["slide:Get"])
        assert newer.requests[-1].json() == {"actions": ["slide:Get"]}
        assert {"put_v1_resource_action", "post_v1_resource_id"} <= set(dir(client))


def test_a_body_that_is_a_list_is_one_argument(newer: FakeAuth) -> None:
    path = "/v1/resource/slide/id/77/members"
    newer.on("PUT", path, Answer.json({"msg": "done"}))
    members = [{"member": "grace@lab.example", "member_type": "user", "access_level": "read"}]
    with newer.client() as client:
        client.put_v1_resource_id_member(resource_type_name="slide", resource_id="77", body=members)
        assert newer.requests[-1].json() == members


def test_a_body_that_is_a_list_is_an_option(newer: FakeAuth, hca: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/v1/resource/slide/id/77/members"
    newer.on("PUT", path, Answer.json({"msg": "done"}))
    Path("config.json").write_text(json.dumps({"AuthClient": {"swagger_url": newer.swagger_url}}))
    monkeypatch.setenv("HCA_CONFIG_FILE", "config.json")
    monkeypatch.setenv("HCA_AUTH_TOKEN", TOKEN)
    assert hca("auth", "refresh-swagger").code == 0
    assert "put-v1-resource-id-member" in hca("auth", "--help").stdout
    member = '{"member": "grace@lab.example", "member_type": "user"}'
    words = ("--resource-type-name", "slide", "--resource-id", "77", "--body")
    for body in (member, f"[{member}]"):
        assert hca("auth", "put-v1-resource-id-member", *words, body).json == {"msg": "done"}
        assert newer.requests[-1].json() == [json.loads(member)]
