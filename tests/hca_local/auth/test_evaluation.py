"""What policies allow, by hand and against a model that follows the rules word by word."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hca_local.auth.evaluation import Decision, Source, decide, reason
from hca_local.auth.patterns import Context
from hca_local.auth.policy import read

CONTEXT: Context = {"me": "ab", "groups": ["a", "b"]}


def source(*statements: Any, id: str = "p", type: Any = "role") -> Source:
    return Source(type, id, read({"Statement": list(statements)}))


def rule(effect: str, action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def verdict(sources: list[Source], action: str = "a:B", resource: str = "r/1") -> str:
    (decision,) = decide(sources, [action], [resource], CONTEXT)
    return decision.verdict


def test_nothing_is_allowed_by_itself() -> None:
    assert verdict([]) == "implicitDeny"
    assert verdict([source(rule("Deny", "x:Y", "*"))]) == "implicitDeny"


def test_actions_have_no_case_but_resources_have() -> None:
    allowing = [source(rule("Allow", "A:b*", "r/*"))]
    assert verdict(allowing) == "allowed"
    assert verdict(allowing, resource="R/1") == "implicitDeny"
    assert verdict(allowing, resource="r/*") == "allowed"
    assert verdict([source(rule("Allow", "a:B", "r/1"))], resource="r/*") == "implicitDeny"


def test_denials_win() -> None:
    allowing, denying = source(rule("Allow", "*", "*")), source(rule("Deny", "a:*", "r/?"), id="q", type="group")
    for sources in ([allowing, denying], [denying, allowing]):
        (decision,) = decide(sources, ["a:B"], ["r/1"], CONTEXT)
        assert decision == Decision("a:B", "r/1", "explicitDeny", (denying,), ())


def test_all_but_some() -> None:
    others = [source({"Effect": "Allow", "NotAction": ["a:*"], "NotResource": "r/1"})]
    assert verdict(others) == "implicitDeny"
    assert verdict(others, "b:C") == "implicitDeny"
    assert verdict(others, "b:C", "r/2") == "allowed"


def test_unknown_variables_make_a_statement_say_nothing() -> None:
    sources = [
        source(
            rule("Deny", "*", ["r/1", "${nobody}"]),
            rule("Deny", "*", "*", Condition={"StringEquals": {"me": "${groups}"}}),
            rule("Allow", "*", "r/*"),
        )
    ]
    (decision,) = decide(sources, ["a:B"], ["r/1"], CONTEXT)
    assert (decision.verdict, decision.missing) == ("allowed", ("groups", "nobody"))


def test_every_pair_is_decided() -> None:
    sources = [source(rule("Allow", "a:B", "*"), rule("Allow", "a:*", "r/2"), rule("Deny", "a:D", "*"))]
    found = decide(sources, ["a:B", "a:C", "a:D"], ["r/1", "r/2"], CONTEXT)
    assert [(one.action, one.resource, one.verdict) for one in found] == [
        ("a:B", "r/1", "allowed"),
        ("a:B", "r/2", "allowed"),
        ("a:C", "r/1", "implicitDeny"),
        ("a:C", "r/2", "allowed"),
        ("a:D", "r/1", "explicitDeny"),
        ("a:D", "r/2", "explicitDeny"),
    ]
    assert found[1].sources == (sources[0],)
    assert reason(found) == "Permission is explicit denied."
    assert reason(found[:4]) == "Permission was implicitly denied."
    assert reason(found[:2]) == "Permission is allowed."


# ── a model ──

ACTIONS = ["a:B", "A:b", "a:C", "b:B"]
RESOURCES = ["ab", "aB", "*", "ab/1", "b"]
patterns = st.sampled_from(["*", "a*", "ab", "?b", "${me}", "${me}/*", "b", "*b*", "${nobody}", "*/?"])
# What each of these means for the context above; one with an unknown variable is never true.
CONDITIONS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"StringEquals": {"me": "ab"}}, True),
    ({"StringNotLike": {"me": "a*"}}, False),
    ({"ForAnyValue:StringEquals": {"groups": ["b", "c"]}}, True),
    ({"ForAllValues:StringEquals": {"groups": ["b", "c"]}}, False),
    ({"StringEquals": {"me": ["x", "${me}"]}}, True),
    ({"StringNotEquals": {"me": "${nobody}"}}, False),
    ({"StringEqualsIfExists": {"nobody": "x"}}, True),
    ({"StringEqualsIfExists": {"nobody": "x"}, "Null": {"me": "true"}}, False),
]


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "Effect": draw(st.sampled_from(["Allow", "Deny"])),
        draw(st.sampled_from(["Action", "NotAction"])): draw(
            st.lists(st.sampled_from(["*", "a:*", "A:B", "?:b", "b:?"]), min_size=1, max_size=2)
        ),
        draw(st.sampled_from(["Resource", "NotResource"])): draw(st.lists(patterns, min_size=1, max_size=2)),
        "Condition": draw(st.sampled_from(CONDITIONS))[0],
    }


def globs(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(globs(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and globs(pattern[1:], text[1:])


def applies(rule: dict[str, Any], action: str, resource: str) -> bool:
    if not next(holds for condition, holds in CONDITIONS if condition == rule["Condition"]):
        return False
    resources = rule["Resource" if "Resource" in rule else "NotResource"]
    if any("${nobody}" in pattern for pattern in resources):
        return False
    actions = rule["Action" if "Action" in rule else "NotAction"]
    hit = any(globs(pattern.lower(), action.lower()) for pattern in actions) == ("Action" in rule)
    about = any(globs(pattern.replace("${me}", "ab"), resource) for pattern in resources) == ("Resource" in rule)
    return hit and about


def expected(statements: list[dict[str, Any]], action: str, resource: str) -> str:
    effects = [one["Effect"] for one in statements if applies(one, action, resource)]
    return "explicitDeny" if "Deny" in effects else "allowed" if effects else "implicitDeny"


@given(st.lists(st.lists(rules(), min_size=1, max_size=3), max_size=3))
def test_the_model_agrees(policies: list[list[dict[str, Any]]]) -> None:
    sources = [source(*statements, id=str(number)) for number, statements in enumerate(policies)]
    statements = [one for policy in policies for one in policy]
    for decision in decide(sources, ACTIONS, RESOURCES, CONTEXT):
        assert decision.verdict == expected(statements, decision.action, decision.resource)
