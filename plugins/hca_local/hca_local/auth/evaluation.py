"""Decides what policies allow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from hca_local.auth.conditions import holds
from hca_local.auth.patterns import Context, Patterns, UnknownKey, plain, tokens
from hca_local.auth.policy import Effect, Statement

__all__ = ["Decision", "Source", "decide", "reason"]

_REASONS = {
    "explicitDeny": "Permission is explicit denied.",
    "implicitDeny": "Permission was implicitly denied.",
    "allowed": "Permission is allowed.",
}

Verdict = Literal["allowed", "explicitDeny", "implicitDeny"]


@dataclass(frozen=True)
class Source:
    """The policy of a user, a group or a role, which is called `id`."""

    type: Literal["user", "group", "role"]
    id: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Decision:
    """What holds for one action on one resource, which policies say so, and keys that were asked for but not known."""

    action: str
    resource: str
    verdict: Verdict
    sources: tuple[Source, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class _Match:
    """Which of the actions and resources in question a statement is about."""

    source: Source
    effect: Effect
    actions: Collection[str]
    resources: Collection[str]


def decide(
    sources: Iterable[Source], actions: Sequence[str], resources: Sequence[str], context: Context
) -> list[Decision]:
    """Return a decision for each action on each resource, action by action.

    What any statement denies is denied, else what any allows is allowed. A statement with a variable of which nothing
    is known is about nothing. `context` has its keys in lower case.
    """
    matches: list[_Match] = []
    missing: set[str] = set()
    for source in sources:
        for statement in source.statements:
            try:
                matches.append(_match(source, statement, actions, resources, context))
            except UnknownKey as unknown:
                missing.add(unknown.key)
    keys = tuple(sorted(missing))
    return [_decision(action, resource, matches, keys) for action in actions for resource in resources]


def reason(decisions: Sequence[Decision]) -> str:
    """Return in words what some decisions mean together: all is allowed, or why not."""
    verdicts = {decision.verdict for decision in decisions}
    return next(words for verdict, words in _REASONS.items() if verdict in verdicts)


def _match(
    source: Source, statement: Statement, actions: Sequence[str], resources: Sequence[str], context: Context
) -> _Match:
    # All of these may find an unknown key, which is why none is left out when another says no.
    is_resource = Patterns([tokens(pattern, context) for pattern in statement.resources.patterns]).match
    applies = all([holds(condition, context) for condition in statement.conditions])  # noqa: C419
    if not applies:
        return _Match(source, statement.effect, (), ())
    is_action = Patterns([plain(pattern.lower()) for pattern in statement.actions.patterns]).match
    return _Match(
        source,
        statement.effect,
        {action for action in actions if is_action(action.lower()) != statement.actions.negated},
        {resource for resource in resources if is_resource(resource) != statement.resources.negated},
    )


def _decision(action: str, resource: str, matches: Iterable[_Match], missing: tuple[str, ...]) -> Decision:
    found = [match for match in matches if action in match.actions and resource in match.resources]
    denying = [match for match in found if match.effect == "Deny"]
    verdict: Verdict = "explicitDeny" if denying else "allowed" if found else "implicitDeny"
    sources = tuple({(match.source.type, match.source.id): match.source for match in denying or found}.values())
    return Decision(action, resource, verdict, sources, missing)
