"""Evaluate, and what is told about somebody who signs in."""

from __future__ import annotations

from typing import Any

import pytest


def ask(auth: Any, principal: Any, action: Any, resource: Any) -> Any:
    body = {"principal": principal, "action": action, "resource": resource}
    return auth.send("POST", "/v1/policies/evaluate", body=body)


def test_nobody_is_created_by_a_question(auth: Any) -> None:
    """A stranger is judged like a new user."""
    for name in ("stranger@lab.example", "", "no such ‮ name", "x" * 1000):
        assert not auth.allows(name, "slides:GetImage", "arn:hca:slides:local:*:image/7")
        assert auth.allows(name, "fus:GetUser", f"arn:hca:fus:*:*:user/{name}/")
        assert auth.allows(name, "fus:GetGroup", "arn:hca:fus:*:*:group/user_default")
    assert auth.get("/v1/users") == {"users": ["ada@lab.example", "public"]}
    assert auth.send("GET", "/v1/user/stranger@lab.example").status_code == 404


def test_policies_come_from_everywhere(auth: Any) -> None:
    for name in ("own", "ofgroup"):
        auth.create("role", name, policy=auth.policy(f"slides:{name}", "*"))
    auth.create("group", "g", policy=auth.policy("slides:group", "*"), roles=["ofgroup"])
    auth.create("user", "u", policy=auth.policy("slides:user", "*"), roles=["own"], groups=["g"])
    for action, id, type in [
        ("user", "u", "user"),
        ("own", "own", "role"),
        ("group", "g", "group"),
        ("ofgroup", "ofgroup", "role"),
    ]:
        (found,) = auth.evaluate("u", f"slides:{action}", "x")["evaluation_results"]
        assert found["MatchedStatements"] == [{"SourcePolicyId": id, "SourcePolicyType": type}]
    auth.send("DELETE", "/v1/group/g")
    assert not auth.allows("u", "slides:group", "x")
    assert not auth.allows("u", "slides:ofgroup", "x")
    assert auth.allows("u", "slides:own", "x")


def test_a_policy_counts_once(auth: Any) -> None:
    statement = auth.policy("slides:Get", "*")["Statement"][0]
    auth.create("role", "r", policy={"Statement": [statement, statement]})
    auth.create("group", "g", roles=["r"])
    auth.create("user", "u", groups=["g"], roles=["r"])
    (found,) = auth.evaluate("u", "slides:Get", "x")["evaluation_results"]
    assert found["MatchedStatements"] == [{"SourcePolicyId": "r", "SourcePolicyType": "role"}]


def test_denials_are_explained(auth: Any) -> None:
    auth.create("role", "no", policy={"Statement": {"Effect": "Deny", "Action": "*", "Resource": "${fus:group_id}"}})
    auth.create("role", "never", policy={"Statement": {"Effect": "Deny", "Action": "slides:Put", "Resource": "*"}})
    auth.create("user", "u", policy=auth.policy("*", "*"), roles=["no", "never"])
    answer = auth.evaluate("u", ["slides:Get", "slides:Put"], "x")
    assert (answer["result"], answer["reason"]) == (False, "Permission is explicit denied.")
    assert [one["EvalDecision"] for one in answer["evaluation_results"]] == ["allowed", "explicitDeny"]
    assert [one["MissingContextValues"] for one in answer["evaluation_results"]] == [["fus:group_id"]] * 2


def test_every_pair_counts(auth: Any) -> None:
    """Also the last of more than 20."""
    auth.create("user", "u", policy=auth.policy("slides:*", "image/*"))
    resources = [f"image/{number}" for number in range(499)]
    assert len(auth.evaluate("u", ["slides:Get", "slides:Put"], resources)["evaluation_results"]) == 998
    answer = auth.evaluate("u", ["slides:Get", "slides:Put"], [*resources, "text/1"])
    assert answer["result"] is False
    assert len(answer["evaluation_results"]) == 1000


@pytest.mark.parametrize(
    ("action", "resource", "status"),
    [
        (["a:B"], ["x"] * 1000, 200),
        (["a:B"], ["x"] * 1001, 400),
        (["a:B"] * 34, ["x"] * 30, 400),
        (["a:B"], ["x" * 99_997], 200),
        (["a:B"], ["x" * 99_998], 400),
        ([], ["x"], 400),
        (["a:B"], [], 400),
        ("a:B", ["x"], 400),
        (["a:B"], [7], 400),
        (["a:B"], None, 400),
        (["a:B", "a:B"], ["x"], 200),
        (["nonsense"], [""], 200),
    ],
)
def test_questions_have_limits(auth: Any, action: Any, resource: Any, status: int) -> None:
    answer = ask(auth, "u", action, resource)
    assert answer.status_code == status
    if status == 400:
        assert auth.refused(answer) == (400, "Bad Request")


def test_the_public_can_be_asked_about(auth: Any) -> None:
    body = {"policy": auth.policy("dss:GetBundle", "*")}
    auth.send("PUT", "/v1/user/public/policy", body=body)
    assert auth.allows("public", "dss:GetBundle", "arn:hca:dss:local:*:bundles/x")
    assert not auth.allows("public", "dss:PutBundle", "arn:hca:dss:local:*:bundles/x")


# ── what is told about those who sign in ──


def test_what_an_admin_may(auth: Any) -> None:
    expected = {"groups": ["user_default"], "roles": ["fusillade_admin"], "scope": ["fus:*"]}
    assert auth.app.authorization("ada@lab.example") == expected


def test_what_a_stranger_may(auth: Any) -> None:
    expected = {"groups": ["user_default"], "roles": [], "scope": ["fus:GetGroup", "fus:GetRole", "fus:GetUser"]}
    assert auth.app.authorization("stranger@lab.example") == expected
    assert auth.send("GET", "/v1/user/stranger@lab.example").status_code == 404


def test_narrower_actions_are_left_out(auth: Any) -> None:
    actions = ["slides:*", "Slides:Get", "slides:Put*", "slide:Get", "dss:Get*", "dss:GetBundle"]
    deny = {"Effect": "Deny", "Action": "x:Y", "Resource": "*"}
    others = {"Effect": "Allow", "NotAction": "y:Z", "Resource": "*"}
    policy = {"Statement": [*auth.policy(actions, "*")["Statement"], deny, others]}
    auth.create("role", "r", policy=policy)
    auth.create("group", "g", policy=auth.policy("own:G", "*"))
    auth.create("user", "u", roles=["r"], groups=["g"])
    found = auth.app.authorization("u")
    assert found["groups"] == ["g", "user_default"]
    mine = [action for action in found["scope"] if not action.startswith("fus:")]
    assert mine == ["dss:Get*", "dss:GetBundle", "own:G", "slide:Get", "slides:*"]
    auth.send("PUT", "/v1/user/u/policy", body={"policy": auth.policy("*", "*")})
    assert auth.app.authorization("u")["scope"] == ["*"]


def test_who_is_disabled_may_nothing(auth: Any) -> None:
    auth.create("user", "u", policy=auth.policy("a:B", "*"))
    auth.send("PUT", "/v1/user/u", status="disabled")
    assert auth.app.authorization("u") == {"groups": ["user_default"], "roles": [], "scope": []}
