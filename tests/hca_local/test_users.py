from __future__ import annotations

import json

import pytest

from hca_local.users import OWNER, User, Users, to_record


def test_finds_the_user_of_a_token() -> None:
    reader = User("reader@localhost", "public")
    users = Users.from_records([to_record(OWNER, "secret-1"), to_record(reader, "secret-2")])
    assert users.from_token("secret-1") == OWNER
    assert users.from_token("secret-2") == User("reader@localhost", "public", admin=False)


@pytest.mark.parametrize("token", ["", "secret", "secret-12", "SECRET-1", "sécret", "\udcff"])
def test_any_other_token_is_nobodys(token: str) -> None:
    assert Users.from_records([to_record(OWNER, "secret-1")]).from_token(token) is None


def test_records_are_json_without_the_token() -> None:
    text = json.dumps(to_record(OWNER, "secret-1"))
    assert "secret-1" not in text
    assert Users.from_records([json.loads(text)]).from_token("secret-1") == OWNER


def test_the_owner_may_do_everything() -> None:
    assert OWNER.group == "hca"
    assert OWNER.admin
