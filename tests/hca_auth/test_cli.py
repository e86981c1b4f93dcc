"""`hca auth` on the command line: the documented commands do what the worked examples of the service say."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_auth import TOKEN, FakeAuth

from hca_core.testing import Answer, Request
from hca_core.testing.runner import Result

HCA = Callable[..., Result]
POLICY = {
    "Statement": [
        {"Sid": "read", "Effect": "Allow", "Action": ["slides:GetImage"], "Resource": "arn:hca:slides:local:*:image/*"}
    ]
}
PROBLEM = {"Content-Type": "application/problem+json"}
NOTHING = "Nothing was changed: the service says that it is so already.\n"


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAuth]:
    """An auth service that the user's settings point to, and a token for it."""
    with FakeAuth() as server:
        (home / "config.json").write_text(json.dumps({"AuthClient": {"swagger_url": server.swagger_url}}))
        monkeypatch.setenv("HCA_CONFIG_FILE", str(home / "config.json"))
        monkeypatch.setenv("HCA_AUTH_TOKEN", TOKEN)
        yield server


# The worked examples


def test_create_a_role(hca: HCA, server: FakeAuth, home: Path) -> None:
    server.on(
        "POST",
        "/v1/role",
        Answer.json({"msg": "Role slide_reader created."}, 201),
        Answer.json({"title": "Conflict", "status": 409, "detail": "slide_reader exists"}, 409, PROBLEM),
        Answer.json({"title": "Bad Request", "status": 400, "detail": "role_id: 'bad name!' is no name"}, 400, PROBLEM),
    )
    (home / "policy.json").write_text(json.dumps(POLICY))
    command = ("auth", "post-v1-role", "--policy", "@policy.json", "--role-id")
    assert hca(*command, "slide_reader").json == {"msg": "Role slide_reader created."}
    assert server.requests[-1].json() == {"role_id": "slide_reader", "policy": POLICY}
    assert server.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"
    again = hca(*command, "slide_reader")
    assert (again.code, again.stdout) == (6, "")
    assert "409 Conflict: slide_reader exists" in again.stderr
    assert "400 Bad Request: role_id: 'bad name!' is no name" in hca(*command, "bad name!").stderr
    missing = hca("auth", "post-v1-role", "--role-id", "x9")
    assert (missing.code, "--policy" in missing.stderr) == (2, True)


def test_read_a_role(hca: HCA, server: FakeAuth) -> None:
    role = {"role_id": "slide_reader", "policies": {"IAMPolicy": {"Version": "2012-10-17", **POLICY}}}
    problem = Answer.json({"title": "Not Found", "status": 404, "detail": "no_such_role"}, 404, PROBLEM)
    server.on("GET", "/v1/role/slide_reader", Answer.json(role))
    server.on("GET", "/v1/role/no_such_role", problem)
    assert hca("auth", "get-v1-role", "--role-id", "slide_reader").json == role
    assert hca("auth", "get-v1-role", "--role-id", "no_such_role").code == 7


def test_create_a_user_and_disable_it(hca: HCA, server: FakeAuth) -> None:
    grace = "/v1/user/grace%40lab.example"
    server.on("POST", "/v1/user", Answer.json({"msg": "grace@lab.example created."}, 201))
    server.on("GET", grace, Answer.json({"user_id": "grace@lab.example", "status": "enabled", "policies": {}}))
    server.on("PUT", grace, Answer.json({"user_id": "grace@lab.example", "status": "disabled", "msg": "…"}))
    created = hca("auth", "post-v1-user", "--user-id", "grace@lab.example", "--roles", "slide_reader")
    assert created.json == {"msg": "grace@lab.example created."}
    assert server.requests[-1].json() == {"user_id": "grace@lab.example", "roles": ["slide_reader"]}
    assert hca("auth", "get-v1-user", "--user-id", "grace@lab.example").json["policies"] == {}
    assert hca("auth", "put-v1-user", "--user-id", "grace@lab.example", "--status", "disabled").code == 0
    assert server.asked()[-1] == f"PUT {grace}?status=disabled"


def test_evaluate(hca: HCA, server: FakeAuth) -> None:
    answer = {"result": True, "reason": "Permission is allowed.", "evaluation_results": []}
    server.on("POST", "/v1/policies/evaluate", Answer(status=503), Answer.json(answer))
    words = (
        "--principal",
        "grace@lab.example",
        "--action",
        "slides:GetImage",
        "slides:PutImage",
        "--resource",
        "arn:x",
    )
    # It changes nothing, so it is asked again when the service is busy.
    assert hca("auth", "post-v1-policies-evaluate", *words).json == answer
    assert server.requests[-1].json() == {
        "principal": "grace@lab.example",
        "action": ["slides:GetImage", "slides:PutImage"],
        "resource": ["arn:x"],
    }


