"""Users, groups and roles: making, changing, listing and removing them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

KINDS = ("user", "group", "role")
DENY = {"Statement": [{"Effect": "Deny", "Action": "a:B", "Resource": "fake:resource"}]}


def detail(auth: Any, answer: Any, status: int) -> str:
    assert auth.refused(answer)[0] == status
    return str(answer.json()["detail"])


# ── making ──


def test_a_user_with_everything(auth: Any) -> None:
    auth.create("role", "r")
    auth.create("group", "g")
    auth.create("user", "u", groups=["g", "user_default", "g"], roles=["r", "r"], policy=DENY)
    policy = {"Version": "2012-10-17", **DENY}
    assert auth.get("/v1/user/u") == {"user_id": "u", "status": "enabled", "policies": {"IAMPolicy": policy}}
    assert auth.get("/v1/user/u/groups") == {"groups": ["g", "user_default"]}
    assert auth.get("/v1/user/u/roles") == {"roles": ["r"]}
    assert auth.get("/v1/group/g/users") == {"users": ["u"]}


def test_a_group_with_everything(auth: Any) -> None:
    auth.create("role", "r")
    auth.create("group", "g", roles=["r"], policy=DENY)
    assert auth.get("/v1/group/g") == {"group_id": "g", "policies": {"IAMPolicy": {"Version": "2012-10-17", **DENY}}}
    assert auth.get("/v1/group/g/roles") == {"roles": ["r"]}
    assert auth.get("/v1/group/g/users") == {"users": []}


def test_the_policy_of_a_new_group_is_about_itself(auth: Any) -> None:
    auth.create("group", "a$b")
    (statement,) = auth.get("/v1/group/a$b")["policies"]["IAMPolicy"]["Statement"]
    assert statement["Action"] == ["fus:GetGroup", "fus:GetRole"]
    assert statement["Resource"] == ["arn:hca:fus:*:*:group/a$b", "arn:hca:fus:*:*:group/a$b/*"]
    auth.create("user", "u", groups=["a$b"])
    assert auth.allows("u", "fus:GetRole", "arn:hca:fus:*:*:group/a$b/roles")


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_taken_once(auth: Any, kind: str) -> None:
    auth.create(kind, "x")
    body = {f"{kind}_id": "x", "policy": DENY}
    assert "x" in detail(auth, auth.send("POST", f"/v1/{kind}", body=body), 409)
    assert auth.get(f"/v1/{kind}/x")["policies"].get("IAMPolicy", {}).get("Statement") != DENY["Statement"]
    for other in KINDS:
        if other != kind:
            auth.create(other, "x")


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [
        ("user", {"roles": ["nope"]}, 404),
        ("user", {"groups": ["nope"]}, 404),
        ("user", {"groups": [f"g{n}" for n in range(9)]}, 409),
        ("user", {"policy": {"Statement": "text"}}, 400),
        ("user", {"groups": "g0"}, 400),
        ("group", {"roles": ["r", "nope"]}, 404),
        ("group", {"policy": "text"}, 400),
        ("group", {"policy": {}}, 400),
        ("role", {"policy": {"Statement": []}}, 400),
    ],
)
def test_nothing_is_half_made(auth: Any, kind: str, more: Any, status: int) -> None:
    auth.create("role", "r")
    for number in range(9):
        auth.create("group", f"g{number}")
    before = {one: auth.get(f"/v1/{one}s?per_page=30") for one in KINDS}
    answer = auth.send("POST", f"/v1/{kind}", body={f"{kind}_id": "x", "policy": DENY, **more})
    assert auth.refused(answer)[0] == status
    assert ("nope" in answer.json()["detail"]) == (status == 404)
    assert {one: auth.get(f"/v1/{one}s?per_page=30") for one in KINDS} == before
    assert auth.get("/v1/group/g0/users") == {"users": []}


def test_who_makes_something_owns_it(auth: Any) -> None:
    auth.create("user", "grace@lab.example", policy=auth.policy(["fus:PostGroup", "fus:PostRole"], "*"))
    assert auth.send("POST", "/v1/group", user="grace", body={"group_id": "mine"}).status_code == 201
    assert auth.send("POST", "/v1/role", user="grace", body={"role_id": "my", "policy": DENY}).status_code == 201
    path = "/v1/user/grace@lab.example/owns"
    assert auth.get(path, user="grace", resource_type="group") == {"groups": ["mine"]}
    assert auth.get(path, user="grace", resource_type="role") == {"roles": ["my"]}
    assert auth.send("GET", "/v1/group/mine", user="grace").status_code == 403  # owning allows nothing


# ── changing ──


@pytest.mark.parametrize("kind", KINDS)
def test_policies_are_replaced(auth: Any, kind: str) -> None:
    auth.create(kind, "x")
    answer = auth.send("PUT", f"/v1/{kind}/x/policy", body={"policy": DENY})
    assert answer.status_code == 200
    assert answer.json().keys() == {f"{kind}_id", "msg"}
    assert auth.get(f"/v1/{kind}/x")["policies"] == {"IAMPolicy": {"Version": "2012-10-17", **DENY}}
    wrong: list[Any] = [None, {}]
    policies: list[Any] = ["text", {"Statement": "text"}, {}, {"Statements": []}, None]
    wrong += [{"policy": one} for one in policies]
    for body in wrong:
        assert auth.refused(auth.send("PUT", f"/v1/{kind}/x/policy", body=body)) == (400, "Bad Request")
    assert auth.get(f"/v1/{kind}/x")["policies"]["IAMPolicy"]["Statement"] == DENY["Statement"]


def test_policies_have_a_size(auth: Any) -> None:
    auth.create("role", "x")
    statements = [{"Effect": "Deny", "Action": ["fake:action"], "Resource": "fake:res"}] * 150
    answer = auth.send("PUT", "/v1/role/x/policy", body={"policy": {"Statement": statements}})
    assert "10240" in detail(auth, answer, 400)
    assert auth.send("PUT", "/v1/role/x/policy", body={"policy": {"Statement": statements[:100]}}).status_code == 200


def test_what_is_wrong_with_a_policy_is_said(auth: Any) -> None:
    statement = {"Effect": "Allow", "Action": "GetImage", "Resource": "*"}
    answer = auth.send("POST", "/v1/role", body={"role_id": "x", "policy": {"Statement": [statement]}})
    assert detail(auth, answer, 400).startswith("The policy is not valid: statement 1: 'GetImage' is no action")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/{kind}/nope", None),
        ("DELETE", "/v1/{kind}/nope", None),
        ("PUT", "/v1/{kind}/nope/policy", {"policy": DENY}),
        ("PUT", "/v1/user/nope?status=enabled", None),
        ("GET", "/v1/user/nope/owns?resource_type=role", None),
        ("GET", "/v1/user/nope/groups", None),
        ("GET", "/v1/user/nope/roles", None),
        ("GET", "/v1/group/nope/users", None),
        ("GET", "/v1/group/nope/roles", None),
        ("PUT", "/v1/user/nope/groups?action=add", {"groups": ["user_default"]}),
        ("PUT", "/v1/user/nope/roles?action=remove", {"roles": ["default_user"]}),
        ("PUT", "/v1/group/nope/users?action=add", {"users": ["public"]}),
        ("PUT", "/v1/group/nope/roles?action=add", {"roles": ["default_user"]}),
        ("PUT", "/v1/user/public/groups?action=add", {"groups": ["user_default", "nope"]}),
        ("PUT", "/v1/user/public/groups?action=remove", {"groups": ["nope"]}),
        ("PUT", "/v1/user/public/roles?action=add", {"roles": ["default_user", "nope"]}),
        ("PUT", "/v1/group/user_default/users?action=add", {"users": ["nope", "public"]}),
        ("PUT", "/v1/group/user_default/roles?action=remove", {"roles": ["nope"]}),
    ],
)
def test_what_is_missing_is_named(auth: Any, method: str, path: str, body: Any) -> None:
    for kind in KINDS if "{kind}" in path else ("user",):
        if (method, kind) == ("DELETE", "user"):
            continue
        words = detail(auth, auth.send(method, path.format(kind=kind), body=body), 404)
        assert words.startswith("There is no ")
        assert "nope" in words
        assert "public" not in words
    assert auth.get("/v1/user/public/roles") == {"roles": []}


def test_many_missing_ones_are_counted(auth: Any) -> None:
    body = {"roles": [f"r{number}" for number in range(1000)]}
    words = detail(auth, auth.send("PUT", "/v1/user/public/roles", body=body, action="add"), 404)
    assert words.endswith("r9 and 990 more.")


def test_users_cannot_be_deleted(auth: Any) -> None:
    assert auth.send("DELETE", "/v1/user/public").status_code == 405


@pytest.mark.parametrize("status", ["", "Enabled", "gone", None])
def test_other_statuses_are_refused(auth: Any, status: Any) -> None:
    answer = auth.send("PUT", "/v1/user/public", **({} if status is None else {"status": status}))
    assert "status" in detail(auth, answer, 400)


def test_the_status_may_be_set_again(auth: Any) -> None:
    for status in ("disabled", "disabled", "enabled", "enabled"):
        assert auth.send("PUT", "/v1/user/public", status=status).json()["status"] == status
        assert auth.get("/v1/user/public")["status"] == status


# ── links ──

LINKS = pytest.mark.parametrize(
    ("of", "to"), [("user", "group"), ("user", "role"), ("group", "role"), ("group", "user")]
)


@LINKS
def test_links_are_changed_together_or_not_at_all(auth: Any, of: str, to: str) -> None:
    auth.create(of, "x")
    for name in "abc":
        auth.create(to, name)
    path, key = f"/v1/{of}/x/{to}s", f"{to}s"
    before = auth.get(path)[key]

    def change(action: str, *names: str) -> int:
        answer = auth.send("PUT", path, body={key: names}, action=action)
        if answer.status_code == 200:
            shown = {name: value for name, value in answer.json().items() if name != "msg"}
            assert shown == {key: list(names), "action": action, f"{of}_id": "x"}
        else:
            assert answer.content == b""
        return int(answer.status_code)

    assert change("add", "a", "b") == 200
    assert change("add", "a") == 304
    assert change("add", "b", "c") == 304
    assert auth.get(path)[key] == sorted(["a", "b", *before])
    assert change("remove", "b", "c") == 304
    assert change("remove", "c") == 304
    assert auth.get(path)[key] == sorted(["a", "b", *before])
    assert change("remove", "b", "a") == 200
    assert auth.get(path)[key] == before
    assert change("add", "c", "c") == 200
    assert change("remove", "c", "c") == 200
    assert auth.get(path)[key] == before


@LINKS
def test_senseless_changes(auth: Any, of: str, to: str) -> None:
    auth.create(of, "x")
    auth.create(to, "y")
    path, key = f"/v1/{of}/x/{to}s", f"{to}s"
    before = auth.get(path)
    wrong: list[Any] = [None, {}, [], {"other": ["y"]}]
    wrong += [{key: names} for names in ([], "y", [7], ["y", ""], None)]
    for body in wrong:
        assert auth.refused(auth.send("PUT", path, body=body, action="add")) == (400, "Bad Request")
    for query in ({}, {"action": "swap"}, {"action": ""}, {"action": "Add"}):
        assert auth.refused(auth.send("PUT", path, body={key: ["y"]}, **query)) == (400, "Bad Request")
    assert auth.get(path) == before


def test_a_user_is_in_nine_groups_at_most(auth: Any) -> None:
    auth.create("user", "u")
    for number in range(9):
        auth.create("group", f"g{number}")
    eight = [f"g{number}" for number in range(8)]
    assert auth.send("PUT", "/v1/user/u/groups", body={"groups": eight}, action="add").status_code == 200
    one_more = [
        auth.send("PUT", "/v1/user/u/groups", body={"groups": ["g8"]}, action="add"),
        auth.send("PUT", "/v1/group/g8/users", body={"users": ["public", "u"]}, action="add"),
    ]
    for answer in one_more:
        assert detail(auth, answer, 409) == "u would be in 10 groups; 9 is the most."
    assert auth.get("/v1/user/u/groups") == {"groups": [*eight, "user_default"]}
    assert auth.get("/v1/user/public/groups") == {"groups": ["user_default"]}
    auth.send("PUT", "/v1/user/u/groups", body={"groups": ["user_default"]}, action="remove")
    assert auth.send("PUT", "/v1/user/u/groups", body={"groups": ["g8"]}, action="add").status_code == 200
    auth.create("user", "v", groups=eight)


def test_ten_users_at_a_time(auth: Any) -> None:
    auth.create("group", "g")
    users = [f"u{number}" for number in range(11)]
    for user in users:
        auth.create("user", user)
    assert auth.send("PUT", "/v1/group/g/users", body={"users": users}, action="add").status_code == 400
    assert auth.send("PUT", "/v1/group/g/users", body={"users": users[:10]}, action="add").status_code == 200
    assert auth.get("/v1/group/g/users") == {"users": sorted(users[:10])}


def test_many_roles_at_a_time(auth: Any) -> None:
    roles = [f"r{number:02}" for number in range(25)]
    for role in roles:
        auth.create("role", role)
    assert auth.send("PUT", "/v1/user/public/roles", body={"roles": roles}, action="add").status_code == 200
    assert auth.get("/v1/user/public/roles", per_page=30) == {"roles": roles}


def test_deleting_takes_away_everywhere(auth: Any) -> None:
    auth.create("role", "r", policy=auth.policy("a:B", "*"))
    auth.create("group", "g", roles=["r"])
    auth.create("user", "u", roles=["r"], groups=["g"])
    assert auth.allows("u", "a:B", "x")
    assert auth.send("DELETE", "/v1/role/r").json() == {"msg": "Role r deleted."}
    assert auth.get("/v1/user/u/roles") == auth.get("/v1/group/g/roles") == {"roles": []}
    assert not auth.allows("u", "a:B", "x")
    assert auth.send("DELETE", "/v1/group/g").json() == {"msg": "Group g deleted."}
    assert auth.get("/v1/user/u/groups") == {"groups": ["user_default"]}
    auth.create("role", "r")
    auth.create("group", "g")
    assert auth.get("/v1/user/u/roles") == auth.get("/v1/group/g/roles") == {"roles": []}
    assert auth.get("/v1/group/g/users") == {"users": []}
    for kind in ("group", "role"):
        auth.send("DELETE", f"/v1/{kind}/{kind[0]}")
        assert auth.send("DELETE", f"/v1/{kind}/{kind[0]}").status_code == 404


# ── lists ──


def read_all(auth: Any, path: str, key: str, **query: Any) -> list[list[str]]:
    """The pages of a list."""
    answer = auth.send("GET", path, **query)
    pages = [answer.json()[key]]
    while answer.status_code == 206:
        assert answer.headers["X-OpenAPI-Paginated-Content-Key"] == key
        answer = auth.send("GET", answer.links["next"]["url"])
        pages.append(answer.json()[key])
    assert answer.status_code == 200
    assert answer.headers["X-OpenAPI-Paginated-Content-Key"] == key
    assert "Link" not in answer.headers
    return pages


def joined(pages: list[list[str]]) -> list[str]:
    return [name for page in pages for name in page]


@pytest.fixture
def crowd(auth: Any) -> Any:
    """31 roles that ada owns, all of them also those of a group and of a user."""
    roles = [f"r{number:02}" for number in range(31)]
    for role in roles:
        auth.create("role", role)
    auth.create("group", "g", roles=roles)
    auth.create("user", "u", roles=roles)
    return auth


@pytest.mark.parametrize(
    "path", ["/v1/group/g/roles", "/v1/user/u/roles", "/v1/user/ada@lab.example/owns?resource_type=role"]
)
@pytest.mark.parametrize(("per_page", "sizes"), [(None, [15, 15, 1]), (5, [5] * 6 + [1]), (30, [30, 1])])
def test_pages_have_their_size(crowd: Any, path: str, per_page: int | None, sizes: list[int]) -> None:
    pages = read_all(crowd, path, "roles", **({"per_page": per_page} if per_page else {}))
    assert [len(page) for page in pages] == sizes
    assert joined(pages) == [f"r{number:02}" for number in range(31)]


def test_pages_of_everything(auth: Any) -> None:
    for number in range(9):
        for kind in ("user", "group"):
            auth.create(kind, f"{kind[0]}{number}")
    users = sorted([f"u{number}" for number in range(9)] + ["ada@lab.example", "public"])
    assert joined(read_all(auth, "/v1/users", "users", per_page=5)) == users
    assert joined(read_all(auth, "/v1/group/user_default/users", "users", per_page=5)) == users
    groups = [f"g{number}" for number in range(9)] + ["user_default"]
    assert read_all(auth, "/v1/groups", "groups", per_page=10) == [groups]
    assert read_all(auth, "/v1/groups", "groups", per_page=9) == [groups[:9], groups[9:]]


def test_links_have_only_what_was_asked(crowd: Any) -> None:
    link = crowd.send("GET", "/v1/roles?unknown=1").headers["Link"]
    assert link == f'<{crowd.url}/v1/roles?next_token=cjEy>; rel="next"'


def test_pages_stay_right_while_things_change(crowd: Any) -> None:
    first = crowd.send("GET", "/v1/group/g/roles", per_page=10)
    crowd.send("DELETE", "/v1/role/r05")
    crowd.send("DELETE", "/v1/role/r09")
    crowd.create("role", "r041")
    rest = crowd.send("GET", first.links["next"]["url"])
    assert rest.json() == {"roles": [f"r{number}" for number in range(10, 20)]}


@pytest.mark.parametrize("token", ["%", "cjA", "=", "////", "gICA", "ü", "x" * 5001])
def test_senseless_tokens(auth: Any, token: str) -> None:
    assert "next_token" in detail(auth, auth.send("GET", "/v1/roles", next_token=token), 400)


@pytest.mark.parametrize("size", [4, 31, 0, -5, "x", "", "5.0", 10**20])
def test_senseless_sizes(auth: Any, size: Any) -> None:
    assert "per_page" in detail(auth, auth.send("GET", "/v1/roles", per_page=size), 400)
