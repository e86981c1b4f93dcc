"""A small API over real HTTP."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from hca_core.openapi.model import Api, Operation, Parameter
from hca_core.openapi.pages import next_url
from hca_local.listener import Listener
from hca_local.problem import Problem
from hca_local.router import Answer, Call, Router, page
from hca_local.users import User, Users, to_record

UUID = "11111111-2222-4333-8444-55555555555a"
ADA = User("ada@example.org", "hca")


def parameter(name: str, location: Any, type: str = "string", **more: Any) -> Parameter:
    return Parameter(name, location, type, schema={"type": type}, **more)


NUMBERS = Operation(
    "get_numbers",
    "GET",
    "/numbers",
    parameters=(
        parameter("per_page", "query", "integer", default=2),
        parameter("start", "query", "integer", default=0),
    ),
)
ITEM = parameter("uuid", "path", required=True)
LOUD = parameter("loud", "query", "boolean", default=False)
TRACE = parameter("X-Trace", "header")
BODY = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
API = Api(
    "Things",
    "1",
    "https://things.example.org/v1",
    "",
    (
        Operation("get_thing", "GET", "/things/{uuid}", parameters=(ITEM, LOUD, TRACE)),
        Operation("head_thing", "HEAD", "/things/{uuid}", parameters=(ITEM,)),
        Operation(
            "put_thing", "PUT", "/things/{uuid}", parameters=(ITEM,), body_schema=BODY, body_required=True, secured=True
        ),
        Operation("delete_thing", "DELETE", "/things/{uuid}", parameters=(ITEM,)),
        Operation("get_things_all", "GET", "/things/all"),
        Operation("post_thing", "POST", "/things", body_schema=BODY),
        Operation("post_search", "POST", "/search", body_schema=BODY),
        Operation("get_part", "GET", "/things/{uuid}/parts/{name}.json", parameters=(ITEM, parameter("name", "path"))),
        NUMBERS,
    ),
)


def show(call: Call) -> Answer:
    user = call.user.email if call.user else None
    return Answer(200, {"arguments": dict(call.arguments), "body": call.body, "user": user})


def numbers(call: Call) -> Answer:
    start = call.arguments["start"]
    end = start + call.arguments["per_page"]
    return page(
        call, {"list": {"numbers": list(range(5))[start:end]}}, "list.numbers", {"start": end} if end < 5 else None
    )


def fail(call: Call) -> Answer:
    status = (call.body or {}).get("name", "503")
    if status == "bug":
        raise RuntimeError("the password is hunter2")
    raise Problem(int(status), "failed", "It failed.", headers={"X-Why": "test"})


def refuse_evil(call: Call) -> None:
    if call.arguments.get("uuid") == "evil":
        raise Problem(403, "Forbidden", "No.")


HANDLERS = {
    "get_thing": show,
    "head_thing": lambda _call: Answer(200, headers={"X-Size": "7"}),
    "put_thing": show,
    "get_things_all": lambda _call: Answer(200, "all"),
    "post_thing": fail,
    "post_search": fail,
    "get_part": show,
    "get_numbers": numbers,
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Listener() as listener:
        url = f"http://127.0.0.1:{listener.port}"
        users = Users.from_records([to_record(ADA, "good-token")])
        router = Router(
            API,
            {**HANDLERS, "delete_thing": fail},
            public_url=url,
            users=users,
            documents={"/version": {"version": 7}},
            admit=refuse_evil,
            retry_after=4,
            max_body=1000,
        )
        listener.serve(router, max_body=10_000)
        yield url + "/v1"


@pytest.fixture(scope="module")
def bare_url() -> Iterator[str]:
    with Listener() as listener:
        url = f"http://127.0.0.1:{listener.port}"
        listener.serve(Router(API, {}, public_url=url, users=Users({})), max_body=10_000)
        yield url + "/v1"


def send(method: str, url: str, token: str | None = None, **more: Any) -> requests.Response:
    headers = {"Authorization": token} if token is not None else {}
    return requests.request(method, url, headers=headers | more.pop("headers", {}), timeout=10, **more)


def problem(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["stacktrace"]) == (answer.status_code, "")
    assert document["title"]
    return answer.status_code, document["code"]


# ── finding the operation ──


def test_static_paths_win(url: str) -> None:
    assert send("GET", f"{url}/things/all").json() == "all"
    assert send("GET", f"{url}/things/other").json()["arguments"]["uuid"] == "other"


def test_values_in_paths(url: str) -> None:
    answer = send("GET", f"{url}/things/{UUID.upper()}/parts/A%20b.json")
    assert answer.json()["arguments"] == {"uuid": UUID, "name": "A b"}
    assert send("GET", f"{url}/things/%C3%BC").json()["arguments"]["uuid"] == "ü"


@pytest.mark.parametrize(
    "path", ["/things/x/", "/things/x/y", "/things/", "/", "", "/thingsx", "/things/x/parts/axjson", "x"]
)
def test_other_paths_are_not_found(url: str, path: str) -> None:
    assert problem(send("GET", url + path)) == (404, "not_found")


def test_paths_outside_of_the_api(url: str) -> None:
    root = url.removesuffix("/v1")
    assert send("GET", f"{root}/version").json() == {"version": 7}
    assert send("HEAD", f"{root}/version").status_code == 200
    assert problem(send("POST", f"{root}/version")) == (405, "method_not_allowed")
    assert problem(send("GET", f"{root}/things/x")) == (404, "not_found")


def test_other_methods_are_refused(url: str) -> None:
    refused = send("PATCH", f"{url}/things/x")
    assert problem(refused) == (405, "method_not_allowed")
    assert refused.headers["Allow"] == "DELETE, GET, HEAD, PUT"
    assert problem(send("PUT", f"{url}/things/all")) == (405, "method_not_allowed")


def test_head(url: str) -> None:
    declared = send("HEAD", f"{url}/things/x")
    assert (declared.status_code, declared.headers["X-Size"], declared.content) == (200, "7", b"")
    implied = send("HEAD", f"{url}/things/all")
    assert (implied.status_code, implied.headers["Content-Length"], implied.content) == (200, "5", b"")
    missing = send("HEAD", f"{url}/nothing")
    assert (missing.status_code, missing.content) == (404, b"")


def test_operations_without_a_handler_are_named(bare_url: str) -> None:
    for method, path, name in [("GET", "/things/all", "get_things_all"), ("PUT", "/things/x", "put_thing")]:
        answer = send(method, bare_url + path)
        assert problem(answer) == (501, "not_implemented")
        assert name in answer.json()["title"]
        assert "Retry-After" not in answer.headers


# ── arguments ──


def test_arguments_come_with_types_and_defaults(url: str) -> None:
    asked = send("GET", f"{url}/things/x?loud=true", headers={"x-trace": "7"})
    assert asked.json()["arguments"] == {"uuid": "x", "loud": True, "X-Trace": "7"}
    assert send("GET", f"{url}/things/x").json()["arguments"] == {"uuid": "x", "loud": False, "X-Trace": None}


def test_the_last_of_several_values_wins_and_unknown_ones_are_ignored(url: str) -> None:
    answer = send("GET", f"{url}/things/x?loud=nonsense&unknown=1&loud=false&loud=true")
    assert answer.json()["arguments"]["loud"] is True
    assert "unknown" not in answer.json()["arguments"]


def test_senseless_arguments_are_named(url: str) -> None:
    answer = send("GET", f"{url}/things/x?loud=maybe")
    assert problem(answer) == (400, "illegal_arguments")
    assert "loud" in answer.json()["title"]


def test_bytes_that_are_no_text_do_no_harm(url: str) -> None:
    assert send("GET", f"{url}/things/%ff%fe?loud=%ff").status_code == 400
    assert send("GET", f"{url}/things/%ff").status_code == 200


# ── bodies ──


def put(url: str, data: Any, content_type: str | None = "application/json") -> requests.Response:
    headers = {"Content-Type": content_type} if content_type else {}
    return send("PUT", f"{url}/things/x", "Bearer good-token", data=data, headers=headers)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "application/ld+json"])
def test_bodies_are_json(url: str, content_type: str) -> None:
    answer = put(url, b'{"name": "x", "more": 1}', content_type)
    assert answer.json() == {"arguments": {"uuid": "x"}, "body": {"name": "x", "more": 1}, "user": ADA.email}


@pytest.mark.parametrize(
    ("data", "content_type", "expected"),
    [
        (b"{", "application/json", (400, "illegal_arguments")),
        (b"[" * 900, "application/json", (400, "illegal_arguments")),
        (b"\xff\xfe\xfd", "application/json", (400, "illegal_arguments")),
        (b"", "application/json", (400, "illegal_arguments")),
        (b"null", "application/json", (400, "illegal_arguments")),
        (b"[]", "application/json", (400, "illegal_arguments")),
        (b'{"name": 7}', "application/json", (400, "illegal_arguments")),
        (b"{}", "text/plain", (415, "unsupported_media_type")),
        (b"{}", None, (415, "unsupported_media_type")),
        (b"name=x", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        (b" " * 1001, "application/json", (413, "body_too_large")),
        (iter([b" " * 600, b" " * 600]), "application/json", (413, "body_too_large")),
    ],
)
def test_other_bodies_are_refused(url: str, data: Any, content_type: str | None, expected: tuple[int, str]) -> None:
    assert problem(put(url, data, content_type)) == expected


def test_a_body_in_chunks(url: str) -> None:
    assert put(url, iter([b'{"name":', b' "x"}'])).json()["body"] == {"name": "x"}


def test_a_body_may_be_left_out_if_it_is_not_required(url: str) -> None:
    assert problem(send("POST", f"{url}/things")) == (503, "failed")


def test_a_body_that_nobody_asked_for_is_ignored(url: str) -> None:
    with requests.Session() as session:
        assert session.get(f"{url}/things/all", data=b"\xff" * 900, timeout=10).json() == "all"
        assert session.get(f"{url}/things/all", timeout=10).json() == "all"


def test_a_body_that_breaks_off(url: str) -> None:
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
    connection.putrequest("PUT", "/v1/things/x")
    for name, value in [
        ("Authorization", "Bearer good-token"),
        ("Content-Type", "application/json"),
        ("Content-Length", "50"),
    ]:
        connection.putheader(name, value)
    connection.endheaders(b'{"name": "x"}')
    connection.sock.shutdown(1)
    assert connection.getresponse().status == 400
    connection.close()


# ── users ──


@pytest.mark.parametrize(
    "token", [None, "", "good-token", "Bearer", "Bearer ", "Basic good-token", "Bearer a b", "Bearer a,b"]
)
def test_secured_operations_need_a_token(url: str, token: str | None) -> None:
    answer = send("PUT", f"{url}/things/x", token, json={"name": "x"})
    assert problem(answer) == (401, "OAuthProblem")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["Bearer bad-token", "Bearer good-token-", "Bearer GOOD-TOKEN", b"Bearer \xff\xfe"])
def test_tokens_must_be_somebodys(url: str, token: Any) -> None:
    assert problem(send("PUT", f"{url}/things/x", token, json={"name": "x"})) == (401, "Unauthorized")


def test_open_operations_know_no_user(url: str) -> None:
    assert send("GET", f"{url}/things/x", "Bearer bad-token").json()["user"] is None


def test_checks_come_in_order(url: str) -> None:
    assert send("PUT", f"{url}/things/evil", data=b"{").status_code == 401
    bearer = "Bearer good-token"
    assert send("PUT", f"{url}/things/evil", bearer, json={}).status_code == 400
    assert problem(send("PUT", f"{url}/things/evil", bearer, json={"name": "x"})) == (403, "Forbidden")


# ── answers ──


def test_every_answer_can_be_asked_about(url: str) -> None:
    ids = {send("GET", url + path).headers["X-AWS-REQUEST-ID"] for path in ("/things/all", "/nothing")}
    assert len(ids) == 2
    assert send("GET", f"{url}/nothing").headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("method", "path", "status", "retry"),
    [
        ("DELETE", "/things/x", "503", "4"),
        ("POST", "/search", "500", "4"),
        ("POST", "/search", "502", "4"),
        ("POST", "/search", "504", "4"),
        ("POST", "/search", "501", None),
        ("POST", "/search", "404", None),
        ("POST", "/things", "503", None),
    ],
)
def test_who_may_try_again(url: str, method: str, path: str, status: str, retry: str | None) -> None:
    answer = send(method, url + path, json={"name": status})
    assert problem(answer) == (int(status), "failed")
    assert answer.headers.get("Retry-After") == retry
    assert answer.headers["X-Why"] == "test"


def test_bugs_are_logged_and_not_shown(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = send("POST", f"{url}/search?token=secret", json={"name": "bug"})
    assert problem(answer) == (500, "unhandled_exception")
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text
    assert answer.headers["X-AWS-REQUEST-ID"] in caplog.text
    assert "token=secret" not in caplog.text


def test_problems_may_have_another_form() -> None:
    with Listener() as listener:
        url = f"http://127.0.0.1:{listener.port}"
        router = Router(
            API,
            {"post_search": fail},
            public_url=url,
            users=Users({}),
            describe=lambda problem: {"status": problem.status, "detail": problem.title},
        )
        listener.serve(router, max_body=10_000)
        for name, status in (("409", 409), ("bug", 500)):
            answer = send("POST", f"{url}/v1/search", json={"name": name})
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json().keys() == {"status", "detail"}
            assert answer.status_code == answer.json()["status"] == status


def test_pages_link_to_the_next(url: str) -> None:
    answer = send("GET", f"{url}/numbers?per_page=2&unknown=x")
    assert answer.headers["Link"] == f'<{url}/numbers?per_page=2&start=2>; rel="next"'
    seen = []
    following: str | None = answer.url
    while following:
        answer = send("GET", following)
        seen.append((answer.status_code, answer.headers["X-OpenAPI-Pagination"], answer.json()["list"]["numbers"]))
        assert answer.headers["X-OpenAPI-Paginated-Content-Key"] == "list.numbers"
        following = next_url(answer.headers, answer.url)
    assert seen == [(206, "true", [0, 1]), (206, "true", [2, 3]), (200, "false", [4])]


def test_answers_are_json(url: str) -> None:
    answer = send("GET", f"{url}/things/%C3%BC")
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content)["arguments"]["uuid"] == "ü"