def test_membership_changes(hca: HCA, server: FakeAuth) -> None:
    change = {"users": ["grace@lab.example"], "action": "add", "group_id": "microscopists", "msg": "…"}
    server.on("PUT", "/v1/group/microscopists/users", Answer.json(change), Answer(304))
    command = ("auth", "put-v1-group-user", "--group-id", "microscopists", "--action", "add", "--users")
    assert hca(*command, "grace@lab.example").json == change
    assert server.requests[-1].json() == {"users": ["grace@lab.example"]}
    again = hca(*command, "grace@lab.example")
    assert (again.code, again.stdout, again.stderr) == (0, "", NOTHING)
    assert server.asked() == ["PUT /v1/group/microscopists/users?action=add"] * 2


TEAM = ("auth", "put-v1-group-user", "--group-id", "team", "--action", "remove", "--users", "g@x.y", "h@x.y")


@pytest.fixture
def members(server: FakeAuth) -> set[str]:
    """The members of the group `team`, of whom the service removes all that it is asked to, or none (304)."""
    found: set[str] = set()

    def remove(request: Request) -> Answer:
        users = request.json()["users"]
        if not found.issuperset(users):
            return Answer(304)
        found.difference_update(users)
        return Answer.json({"users": users, "action": "remove", "group_id": "team", "msg": "…"})

    server.on("PUT", "/v1/group/team/users", remove)
    return found


def test_a_batch_that_is_partly_done_is_finished(hca: HCA, server: FakeAuth, members: set[str]) -> None:
    members.add("g@x.y")
    removed = hca(*TEAM)
    assert removed.json == {"users": ["g@x.y"], "action": "remove", "group_id": "team", "msg": "…"}
    assert (removed.code, removed.stderr, members) == (0, "", set())
    assert [one.json()["users"] for one in server.requests[-3:]] == [["g@x.y", "h@x.y"], ["g@x.y"], ["h@x.y"]]


def test_a_batch_takes_one_request_if_it_can(hca: HCA, server: FakeAuth, members: set[str]) -> None:
    members.update(["g@x.y", "h@x.y"])
    assert hca(*TEAM).json["users"] == ["g@x.y", "h@x.y"]
    assert len(server.asked()) == 1


def test_a_batch_that_is_all_done_changes_nothing(hca: HCA, members: set[str]) -> None:
    members.add("i@x.y")
    done = hca(*TEAM)
    assert (done.code, done.stdout, done.stderr, members) == (0, "", NOTHING, {"i@x.y"})


def test_a_batch_that_is_refused_later_is_a_failure(hca: HCA, server: FakeAuth) -> None:
    problem = Answer.json({"title": "Not Found", "status": 404, "detail": "There is no user h@x.y."}, 404, PROBLEM)
    change = Answer.json({"users": ["g@x.y"], "action": "remove", "group_id": "team", "msg": "…"})
    server.on("PUT", "/v1/group/team/users", Answer(304), change, problem)
    refused = hca(*TEAM)
    assert (refused.code, refused.stdout) == (7, "")
    assert "There is no user h@x.y." in refused.stderr


def test_ownership(hca: HCA, server: FakeAuth) -> None:
    server.publish("/v1/user/ada%40lab.example/owns", "groups", [["microscopists"]])
    command = ("auth", "get-v1-user-owns", "--user-id", "ada@lab.example")
    assert hca(*command, "--resource-type", "group").json == {"groups": ["microscopists"]}
    assert server.asked() == ["GET /v1/user/ada%40lab.example/owns?resource_type=group"]


def test_forbidden(hca: HCA, server: FakeAuth) -> None:
    problem = Answer.json({"title": "Forbidden", "status": 403, "detail": "grace may not list roles"}, 403, PROBLEM)
    server.on("GET", "/v1/roles", problem)
    refused = hca("auth", "get-v1-roles")
    assert (refused.code, refused.stdout) == (5, "")
    assert "grace may not list roles" in refused.stderr


