"""Reads policy documents: what they may say, how large they are, how they are stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hca_local.auth import conditions
from hca_local.auth.conditions import Condition
from hca_local.auth.patterns import check_variables

__all__ = ["MAX_SIZE", "Names", "PolicyError", "Statement", "read", "stored"]

MAX_SIZE = 10 * 1024  # characters of the document as it is stored
VERSION = "2012-10-17"

_ACTION = re.compile(r"\*|[^\s:]+:[^\s:]+")

Effect = Literal["Allow", "Deny"]


class PolicyError(ValueError):
    """A document is no policy; the message says why."""


@dataclass(frozen=True)
class Names:
    """Patterns of actions or resources; meant is what has any of them, or if `negated`, none."""

    patterns: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True)
class Statement:
    """One rule: which actions on which resources are allowed or denied, under which conditions."""

    effect: Effect
    actions: Names
    resources: Names
    conditions: tuple[Condition, ...] = ()


def stored(document: Any) -> str:
    """Return the text in which a policy is stored: JSON, always with the version of the language that we speak.

    Raises:
        PolicyError: it is no policy, or too large.
    """
    read(document)  # first, for a document that is no policy may be too deep to be written
    given = {key: value for key, value in document.items() if key != "Version"}
    text = json.dumps({"Version": VERSION, **given})
    if len(text) > MAX_SIZE:
        raise PolicyError(f"it has {len(text)} characters, more than {MAX_SIZE}")
    return text


def read(document: Any) -> tuple[Statement, ...]:
    """Return the statements of a policy.

    Raises:
        PolicyError: it is none.
    """
    if not isinstance(document, Mapping):
        raise PolicyError("it is no object")
    _only(document, ("Version", "Id", "Statement"), "a policy")
    if not isinstance(document.get("Id", ""), str):
        raise PolicyError("its `Id` is no text")
    if "Statement" not in document:
        raise PolicyError("it has no `Statement`")
    given = document["Statement"]
    statements = given if isinstance(given, list) else [given]
    if not statements:
        raise PolicyError("its `Statement` is empty")
    return tuple(_read_numbered(number, statement) for number, statement in enumerate(statements, start=1))


def _read_numbered(number: int, given: Any) -> Statement:
    try:
        return _read_statement(given)
    except ValueError as error:
        raise PolicyError(f"statement {number}: {error}") from None


def _read_statement(given: Any) -> Statement:
    if not isinstance(given, Mapping):
        raise PolicyError("it is no object")
    known = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
    _only(given, known, "a statement")
    if not isinstance(given.get("Sid", ""), str):
        raise PolicyError("`Sid` is no text")
    if given.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("`Effect` is neither Allow nor Deny")
    return Statement(
        given["Effect"],
        _read_names(given, "Action", _check_action),
        _read_names(given, "Resource", _check_resource),
        conditions.read(given.get("Condition", {})),
    )


def _read_names(given: Mapping[str, Any], key: str, check: Callable[[str], None]) -> Names:
    found = [name for name in (key, f"Not{key}") if name in given]
    if len(found) != 1:
        raise PolicyError(f"it needs either `{key}` or `Not{key}`")
    names = given[found[0]]
    patterns = names if isinstance(names, list) else [names]
    if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
        raise PolicyError(f"`{found[0]}` is neither a text nor a list of texts")
    for pattern in patterns:
        check(pattern)
    return Names(tuple(patterns), negated=found[0] != key)


def _check_action(pattern: str) -> None:
    if not _ACTION.fullmatch(pattern):
        raise PolicyError(f"{pattern[:100]!r} is no action such as dss:GetBundle, dss:* or *")


def _check_resource(pattern: str) -> None:
    if not pattern:
        raise PolicyError("a resource is empty")
    check_variables(pattern)


def _only(given: Iterable[str], known: tuple[str, ...], what: str) -> None:
    unknown = next((key for key in given if key not in known), None)
    if unknown is not None:
        raise PolicyError(f"{what} has no key {unknown[:100]!r}, only {', '.join(known)}")
