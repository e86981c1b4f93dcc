"""What the services of a stack know of each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from werkzeug.test import Client

from hca_local.oidc.passwords import Cost
from hca_local.oidc.store import Store
from hca_local.oidc.tokens import remembered
from hca_local.parts import Parts, open_parts
from hca_local.root import Root, ensure_secrets
from hca_local.state import State

from .conftest import PORTS

ADA = "ada@lab.example"


@pytest.fixture
def parts(root: Root) -> Iterator[Parts]:
    found = open_parts(root, ensure_secrets(root), State(1, "test", PORTS))
    yield found
    found.close()


def ask(parts: Parts, service: str, token: str, path: str, method: str = "GET") -> tuple[int, Any]:
    answer = Client(parts.apps[service]).open(path, method=method, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.get_json()


def test_whom_the_auth_service_disables_no_service_lets_in(root: Root, parts: Parts) -> None:
    owner = ensure_secrets(root).owner_token
    with closing(Store(root.oidc, cost=Cost(n=2, r=1, p=1))) as store:
        store.accounts.add(ADA, "correct horse battery")
        token = remembered(store, lambda: store.accounts.list()[0].created).mint(ADA)
    places = [("dss", "/v1/subscriptions?replica=aws"), ("auth", f"/v1/user/{ADA}"), ("auth", "/oauth/userinfo")]
    for status, expected in (("enabled", 200), ("disabled", 403), ("enabled", 200)):
        ask(parts, "auth", token, f"/v1/user/{ADA}")  # from then on it knows her
        assert ask(parts, "auth", owner, f"/v1/user/{ADA}?status={status}", "PUT")[0] == 200
        assert [ask(parts, service, token, path)[0] for service, path in places] == [expected] * 3


def test_the_owner_is_somebody_everywhere(root: Root, parts: Parts) -> None:
    owner = ensure_secrets(root).owner_token
    code, found = ask(parts, "auth", owner, "/oauth/userinfo")
    assert (code, found["sub"], found["email"]) == (200, "owner@localhost", "owner@localhost")
    assert ask(parts, "dss", owner, "/v1/subscriptions?replica=aws")[0] == 200
    assert ask(parts, "auth", owner, "/v1/users")[0] == 200