def test_exchange_and_revoke(hca: HCA, server: FakeAuth, home: Path) -> None:
    (home / "secret").write_text("s3cret\n")
    tokens = {"access_token": "A", "refresh_token": "R-1", "id_token": "I", "expires_in": 3600, "token_type": "Bearer"}
    server.on("POST", "/oauth/token", Answer.json(tokens), Answer.json({"error": "invalid_grant"}, 400))
    server.on("POST", "/oauth/revoke", Answer(200))
    words = ("--grant-type", "refresh_token", "--client-id", "local-cli", "--client-secret", "@secret")
    assert hca("auth", "post-oauth-token", *words, "--refresh-token", "-", stdin="R-1\n").json == tokens
    sent = server.requests[-1]
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
    fields = {b"client_id=local-cli", b"client_secret=s3cret", b"grant_type=refresh_token", b"refresh_token=R-1"}
    assert set(sent.body.split(b"&")) == fields
    assert "Authorization" not in sent.headers
    used = hca("auth", "post-oauth-token", "--grant-type", "authorization_code", "--code", "c-41")
    assert (used.code, "invalid_grant" in used.stderr) == (6, True)
    revoked = hca("auth", "post-oauth-revoke", "--client-id", "local-cli", "--token", "R-1")
    assert (revoked.code, revoked.stdout) == (0, "")
    assert server.requests[-1].json() == {"client_id": "local-cli", "token": "R-1"}


def test_who_the_token_names(hca: HCA, server: FakeAuth) -> None:
    claims = {"sub": "local|ada", "email": "ada@lab.example"}
    server.on("GET", "/oauth/userinfo", Answer.json(claims))
    server.on("POST", "/oauth/userinfo", Answer.json(claims))
    assert hca("auth", "get-oauth-userinfo").json == hca("auth", "post-oauth-userinfo").json == claims


def test_discovery(hca: HCA, server: FakeAuth) -> None:
    problem = Answer.json({"title": "Bad Request", "status": 400, "detail": "host"}, 400, PROBLEM)
    server.on("GET", "/.well-known/openid-configuration", problem)
    server.on("GET", "/.well-known/jwks.json", Answer.json({"keys": []}))
    server.on("GET", "/echo", Answer.json({"method": "GET", "path": "/echo", "query": {}}))
    assert hca("auth", "get-openid-configuration", "--host", "evil.example").code == 6
    assert server.requests[-1].headers["Host"] == "evil.example"
    assert hca("auth", "get-jwks.json").json == {"keys": []}
    assert hca("auth", "get-echo").json["method"] == "GET"
    assert not [one for one in server.requests if "Authorization" in one.headers]


def test_browsers_are_sent_on(hca: HCA, server: FakeAuth) -> None:
    page = Answer(body=b"<form>\r\n</form>", headers={"Content-Type": "text/html; charset=utf-8"})
    server.on("GET", "/login", Answer.redirect(f"{server.url}/oauth/authorize?state=s", 301))
    server.on("GET", "/oauth/authorize", Answer.redirect(f"{server.url}/page"))
    server.on("GET", "/page", page)
    server.on("GET", "/logout", Answer.redirect(f"{server.url}/page", 302))
    assert hca("auth", "get-login", "--redirect-uri", "http://localhost:8080/").stdout == "<form>\n</form>\n"
    assert hca("auth", "get-logout", "--client-id", "local-cli").stdout == "<form>\n</form>\n"
    authorize = ("get-oauth-authorize", "--response-type", "code", "--client-id", "c", "--scope", "openid email")
    assert hca("auth", *authorize).stdout == "<form>\n</form>"
    assert "GET /oauth/authorize?client_id=c&scope=openid%20email&response_type=code" in server.asked()


# Who you are


def token_of(**claims: object) -> str:
    """A token with these claims; nobody checks its signature here."""
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), "c2lnbmF0dXJl"])


