"""Who may do what: brings together what is known about somebody with the policies that count."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hca_local.auth import policy
from hca_local.auth.errors import forbidden, illegal
from hca_local.auth.evaluation import Decision, Source, decide, reason
from hca_local.auth.patterns import Context
from hca_local.auth.records import Principal, Records
from hca_local.auth.rights import appoint, needed
from hca_local.router import Answer, Call

if TYPE_CHECKING:
    from hca_local.users import User

__all__ = ["MAX_CHARACTERS", "MAX_PAIRS", "Judgement"]

MAX_PAIRS = 1000  # actions times resources in one question
MAX_CHARACTERS = 100_000  # of all actions and resources in one question
MAX_EMAIL = 254


class Judgement:
    """Judges by what is in `records`, at the time that `now` tells."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now

    def admit(self, call: Call) -> None:
        """Refuse a call that its user may not make.

        A user who was never here before becomes known, and is given the administrators' role if that is what they are.
        """
        assert call.user is not None  # all operations that have handlers are secured
        principal = self._caller(call.user)
        action, resource = needed(call.operation.name, call.arguments)
        group = call.arguments.get("group_id")
        known = {} if group is None else {"fus:group_id": group}
        if not principal.enabled:
            raise forbidden(f"{principal.id} is disabled.")
        if self._decide(principal, [action], [resource], known)[0].verdict != "allowed":
            raise forbidden(f"{principal.id} may not {action} on {resource}.")

    def evaluate(self, call: Call) -> Answer:
        """Tell whether somebody may do all of some actions on all of some resources."""
        actions, resources = call.body["action"], call.body["resource"]
        if len(actions) * len(resources) > MAX_PAIRS:
            raise illegal(f"{len(actions)} actions on {len(resources)} resources; {MAX_PAIRS} pairs are the most.")
        if sum(map(len, (*actions, *resources))) > MAX_CHARACTERS:
            raise illegal(f"The actions and resources have more than {MAX_CHARACTERS} characters.")
        principal = self._records.principal(call.body["principal"])
        if not principal.enabled:
            return Answer(200, {"result": False, "reason": "UserDisabled"})
        decisions = self._decide(principal, actions, resources)
        result = all(decision.verdict == "allowed" for decision in decisions)
        results = [_shown(decision) for decision in decisions]
        return Answer(200, {"result": result, "reason": reason(decisions), "evaluation_results": results})

    def authorization(self, email: str) -> dict[str, list[str]]:
        """Return the groups and roles of somebody, and the actions that any policy allows them."""
        principal = self._records.principal(email)
        scope = _scope(_sources(principal)) if principal.enabled else []
        return {"groups": list(principal.groups), "roles": list(principal.roles), "scope": scope}

    def _caller(self, user: User) -> Principal:
        email = user.email
        if not (email.isprintable() and 0 < len(email) <= MAX_EMAIL):
            raise forbidden("The e-mail address in the token is none.")
        principal = self._records.principal(email)
        if principal.known:
            return principal
        if user.admin:
            appoint(self._records, email)
        self._records.ensure("user", email)
        return self._records.principal(email)

    def _decide(
        self, principal: Principal, actions: Sequence[str], resources: Sequence[str], more: Context | None = None
    ) -> list[Decision]:
        now = self._now()
        context: dict[str, str | Sequence[str]] = {
            "fus:user_email": principal.id,
            "fus:groups": principal.groups,
            "fus:roles": sorted({policy.id for policy in principal.policies if policy.kind == "role"}),
            "aws:currenttime": now.isoformat(),
            "aws:epochtime": str(int(now.timestamp())),
            **(more or {}),
        }
        return decide(_sources(principal), actions, resources, context)


def _sources(principal: Principal) -> list[Source]:
    return [Source(one.kind, one.id, policy.read(json.loads(one.text))) for one in principal.policies]


def _scope(sources: Sequence[Source]) -> list[str]:
    """The actions that are allowed somewhere, without those that `x:*` or `*` mean as well."""
    allowed = {
        action
        for source in sources
        for statement in source.statements
        if statement.effect == "Allow" and not statement.actions.negated
        for action in statement.actions.patterns
    }
    prefixes = {action[:-1].lower(): action for action in allowed if action == "*" or action.endswith(":*")}
    return sorted(action for action in allowed if not _is_within(action, prefixes))


def _is_within(action: str, prefixes: Mapping[str, str]) -> bool:
    return any(action != wide and action.lower().startswith(prefix) for prefix, wide in prefixes.items())


def _shown(decision: Decision) -> dict[str, Any]:
    return {
        "EvalActionName": decision.action,
        "EvalResourceName": decision.resource,
        "EvalDecision": decision.verdict,
        "MatchedStatements": [
            {"SourcePolicyId": source.id, "SourcePolicyType": source.type} for source in decision.sources
        ],
        "MissingContextValues": list(decision.missing),
    }
