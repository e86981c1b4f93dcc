from __future__ import annotations

import json
from typing import Any

import pytest

from hca_local.auth.conditions import Condition
from hca_local.auth.policy import MAX_SIZE, Names, PolicyError, Statement, read, stored

ALLOW = {"Effect": "Allow", "Action": "fus:GetUser", "Resource": "arn:hca:fus:*:*:user/x"}


def test_reads_statements() -> None:
    deny = {
        "Sid": "no_a b",
        "Effect": "Deny",
        "NotAction": ["a:B", "c:*"],
        "NotResource": ["fake:resource", "${fus:user_email}"],
        "Condition": {"Bool": {"x": "true"}},
    }
    document = {"Version": "2008-10-17", "Id": "mine", "Statement": [ALLOW, deny]}
    assert read(document) == (
        Statement("Allow", Names(("fus:GetUser",)), Names(("arn:hca:fus:*:*:user/x",))),
        Statement(
            "Deny",
            Names(("a:B", "c:*"), negated=True),
            Names(("fake:resource", "${fus:user_email}"), negated=True),
            (Condition("Bool", "x", ("true",)),),
        ),
    )
    assert read({"Statement": ALLOW}) == read({"Statement": [ALLOW]})


def test_the_stored_version_is_ours() -> None:
    for given in ({}, {"Version": "2008-10-17"}, {"Version": 7}):
        document = json.loads(stored({"Statement": [ALLOW], **given}))
        assert document == {"Version": "2012-10-17", "Statement": [ALLOW]}


def sized(length: int) -> dict[str, Any]:
    document = {"Statement": [{**ALLOW, "Sid": ""}]}
    document["Statement"][0]["Sid"] = "x" * (length - len(stored(document)))
    return document


def test_the_largest_policy() -> None:
    assert len(stored(sized(MAX_SIZE))) == MAX_SIZE == 10240
    with pytest.raises(PolicyError, match="10241 characters, more than 10240"):
        stored(sized(MAX_SIZE + 1))


def test_150_small_statements_are_too_many() -> None:
    small = [{"Effect": "Allow", "Action": ["fake:action"], "Resource": "fake:res"} for _ in range(150)]
    with pytest.raises(PolicyError, match="more than"):
        stored({"Statement": small})


@pytest.mark.parametrize(
    "document", ["text", None, 7, [], {}, {"Statement": "text"}, {"Statement": []}, {"Statement": None}]
)
def test_other_documents_are_refused(document: Any) -> None:
    with pytest.raises(PolicyError):
        stored(document)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Statements": []}, "a policy has no key 'Statements'"),
        ({"Id": {}}, "`Id` is no text"),
    ],
)
def test_senseless_policies(changes: Any, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        stored({"Statement": ALLOW, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Sid": 7}, "`Sid`"),
        ({"Effect": "allow"}, "`Effect`"),
        ({"Effect": ["Allow"]}, "`Effect`"),
        ({"Effect": None}, "`Effect`"),
        ({"Actions": "a:b"}, "no key 'Actions'"),
        ({"Principal": "*"}, "no key 'Principal'"),
        ({"NotAction": "a:b"}, "either `Action` or `NotAction`"),
        ({"Action": []}, "`Action`"),
        ({"Action": None}, "`Action`"),
        ({"Action": ["a:b", 7]}, "`Action`"),
        ({"Action": [["a:b"]]}, "`Action`"),
        *(({"Action": text}, "is no action") for text in ("", "GetUser", "a:", ":b", "a:b:c", "a: b", "**")),
        ({"NotResource": "x"}, "either `Resource` or `NotResource`"),
        ({"Resource": {}}, "`Resource`"),
        ({"Resource": []}, "`Resource`"),
        ({"Resource": ""}, "is empty"),
        ({"Resource": "${x"}, "no variable"),
        ({"Condition": []}, "object of operators"),
        ({"Condition": {"Like": {"a": "b"}}}, "not known"),
    ],
)
def test_senseless_statements_are_numbered(changes: Any, message: str) -> None:
    with pytest.raises(PolicyError, match="^statement 2: ") as caught:
        stored({"Statement": [ALLOW, {**ALLOW, **changes}]})
    assert message in str(caught.value)


@pytest.mark.parametrize("missing", ["Effect", "Action", "Resource"])
def test_incomplete_statements(missing: str) -> None:
    with pytest.raises(PolicyError, match=f"`{missing}`"):
        stored({"Statement": {key: value for key, value in ALLOW.items() if key != missing}})


def test_messages_stay_short() -> None:
    for changes in ({"x" * 9999: 1}, {"Action": "x" * 9999}, {"Resource": "${" + "x" * 9999}):
        with pytest.raises(PolicyError) as caught:
            stored({"Statement": {**ALLOW, **changes}})
        assert len(str(caught.value)) < 300
