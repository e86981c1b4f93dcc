from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hca_local.auth.links import GROUP_ROLES, USER_GROUPS, USER_ROLES
from hca_local.auth.records import Policy, Principal, Records
from hca_local.problem import Problem


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records(tmp_path)
    yield records
    records.close()


def test_who_counts_as_what(records: Records) -> None:
    for role in ("own", "both", "inherited", "bare"):
        records.create("role", role, policy=None if role == "bare" else f'"{role}"')
    records.create("group", "g", policy='"g"', links={GROUP_ROLES: ["inherited", "both", "bare"]})
    links = {USER_ROLES: ["own", "both"], USER_GROUPS: ["g"]}
    records.create("user", "u", policy='"u"', links=links)
    policies = [
        Policy("user", "u", '"u"'),
        Policy("group", "g", '"g"'),
        *(Policy("role", role, f'"{role}"') for role in ("both", "inherited", "own")),
    ]
    assert records.principal("u") == Principal("u", True, True, ["g"], ["both", "own"], policies)
    assert records.principal("nobody") == Principal("nobody", False, True, [], [], [])


def test_strangers_count_as_members_of_the_default_group(records: Records) -> None:
    records.create("group", "user_default", policy='"d"')
    expected = Principal("nobody", False, True, ["user_default"], [], [Policy("group", "user_default", '"d"')])
    assert records.principal("nobody") == expected


def test_who_is_there_stays_as_they_are(records: Records) -> None:
    records.create("role", "r", policy='"1"')
    records.ensure("role", "r", policy='"2"')
    assert records.get("role", "r").policy == '"1"'
    records.create("user", "u")
    records.set_status("u", "disabled")
    records.ensure("user", "u", links={USER_ROLES: ["r"]})
    records.ensure("user", "u", links={USER_ROLES: ["r"]})
    assert records.get("user", "u").status == "disabled"
    assert records.linked(USER_ROLES, "u", "", 9) == ["r"]


def test_who_is_disabled(records: Records) -> None:
    for user in ("u", "v"):
        records.create("user", user)
        records.set_status(user, "disabled")
    assert not records.is_enabled("u")
    assert records.is_enabled("nobody")
    records.enable("u")
    records.enable("nobody")
    assert records.is_enabled("u")
    assert not records.is_enabled("v")
    assert records.names("user", "", 9) == ["u", "v"]


def test_all_or_nothing(records: Records) -> None:
    records.create("role", "r")
    with pytest.raises(Problem, match="no group g"):
        records.create("user", "u", links={USER_ROLES: ["r"], USER_GROUPS: ["g"]})
    with pytest.raises(Problem, match="no group g"):
        records.ensure("user", "u", links={USER_ROLES: ["r"], USER_GROUPS: ["g"]})
    assert records.is_new()
