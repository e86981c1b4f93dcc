"""The problems that the DSS answers with."""

from __future__ import annotations

from hca_local.problem import Problem

__all__ = [
    "bad_query",
    "checkout_failed",
    "conflict",
    "forbidden",
    "illegal",
    "not_found",
    "read_only",
    "unprocessable",
]


def illegal(title: str, code: str = "illegal_arguments") -> Problem:
    """Return the answer to a request that makes no sense (400)."""
    return Problem(400, code, title)


def bad_query(title: str) -> Problem:
    """Return the answer to a search that cannot be understood (400)."""
    return Problem(400, "elasticsearch_bad_request", title)


def forbidden(title: str) -> Problem:
    """Return the answer to a user who may not do this (403)."""
    return Problem(403, "Forbidden", title)


def not_found(kind: str, uuid: str, version: str | None = None) -> Problem:
    """Return the answer for a file or bundle that is not there (404)."""
    named = f"{kind} {uuid}" + (f" version {version[:100]}" if version is not None else "")
    return Problem(404, "not_found", f"There is no {named}.")


def conflict(code: str, title: str) -> Problem:
    """Return the answer to a change of what cannot be changed (409)."""
    return Problem(409, code, title)


def unprocessable(code: str, title: str) -> Problem:
    """Return the answer to a file whose checksums are missing or wrong (422)."""
    return Problem(422, code, title)


def checkout_failed(title: str) -> Problem:
    """Return the answer to a request whose copies could not be made (500)."""
    return Problem(500, "checkout_error", title)


def read_only() -> Problem:
    """Return the answer to changes while there must be none (503)."""
    return Problem(503, "read_only", "The service is in read-only mode.")
