"""Who may perform which operation: all operations, each for all sorts of callers."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft4Validator

from hca_core.openapi.document import References

SLIDES = {"Statement": {"Effect": "Allow", "Action": "slides:Get", "Resource": "*"}}
EVALUATE = {"principal": "x", "action": ["a:B"], "resource": ["r"]}

# name, method, path, body, status for an admin, and the action and resource that it takes
OPERATIONS = [
    ("POST", "/v1/policies/evaluate", EVALUATE, 200, "Evaluate", "user"),
    ("GET", "/v1/users", None, 200, "GetUser", "user"),
    ("POST", "/v1/user", {"user_id": "new"}, 201, "PostUser", "user"),
    ("GET", "/v1/user/bob", None, 200, "GetUser", "user/bob/"),
    ("PUT", "/v1/user/bob?status=disabled", None, 200, "PutUser", "user/bob/status"),
    ("GET", "/v1/user/bob/owns?resource_type=role", None, 200, "GetUser", "user/bob/owns"),
    ("GET", "/v1/user/bob/groups", None, 200, "GetGroup", "user/bob/groups"),
    ("PUT", "/v1/user/bob/groups?action=add", {"groups": ["other"]}, 200, "PutGroup", "user/bob/groups"),
    ("GET", "/v1/user/bob/roles", None, 200, "GetRole", "user/bob/roles"),
    ("PUT", "/v1/user/bob/roles?action=add", {"roles": ["role"]}, 200, "PutRole", "user/bob/roles"),
    ("PUT", "/v1/user/bob/policy", {"policy": SLIDES}, 200, "PutUser", "user/bob/policy"),
    ("GET", "/v1/groups", None, 200, "GetGroup", "group"),
    ("POST", "/v1/group", {"group_id": "new"}, 201, "PostGroup", "group"),
    ("GET", "/v1/group/other", None, 200, "GetGroup", "group/other/"),
    ("DELETE", "/v1/group/other", None, 200, "DeleteGroup", "group/other/"),
    ("GET", "/v1/group/other/roles", None, 200, "GetRole", "group/other/roles"),
    ("PUT", "/v1/group/other/roles?action=add", {"roles": ["role"]}, 200, "PutRole", "group/other/roles"),
    ("GET", "/v1/group/other/users", None, 200, "GetUser", "group/other/users"),
    ("PUT", "/v1/group/other/users?action=add", {"users": ["bob"]}, 200, "PutGroupUsers", "group/other/users"),
    ("PUT", "/v1/group/other/policy", {"policy": SLIDES}, 200, "PutGroup", "group/other/policy"),
    ("GET", "/v1/roles", None, 200, "GetRole", "role"),
    ("POST", "/v1/role", {"role_id": "new", "policy": SLIDES}, 201, "PostRole", "role"),
    ("GET", "/v1/role/role", None, 200, "GetRole", "role/role/"),
    ("DELETE", "/v1/role/role", None, 200, "DeleteRole", "role/role/"),
    ("PUT", "/v1/role/role/policy", {"policy": SLIDES}, 200, "PutRole", "role/role/"),
]
EVERY = pytest.mark.parametrize(
    ("method", "path", "body", "status", "action", "resource"),
    OPERATIONS,
    ids=[f"{one[0]} {one[1]}" for one in OPERATIONS],
)


@pytest.fixture
def people(auth: Any) -> Any:
    """An ordinary user, grace, and a disabled admin, eve; bob and the others are what the operations are about."""
    auth.create("role", "role")
    auth.create("group", "other")
    auth.create("user", "bob")
    auth.create("user", "grace@lab.example")
    auth.create("user", "eve@lab.example", roles=["fusillade_admin"])
    assert auth.send("PUT", "/v1/user/eve@lab.example", status="disabled").status_code == 200
    return auth


def test_these_are_all_operations(auth: Any) -> None:
    paths = auth.get("/swagger.json")["paths"]
    described = {(method.upper(), path) for path in paths if path.startswith("/v1/") for method in paths[path]}
    assert len(described) == len(OPERATIONS) == 25


@EVERY
def test_an_admin_may(people: Any, method: str, path: str, body: Any, status: int, action: str, resource: str) -> None:
    answer = people.send(method, path, body=body)
    assert answer.status_code == status
    Draft4Validator(described_answer(people, method, path, status)).validate(answer.json())


def described_answer(auth: Any, method: str, path: str, status: int) -> Any:
    """The schema of what an operation answers."""
    document = auth.get("/swagger.json")
    parts = path.partition("?")[0].split("/")
    for template, operations in document["paths"].items():
        pairs = list(zip(template.split("/"), parts, strict=False))
        if template.count("/") == path.count("/") and all(one[:1] == "{" or one == other for one, other in pairs):
            responses = References(document).resolve(operations[method.lower()]["responses"])
            return responses[str(status)]["content"]["application/json"]["schema"]
    raise AssertionError(f"{path} is not described")


@EVERY
def test_others_may_not(
    people: Any, method: str, path: str, body: Any, status: int, action: str, resource: str
) -> None:
    before = state(people)
    for user in ("grace", "stranger", "eve"):
        answer = people.send(method, path, user=user, body=body)
        assert people.refused(answer) == (403, "Forbidden")
        assert f"{user}@lab.example" in answer.json()["detail"]
    assert people.refused(people.send(method, path, user=None, body=body)) == (401, "Unauthorized")
    assert people.refused(people.send(method, path, user="unknown-key", body=body)) == (401, "Unauthorized")
    after = state(people)
    assert after.pop("/v1/users") == {"users": sorted([*before.pop("/v1/users")["users"], "stranger@lab.example"])}
    assert after == before


def state(auth: Any) -> dict[str, Any]:
    paths = ["/v1/users", "/v1/groups", "/v1/roles", "/v1/role/role", "/v1/group/other", "/v1/group/other/users"]
    paths += ["/v1/group/other/roles", "/v1/user/bob", "/v1/user/bob/groups", "/v1/user/bob/roles"]
    return {path: auth.get(path) for path in paths}


@EVERY
def test_exactly_one_permission_is_enough(
    people: Any, method: str, path: str, body: Any, status: int, action: str, resource: str
) -> None:
    arn = f"arn:hca:fus:*:*:{resource}".replace("*", "${*}")
    for given in ((f"fus:{action}X", arn), (f"fus:{action}", arn + "x"), (f"fus:{action}", arn[:-1])):
        put_policy(people, *given)
        assert people.send(method, path, user="grace", body=body).status_code == 403
    put_policy(people, f"fus:{action}", arn)
    assert people.send(method, path, user="grace", body=body).status_code == status


def put_policy(auth: Any, action: str, resource: str) -> None:
    body = {"policy": auth.policy(action, resource)}
    assert auth.send("PUT", "/v1/user/grace@lab.example/policy", body=body).status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_users_see_themselves(people: Any, method: str) -> None:
    for path in ("", "/owns?resource_type=group"):
        assert people.send(method, f"/v1/user/grace@lab.example{path}", user="grace").status_code == 200
    assert people.send(method, "/v1/user/bob", user="grace").status_code == 403
    assert people.send(method, "/v1/user/bob/groups", user="grace").status_code == 403


def test_members_see_their_group(people: Any) -> None:
    """And nobody else, whatever group the request names."""
    for path in ("/v1/group/other", "/v1/group/other/roles"):
        assert people.send("GET", path, user="grace").status_code == 403
    people.send("PUT", "/v1/group/other/users", body={"users": ["grace@lab.example"]}, action="add")
    for path in ("/v1/group/other", "/v1/group/other/roles", "/v1/group/user_default", "/v1/group/user_default/roles"):
        assert people.send("GET", path, user="grace").status_code == 200
    people.create("group", "other2")
    assert people.send("GET", "/v1/group/other2", user="grace").status_code == 403
    assert people.send("GET", "/v1/group/other/users", user="grace").status_code == 403


def test_policies_may_speak_of_the_group_in_question(people: Any) -> None:
    resource = "arn:hca:fus:*:*:group/${fus:group_id}/"
    condition = {"StringLike": {"fus:group_id": "oth*"}}
    body = {"policy": people.policy("fus:GetGroup", resource, Condition=condition)}
    people.send("PUT", "/v1/user/grace@lab.example/policy", body=body)
    assert people.send("GET", "/v1/group/other", user="grace").status_code == 200
    assert people.send("GET", "/v1/user/bob/groups", user="grace").status_code == 403
    people.create("group", "another")
    assert people.send("GET", "/v1/group/another", user="grace").status_code == 403


def test_policies_may_speak_of_groups_roles_and_the_time(people: Any) -> None:
    conditions = [
        ({"ForAnyValue:StringEquals": {"fus:groups": "user_default"}}, 200),
        ({"ForAnyValue:StringEquals": {"fus:groups": "other"}}, 403),
        ({"ForAllValues:StringEquals": {"fus:roles": "default_user"}}, 200),
        ({"ForAnyValue:StringEquals": {"fus:roles": "fusillade_admin"}}, 403),
        ({"StringEquals": {"fus:user_email": "grace@lab.example"}}, 200),
        ({"DateLessThan": {"aws:CurrentTime": "2024-05-01T12:05:01Z"}}, 200),
        ({"DateLessThan": {"aws:CurrentTime": "2024-05-01T12:05:00Z"}}, 403),
        ({"NumericEquals": {"aws:EpochTime": 1714565100}}, 200),
    ]
    for condition, status in conditions:
        body = {"policy": people.policy("fus:GetRole", "*", Condition=condition)}
        people.send("PUT", "/v1/user/grace@lab.example/policy", body=body)
        assert people.send("GET", "/v1/roles", user="grace").status_code == status, condition


def test_what_there_is_from_the_beginning(auth: Any) -> None:
    def policy(actions: list[str], resources: list[str]) -> Any:
        statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
        return {"IAMPolicy": {"Version": "2012-10-17", "Statement": [statement]}}

    def role(name: str) -> Any:
        return auth.get(f"/v1/role/{name}")["policies"]

    arn = "arn:hca:fus:*:*:"
    assert auth.get("/v1/roles") == {"roles": ["default_user", "fusillade_admin"]}
    assert role("fusillade_admin") == policy(["fus:*"], [f"{arn}*"])
    assert role("default_user") == policy(["fus:GetUser"], [f"{arn}user/${{fus:user_email}}/*"])
    assert auth.get("/v1/groups") == {"groups": ["user_default"]}
    group = [f"{arn}group/user_default", f"{arn}group/user_default/*"]
    assert auth.get("/v1/group/user_default")["policies"] == policy(["fus:GetGroup", "fus:GetRole"], group)
    assert auth.get("/v1/group/user_default/roles") == {"roles": ["default_user"]}
    assert auth.get("/v1/users") == {"users": ["ada@lab.example", "public"]}
    assert auth.get("/v1/user/public/groups") == {"groups": ["user_default"]}
    assert auth.get("/v1/user/ada@lab.example/roles") == {"roles": ["fusillade_admin"]}
    assert auth.get("/v1/user/ada@lab.example/owns", resource_type="role") == {"roles": []}