def test_status(hca: HCA, server: FakeAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = {
        "iss": "https://login.example/",
        "email": "ada@lab.example",
        "scope": "openid email",
        "exp": 4_000_000_000,
    }
    monkeypatch.setenv("HCA_AUTH_TOKEN", token_of(**claims))
    shown = hca("--output", "json", "auth", "status")
    assert shown.code == 0
    assert shown.json == {
        "service": "auth",
        "host": server.host,
        "source": "HCA_AUTH_TOKEN",
        "subject": "ada@lab.example",
        "issuer": "https://login.example/",
        "scopes": ["openid", "email"],
        "expires_at": "2096-10-02T07:06:40Z",
        "state": "valid",
    }
    assert server.requests == []


def test_status_of_nobody(hca: HCA, server: FakeAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HCA_AUTH_TOKEN")
    shown = hca("auth", "status")
    assert (shown.code, shown.json["state"]) == (5, "none")
    assert "hca auth login" in shown.stderr
    expired = token_of(email="ada@lab.example", exp=1_000_000_000)
    monkeypatch.setenv("HCA_TOKEN", expired)
    shown = hca("auth", "status")
    assert (shown.code, shown.json["state"], shown.json["subject"]) == (5, "expired", "ada@lab.example")
    assert expired not in shown.stdout + shown.stderr


def test_token(hca: HCA, server: FakeAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = hca("auth", "token")
    assert (shown.code, shown.stdout, shown.stderr) == (0, f"{TOKEN}\n", "")
    monkeypatch.delenv("HCA_AUTH_TOKEN")
    shown = hca("auth", "token")
    assert (shown.code, shown.stdout) == (5, "")
    assert "hca auth login" in shown.stderr


def test_log_in_use_and_log_out(hca: HCA, server: FakeAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HCA_AUTH_TOKEN")
    server.publish("/v1/groups", "groups", [["g"]])
    assert hca("auth", "get-v1-groups").code == 5
    assert hca("auth", "login", "--access-token", "-", stdin=f"{TOKEN}\n").code == 0
    assert hca("auth", "status").json["state"] == "unknown"
    assert hca("auth", "token").stdout == f"{TOKEN}\n"
    assert hca("auth", "get-v1-groups").json == {"groups": ["g"]}
    assert server.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"
    assert hca("auth", "logout").code == 0
    assert hca("auth", "status").code == 5


# What the commands say about themselves


@pytest.mark.parametrize("words", [["--help"], ["get-v1-user-owns", "--help"], ["post-oauth-token", "--help"]])
def test_help_needs_no_service(hca: HCA, words: list[str]) -> None:
    assert hca("auth", *words).code == 0


def test_fields_of_the_form_are_options(hca: HCA) -> None:
    shown = hca("auth", "post-oauth-token", "--help").stdout
    assert "[authorization_code|refresh_token]" in shown
    assert "--output-file" not in shown
    assert "@FILE" in shown


# Known defects of the client that this one replaces, by their numbers


def test_ad1_the_last_page_is_not_lost(hca: HCA, server: FakeAuth) -> None:
    server.publish("/v1/roles", "roles", [["r1", "r2"], ["r3"], ["r4"]])
    assert hca("auth", "get-v1-roles").json == {"roles": ["r1", "r2", "r3", "r4"]}
    server.publish("/v1/roles", "roles", [["r1", "r2"], ["r3"]])
    assert hca("auth", "get-v1-roles", "--no-paginate").json == {"roles": ["r1", "r2"]}
    server.publish("/v1/roles", "roles", [["r1"]])
    assert hca("auth", "get-v1-roles").json == {"roles": ["r1"]}


def test_ad2_the_link_to_the_next_page_is_used_as_it_is(hca: HCA, server: FakeAuth) -> None:
    server.publish("/v1/roles", "roles", [["r1"], ["r2"], ["r3"]])
    hca("auth", "get-v1-roles", "--per-page", "6", "--next-token", "p0")
    assert server.asked() == [
        "GET /v1/roles?next_token=p0&per_page=6",
        "GET /v1/roles?per_page=6&next_token=p1&per_page=6",
        "GET /v1/roles?per_page=6&next_token=p2&per_page=6",
    ]


def test_ad2_pages_in_a_circle_end(hca: HCA, server: FakeAuth) -> None:
    link = {"Link": f'<{server.url}/v1/roles>; rel="next"', "X-OpenAPI-Paginated-Content-Key": "roles"}
    server.on("GET", "/v1/roles", Answer.json({"roles": ["r"]}, 206, link))
    assert "already read" in hca("auth", "get-v1-roles").stderr
    assert len(server.asked()) == 1


def test_ad3_a_fresh_configuration_is_enough(hca: HCA, server: FakeAuth) -> None:
    """Nothing is asked but the operation: no secrets of the application, no description of another service."""
    server.publish("/v1/groups", "groups", [["g"]])
    assert hca("auth", "get-v1-groups").code == 0
    assert [one.path for one in server.requests] == ["/swagger.json", "/v1/groups"]


def test_ad4_a_kept_token_is_used_as_it_is(hca: HCA, server: FakeAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HCA_AUTH_TOKEN")
    server.publish("/v1/groups", "groups", [["g"]])
    hca("auth", "login", "--access-token", TOKEN)
    for _ in range(2):
        assert hca("auth", "get-v1-groups").code == 0
    assert [one.path for one in server.requests if one.path != "/swagger.json"] == ["/v1/groups"] * 2


def test_ad5_lists_are_written_as_words_or_json(hca: HCA, server: FakeAuth, home: Path) -> None:
    (home / "groups.json").write_text('["a", "b"]')
    server.on("POST", "/v1/user", Answer.json({"msg": "done"}, 201))
    for words in (["a", "b"], ['["a", "b"]'], ["@groups.json"], ['"a"', "b"], ["a", "--groups", "b"]):
        assert hca("auth", "post-v1-user", "--groups", *words, "--user-id", "u").code == 0
        assert server.requests[-1].json() == {"user_id": "u", "groups": ["a", "b"]}
    server.on("POST", "/v1/policies/evaluate", Answer.json({"result": True, "reason": ""}))
    for action in ("dss:Get", '"dss:Get"'):
        hca("auth", "post-v1-policies-evaluate", "--action", action, "--principal", "p", "--resource", "r")
        assert server.requests[-1].json()["action"] == ["dss:Get"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["put-v1-user", "--user-id", "u", "--status", "sleepy"], "'sleepy' is not one of 'enabled', 'disabled'"),
        (["put-v1-user-role", "--user-id", "u", "--action", "swap"], "'swap' is not one of 'add', 'remove'"),
        (["get-v1-user-owns", "--user-id", "u", "--resource-type", "planet"], "'planet' is not one of 'group', 'role'"),
        (["get-v1-roles", "--per-page", "many"], "must be an integer, not 'many'"),
        (["get-v1-roles", "--per-page", "4"], "must be at least 5, not 4"),
        (["get-v1-roles", "--per-page", "31"], "must be at most 30, not 31"),
        (["get-v1-role", "--role-id", "bad name!"], "does not have the form the service wants: 'bad name!'"),
        (["put-v1-user-policy", "--user-id", "u", "--policy", "[]"], "must be an object"),
    ],
)
def test_ad6_bad_values_are_refused_before_anything_is_sent(
    hca: HCA, server: FakeAuth, words: list[str], message: str
) -> None:
    refused = hca("auth", *words)
    assert (refused.code, server.asked()) == (2, [])
    assert message in refused.stderr


def test_ad7_a_304_with_a_body_is_a_success(hca: HCA, server: FakeAuth) -> None:
    server.on("PUT", "/v1/user/u/groups", Answer.json({"msg": "as it was"}, 304))
    ended = hca("auth", "put-v1-user-group", "--user-id", "u", "--action", "remove", "--groups", "g")
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", NOTHING)
    assert (
        hca("--quiet", "auth", "put-v1-user-group", "--user-id", "u", "--action", "add", "--groups", "g").stderr == ""
    )


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_ad14_a_failure_is_one_sentence_and_an_exit_code(
    hca: HCA, server: FakeAuth, home: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    (home / "level.json").write_text(json.dumps({"log_level": level}))
    monkeypatch.setenv("HCA_CONFIG_FILE", os.pathsep.join([os.environ["HCA_CONFIG_FILE"], str(home / "level.json")]))
    server.on("POST", "/v1/role", Answer(500, b"out of order"))
    failed = hca("auth", "post-v1-role", "--role-id", "r", "--policy", json.dumps(POLICY))
    assert (failed.code, failed.stdout) == (6, "")
    (sentence,) = failed.stderr.splitlines()
    assert sentence.startswith("Error: POST http://127.0.0.1:")
    assert sentence.endswith("500 Internal Server Error: out of order.")


@pytest.mark.parametrize("text", ["New role microscopists created.", "New role microscopists created.\n"])
def test_ad15_text_is_decoded_and_ends_its_line(hca: HCA, server: FakeAuth, text: str) -> None:
    server.on("POST", "/v1/group", Answer(201, text.encode(), {"Content-Type": "text/html; charset=utf-8"}))
    assert hca("auth", "post-v1-group", "--group-id", "g").stdout == "New role microscopists created.\n"


def test_ad16_post_oauth_token_sends_what_it_is_given(hca: HCA, server: FakeAuth) -> None:
    server.on("POST", "/oauth/token", Answer.json({"access_token": "A"}))
    words = ("--grant-type", "authorization_code", "--code", "c-41", "--redirect-uri", "http://localhost:8080/")
    assert hca("auth", "post-oauth-token", *words).json == {"access_token": "A"}
    fields = {b"grant_type=authorization_code", b"code=c-41", b"redirect_uri=http%3A%2F%2Flocalhost%3A8080%2F"}
    assert set(server.requests[-1].body.split(b"&")) == fields


def test_ad17_the_default_is_the_services_and_is_told(hca: HCA, server: FakeAuth) -> None:
    server.publish("/v1/users", "users", [["u"]])
    hca("auth", "get-v1-users")
    assert server.asked() == ["GET /v1/users"]
    assert "[default: 15]" in " ".join(hca("auth", "get-v1-users", "--help").stdout.split())
