"""The service as a whole: worked examples, what it serves beside its operations, what it keeps, who is hostile."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hca_core.app import App
from hca_core.errors import HcaError
from hca_core.openapi.document import bundled
from hca_core.openapi.parse import parse

from .conftest import ADA

READER = {
    "role_id": "slide_reader",
    "policy": {
        "Statement": [
            {
                "Sid": "read",
                "Effect": "Allow",
                "Action": ["slides:GetImage"],
                "Resource": "arn:hca:slides:local:*:image/*",
            }
        ]
    },
}
IMAGE = "arn:hca:slides:local:*:image/77"
GRACE = "grace@lab.example"


# ── worked examples ──


def test_create_a_role_and_read_it_back(auth: Any) -> None:
    created = auth.send("POST", "/v1/role", body=READER)
    assert (created.status_code, created.json()) == (201, {"msg": "Role slide_reader created."})
    again = auth.send("POST", "/v1/role", body=READER)
    assert auth.refused(again) == (409, "Conflict")
    assert "slide_reader" in again.json()["detail"]
    assert auth.refused(auth.send("POST", "/v1/role", body={**READER, "role_id": "bad name!"})) == (400, "Bad Request")
    assert auth.refused(auth.send("POST", "/v1/role", body={"role_id": "x9"})) == (400, "Bad Request")
    assert auth.refused(auth.send("POST", "/v1/role", user=None, body=READER)) == (401, "Unauthorized")
    policy = {"Version": "2012-10-17", **READER["policy"]}  # type: ignore[dict-item]
    assert auth.get("/v1/role/slide_reader") == {"role_id": "slide_reader", "policies": {"IAMPolicy": policy}}
    assert auth.refused(auth.send("GET", "/v1/role/no_such_role")) == (404, "Not Found")


def test_create_a_user_and_disable_it(auth: Any) -> None:
    auth.send("POST", "/v1/role", body=READER)
    created = auth.send("POST", "/v1/user", body={"user_id": GRACE, "roles": ["slide_reader"]})
    assert (created.status_code, created.json()) == (201, {"msg": f"{GRACE} created."})
    assert auth.get(f"/v1/user/{GRACE}") == {"user_id": GRACE, "status": "enabled", "policies": {}}
    assert auth.get(f"/v1/user/{GRACE}/groups") == {"groups": ["user_default"]}
    disabled = auth.send("PUT", f"/v1/user/{GRACE}", status="disabled")
    assert disabled.status_code == 200
    assert disabled.json() == {"user_id": GRACE, "status": "disabled", "msg": f"{GRACE} is disabled."}


def test_evaluate(auth: Any) -> None:
    auth.send("POST", "/v1/role", body=READER)
    auth.create("user", GRACE, roles=["slide_reader"])
    assert auth.evaluate(GRACE, "slides:GetImage", IMAGE) == {
        "result": True,
        "reason": "Permission is allowed.",
        "evaluation_results": [
            {
                "EvalActionName": "slides:GetImage",
                "EvalResourceName": IMAGE,
                "EvalDecision": "allowed",
                "MatchedStatements": [{"SourcePolicyId": "slide_reader", "SourcePolicyType": "role"}],
                "MissingContextValues": [],
            }
        ],
    }
    put = auth.evaluate(GRACE, "slides:PutImage", IMAGE)
    assert (put["result"], put["reason"]) == (False, "Permission was implicitly denied.")
    assert put["evaluation_results"][0]["EvalDecision"] == "implicitDeny"
    assert auth.allows(GRACE, "fus:GetUser", f"arn:hca:fus:*:*:user/{GRACE}/policy")
    assert not auth.allows(GRACE, ["slides:GetImage", "slides:PutImage"], IMAGE)
    auth.send("PUT", f"/v1/user/{GRACE}", status="disabled")
    assert auth.evaluate(GRACE, "slides:GetImage", IMAGE) == {"result": False, "reason": "UserDisabled"}
    auth.send("PUT", f"/v1/user/{GRACE}", status="enabled")
    assert auth.allows(GRACE, "slides:GetImage", IMAGE)


def test_change_a_membership_twice(auth: Any) -> None:
    auth.create("user", GRACE)
    auth.send("POST", "/v1/role", body=READER)
    created = auth.send("POST", "/v1/group", body={"group_id": "microscopists", "roles": ["slide_reader"]})
    assert (created.status_code, created.json()) == (201, {"msg": "Group microscopists created."})
    path, body = "/v1/group/microscopists/users", {"users": [GRACE]}
    added = auth.send("PUT", path, body=body, action="add")
    assert added.status_code == 200
    assert added.json().pop("msg")
    assert {**added.json(), "msg": ""} == {"users": [GRACE], "action": "add", "group_id": "microscopists", "msg": ""}
    again = auth.send("PUT", path, body=body, action="add")
    assert (again.status_code, again.content) == (304, b"")
    assert "Content-Type" not in again.headers
    for wrong, action in (([], "add"), ([f"u{n}" for n in range(11)], "add"), ([GRACE], "swap")):
        assert auth.refused(auth.send("PUT", path, body={"users": wrong}, action=action)) == (400, "Bad Request")


def test_pages(auth: Any) -> None:
    auth.send("POST", "/v1/role", body=READER)
    for number in range(1, 13):
        auth.create("role", f"r{number:02}")
    first = auth.send("GET", "/v1/roles?per_page=6")
    assert first.status_code == 206
    assert first.headers["Link"] == f'<{auth.url}/v1/roles?per_page=6&next_token=cjA0>; rel="next"'
    assert first.json() == {"roles": ["default_user", "fusillade_admin", "r01", "r02", "r03", "r04"]}
    second = auth.send("GET", first.links["next"]["url"])
    assert second.status_code == 206
    assert second.json() == {"roles": ["r05", "r06", "r07", "r08", "r09", "r10"]}
    assert second.links["next"]["url"].count("next_token") == second.links["next"]["url"].count("per_page") == 1
    third = auth.send("GET", second.links["next"]["url"])
    assert (third.status_code, third.json()) == (200, {"roles": ["r11", "r12", "slide_reader"]})
    assert "Link" not in third.headers
    for answer, more in ((first, "true"), (second, "true"), (third, "false")):
        assert answer.headers["X-OpenAPI-Paginated-Content-Key"] == "roles"
        assert answer.headers["X-OpenAPI-Pagination"].lower() == more
    for wrong in (4, 31):
        assert auth.refused(auth.send("GET", "/v1/roles", per_page=wrong)) == (400, "Bad Request")


def test_ownership(auth: Any) -> None:
    auth.create("group", "microscopists")
    auth.create("role", "slide_reader")
    path = "/v1/user/ada@lab.example/owns"
    assert auth.get(path, resource_type="group") == {"groups": ["microscopists"]}
    assert auth.get(path, resource_type="role") == {"roles": ["slide_reader"]}
    for query in ({}, {"resource_type": "planet"}):
        assert auth.refused(auth.send("GET", path, **query)) == (400, "Bad Request")
    auth.send("DELETE", "/v1/group/microscopists")
    assert auth.get(path, resource_type="group") == {"groups": []}


def test_forbidden_and_claims(auth: Any) -> None:
    assert auth.refused(auth.send("GET", "/v1/roles", user="grace")) == (403, "Forbidden")
    assert auth.get(f"/v1/user/{GRACE}", user="grace")["user_id"] == GRACE
    assert auth.refused(auth.send("GET", "/v1/roles", user="no-email")) == (403, "Forbidden")
    unknown = auth.send("GET", "/v1/roles", user="unknown-key")
    assert auth.refused(unknown) == (401, "Unauthorized")
    assert unknown.headers["WWW-Authenticate"] == "Bearer"


# ── beside the operations ──


def test_serves_its_description_with_its_own_address(auth: Any) -> None:
    document = auth.get("/swagger.json", user=None)
    assert document["servers"] == [{"url": auth.url}]
    api = parse(document)
    assert (api.base_url, len(api.operations)) == (auth.url, 35)
    (host,) = api.named("get_openid_configuration")[0].parameters
    assert host.default == auth.url.removeprefix("http://")


def test_the_description_is_the_one_of_the_plugin(auth: Any) -> None:
    document = bundled(App().service("auth").description)
    assert auth.get("/swagger.json", user=None)["paths"].keys() == document["paths"].keys()


def test_tells_its_version_and_health(auth: Any) -> None:
    assert auth.get("/internal/version", user=None)["version_info"]["version"]
    services = {f"{name}_health_status": "ok" for name in ("clouddirectory", "iam", "openip")}
    assert auth.get("/internal/health", user=None) == {"health_status": "ok", "services": services}


def test_slashes_at_the_end_do_not_matter(auth: Any) -> None:
    assert auth.get("/v1/roles/") == auth.get("/v1/roles")
    assert auth.get("/v1/role/default_user/") == auth.get("/v1/role/default_user")
    assert auth.send("POST", "/v1/user/", body={"user_id": GRACE}).status_code == 201
    assert auth.refused(auth.send("GET", "/v1/role/default_user//")) == (404, "Not Found")
    assert auth.refused(auth.send("GET", "/")) == (404, "Not Found")


def test_sign_in_is_not_served_here(auth: Any) -> None:
    asked = [("GET", "/login?redirect_uri=x"), ("POST", "/oauth/token"), ("GET", "/.well-known/jwks.json")]
    for method, path in asked:
        assert auth.refused(auth.send(method, path, user=None)) == (501, "Not Implemented")


def test_upper_and_lower_case_differ(auth: Any) -> None:
    upper = "ABCDEFAB-CDEF-4ABC-8DEF-ABCDEFABCDEF"
    auth.create("group", upper)
    assert auth.get(f"/v1/group/{upper}")["group_id"] == upper
    assert auth.send("GET", f"/v1/group/{upper.lower()}").status_code == 404
    auth.create("group", upper.lower())


# ── what is kept ──


def everything(auth: Any) -> list[Any]:
    paths = [f"/v1/{kind}s" for kind in ("user", "group", "role")]
    paths += [f"/v1/user/{GRACE}{part}" for part in ("", "/groups", "/roles")]
    paths += [f"/v1/group/{name}{part}" for name in ("g1", "user_default") for part in ("", "/users", "/roles")]
    paths += ["/v1/role/slide_reader", "/v1/role/default_user", "/v1/user/ada@lab.example/owns?resource_type=group"]
    return [auth.get(path) for path in paths]


def test_keeps_everything_when_it_is_opened_again(auth: Any) -> None:
    auth.send("POST", "/v1/role", body=READER)
    auth.create("group", "g1", roles=["slide_reader"])
    auth.create("user", GRACE, groups=["g1"], policy=READER["policy"])
    auth.send("PUT", f"/v1/user/{GRACE}", status="disabled")
    auth.send("PUT", "/v1/role/default_user/policy", body={"policy": READER["policy"]})
    auth.send("PUT", "/v1/group/user_default/roles", body={"roles": ["default_user"]}, action="remove")
    before = everything(auth)
    auth.reopen()
    assert everything(auth) == before


def test_what_was_there_from_the_beginning_does_not_come_back(auth: Any) -> None:
    auth.send("DELETE", "/v1/group/user_default")
    auth.send("DELETE", "/v1/role/default_user")
    auth.reopen()
    assert auth.get("/v1/groups") == {"groups": []}
    assert auth.get("/v1/roles") == {"roles": ["fusillade_admin"]}
    auth.create("user", "new@lab.example")
    assert auth.get("/v1/user/new@lab.example/groups") == {"groups": []}
    assert auth.refused(auth.send("GET", f"/v1/user/{GRACE}", user="grace")) == (403, "Forbidden")


def test_admins_get_their_role_back(auth: Any) -> None:
    auth.send("PUT", f"/v1/user/{ADA}/roles", body={"roles": ["fusillade_admin"]}, action="remove")
    assert auth.send("GET", "/v1/roles").status_code == 403
    auth.admins = (*auth.admins, GRACE)
    auth.reopen()
    assert auth.get("/v1/roles", user="grace") == auth.get("/v1/roles")


def test_admins_are_enabled_again(auth: Any) -> None:
    """Who was disabled before nobody could do that any more, or before becoming one of them."""
    auth.create("user", GRACE)
    auth.send("PUT", f"/v1/user/{GRACE}", status="disabled")
    assert auth.send("GET", "/v1/roles", user="grace").status_code == 403
    auth.admins = (GRACE,)
    auth.reopen()
    assert auth.get(f"/v1/user/{GRACE}", user="grace")["status"] == "enabled"


def test_nobody_locks_the_admins_out(auth: Any) -> None:
    role = "/v1/role/fusillade_admin"
    for refused, words in (
        (auth.send("PUT", f"/v1/user/{ADA}", status="disabled"), f"{ADA} owns this service, and cannot be disabled."),
        (auth.send("DELETE", role), "The role fusillade_admin is what administrators have"),
        (auth.send("PUT", f"{role}/policy", body={"policy": READER["policy"]}), "neither changed nor deleted"),
    ):
        assert auth.refused(refused) == (409, "Conflict")
        assert words in refused.json()["detail"]
    assert auth.send("PUT", f"/v1/user/{ADA}", status="enabled").status_code == 200
    assert auth.get("/v1/roles") == {"roles": ["default_user", "fusillade_admin"]}


def test_refuses_records_of_a_newer_version(auth: Any) -> None:
    auth.app.close()
    with sqlite3.connect(auth.folder / "auth.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(HcaError, match="newer version"):
        auth.open()


# ── many at once ──


def test_many_clients_lose_nothing(auth: Any) -> None:
    """Each of 20 clients puts users of its own into one group, takes one of them out, and meets the others."""
    auth.create("group", "crowd")
    for number in range(20):
        for letter in "abc":
            auth.create("user", f"{letter}{number:02}")
    start = threading.Barrier(20)

    def client(number: int) -> list[int]:
        start.wait()
        change = [
            ("add", [f"a{number:02}", f"b{number:02}"]),
            ("add", [f"c{number:02}"]),
            ("remove", [f"b{number:02}"]),
        ]
        path = "/v1/group/crowd/users"
        return [auth.send("PUT", path, body={"users": users}, action=action).status_code for action, users in change]

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(client, range(20))) == [[200, 200, 200]] * 20
    found = auth.get("/v1/group/crowd/users", per_page=30)
    found["users"] += auth.get("/v1/group/crowd/users?per_page=30&next_token=YzA5")["users"]
    assert found["users"] == [f"{letter}{number:02}" for letter in "ac" for number in range(20)]


def test_one_of_many_clients_wins(auth: Any) -> None:
    auth.create("group", "crowd")
    auth.create("user", "u")
    start = threading.Barrier(20)

    def client(number: int) -> tuple[int, int, int]:
        start.wait()
        return (
            auth.send("PUT", "/v1/group/crowd/users", body={"users": ["u"]}, action="add").status_code,
            auth.send("POST", "/v1/group", body={"group_id": "one"}).status_code,
            auth.send("GET", "/v1/user/late@lab.example", user="late").status_code,  # new to the service
        )

    with ThreadPoolExecutor(20) as pool:
        added, created, seen = zip(*pool.map(client, range(20)), strict=True)
    assert sorted(added) == [200] + [304] * 19
    assert sorted(created) == [201] + [409] * 19
    assert set(seen) == {200}


def test_the_group_limit_holds_for_many_at_once(auth: Any) -> None:
    auth.create("user", "u")
    for number in range(20):
        auth.create("group", f"g{number}")

    def join(number: int) -> int:
        path, body = ("/v1/user/u/groups", {"groups": [f"g{number}"]})
        if number % 2:
            path, body = f"/v1/group/g{number}/users", {"users": ["u"]}
        return int(auth.send("PUT", path, body=body, action="add").status_code)

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(join, range(20))) == [200] * 8 + [409] * 12
    assert len(auth.get("/v1/user/u/groups")["groups"]) == 9


# ── hostile input ──


@pytest.mark.parametrize("path", ["/v1/policies/evaluate", "/v1/role", "/v1/group", "/v1/user"])
def test_senseless_bodies(auth: Any, path: str) -> None:
    huge = b'{"role_id": "' + b"x" * 2**20 + b'"}'
    deep = [b"[" * depth + b"]" * depth for depth in (100, 900, 950, 980, 990, 5000)]
    nested = [
        b'{"policy": {"Statement": ' + one + b'}, "role_id": "x", "group_id": "x", "user_id": "x"}' for one in deep
    ]
    for data in (b"", b"{", b"null", b"[]", b"7", b'{"role_id": "\\ud800"}', b"\xff", *deep, *nested):
        answer = auth.session.post(
            auth.url + path, data=data, headers={"Authorization": "Bearer ada", "Content-Type": "application/json"}
        )
        assert auth.refused(answer) == (400, "Bad Request"), data[:50]
    answer = auth.session.post(
        auth.url + path, data=huge, headers={"Authorization": "Bearer ada", "Content-Type": "application/json"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "id",
    ["", "a b", "a/b", "ü@lab.example", "x" * 129, "a\n", "\x00", "*", "${fus:user_email}", "😀", "a+b", "‮x", None, 7],
)
def test_odd_names(auth: Any, id: Any) -> None:
    for kind in ("user", "group", "role"):
        body = {f"{kind}_id": id, "policy": READER["policy"]}
        assert auth.refused(auth.send("POST", f"/v1/{kind}", body=body)) == (400, "Bad Request")
    assert auth.refused(auth.send("POST", "/v1/user", body={"user_id": "u", "groups": [id]})) == (400, "Bad Request")
    assert auth.send("GET", "/v1/user/u").status_code == 404


@pytest.mark.parametrize("path", ["%00", "%ff", "a%20b", "%F0%9F%98%80", "x" * 129, "a%2Bb", "a%0a"])
def test_odd_names_in_paths(auth: Any, path: str) -> None:
    for kind in ("user", "group", "role"):
        assert auth.refused(auth.send("GET", f"/v1/{kind}/{path}")) == (400, "Bad Request")


@pytest.mark.parametrize("id", ["x", "x" * 128, "$", ".", "..", "-", "a.b@c_d-e$f,g=h", "CON", "null"])
def test_unusual_names(auth: Any, id: str) -> None:
    for kind in ("user", "group", "role"):
        auth.create(kind, id)
        assert id in auth.get(f"/v1/{kind}s")[f"{kind}s"]
        if not id.strip("."):
            continue  # clients do not send these in paths
        assert auth.get(f"/v1/{kind}/{id}")[f"{kind}_id"] == id


@pytest.mark.parametrize("email", ["ada+hca@lab.example", "Ünal@lab.example", "x" * 254])
def test_unusual_addresses_of_callers(auth: Any, email: str) -> None:
    token = "hex-" + email.encode().hex()
    assert auth.refused(auth.send("GET", "/v1/roles", user=token)) == (403, "Forbidden")
    assert email in auth.get("/v1/users")["users"]
    assert auth.allows(email, "fus:GetUser", f"arn:hca:fus:*:*:user/{email}/")


@pytest.mark.parametrize("email", ["", "a\nb", "x" * 255, "\x00"])
def test_senseless_addresses_of_callers(auth: Any, email: str) -> None:
    assert auth.refused(auth.send("GET", "/v1/roles", user="hex-" + email.encode().hex())) == (403, "Forbidden")
    assert auth.get("/v1/users") == {"users": ["ada@lab.example", "public"]}


def test_stars_in_names_are_only_stars(auth: Any) -> None:
    star = "hex-" + b"*".hex()
    assert auth.refused(auth.send("GET", f"/v1/user/{GRACE}", user=star)) == (403, "Forbidden")
    assert not auth.allows("*", "fus:GetUser", f"arn:hca:fus:*:*:user/{GRACE}/")
    assert auth.allows("*", "fus:GetUser", "arn:hca:fus:*:*:user/*/")


def test_patterns_that_take_others_forever(auth: Any) -> None:
    hostile = ["*" + "a*" * 200 + "b", "*" + "a?" * 300 + "b", "?" * 1000 + "*" * 1000]
    auth.create("role", "hostile", policy={"Statement": {"Effect": "Deny", "Action": "*", "Resource": hostile}})
    auth.create("user", "u", roles=["hostile"])
    assert not auth.allows("u", "x:Do", ["a" * 20_000] * 4)


def test_says_nothing_about_its_insides(auth: Any, caplog: pytest.LogCaptureFixture) -> None:
    auth.app.close()
    answer = auth.send("GET", "/v1/roles")
    assert auth.refused(answer) == (500, "Internal Server Error")
    assert "sqlite" not in answer.text
    assert answer.headers["X-AWS-REQUEST-ID"] in caplog.text


def test_who_comes_as_an_administrator_becomes_one(auth: Any) -> None:
    auth.send("DELETE", "/v1/role/fusillade_admin")
    assert auth.send("GET", "/v1/users", user="boss").status_code == 200
    assert auth.get("/v1/user/boss@lab.example/roles", user="boss") == {"roles": ["fusillade_admin"]}


def test_who_is_known_already_stays_what_the_records_say(auth: Any) -> None:
    auth.create("user", "boss@lab.example")
    assert auth.send("GET", "/v1/users", user="boss").status_code == 403
