"""The problems that the auth service answers with."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from hca_local.problem import Problem

__all__ = ["conflict", "document", "forbidden", "illegal", "not_found"]

NAMED = 10  # how many missing things an answer names


def illegal(detail: str) -> Problem:
    """Return the answer to a request that makes no sense (400)."""
    return Problem(400, "illegal_arguments", detail)


def forbidden(detail: str) -> Problem:
    """Return the answer to a user who may not do this (403)."""
    return Problem(403, "Forbidden", detail)


def not_found(kind: str, names: Iterable[str]) -> Problem:
    """Return the answer to a request for users, groups or roles that do not exist (404)."""
    missing = list(names)
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return Problem(404, "not_found", f"There is no {kind} {', '.join(missing[:NAMED])}{more}.")


def conflict(detail: str) -> Problem:
    """Return the answer to a name that is taken, or a limit that would be exceeded (409)."""
    return Problem(409, "conflict", detail)


def document(problem: Problem) -> dict[str, Any]:
    """Return a problem as RFC 9457 has it: the title goes with the status, the sentence is the detail."""
    title = HTTPStatus(problem.status).phrase
    return {"type": "about:blank", "title": title, "status": problem.status, "detail": problem.detail or problem.title}
