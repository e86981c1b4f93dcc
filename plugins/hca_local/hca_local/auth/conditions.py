"""Conditions of policy statements: what must be known about a request for a statement to apply."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hca_local.auth.patterns import Context, Patterns, check_variables, literal, tokens
from hca_local.dates import interval

__all__ = ["Condition", "holds", "read"]

_NAME = re.compile(r"(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")
_EPOCH = re.compile(r"[0-9]{5,12}")  # four digits are rather meant to be a year
_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}

Test = Callable[[str], bool]


@dataclass(frozen=True)
class Condition:
    """A demand on what is known under a key; any of `values` will do.

    Where much is known under the key, `ForAnyValue` and `ForAllValues` say how much of it has to be so.
    """

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: str | None = None
    if_exists: bool = False


@dataclass(frozen=True)
class _Operator:
    """`check` refuses values (ValueError) that `test` cannot turn into a test of what the context has."""

    check: Callable[[str], object]
    test: Callable[[Sequence[str], Context], Test]
    negated: bool = False


# ── reading ──


def read(document: Any) -> tuple[Condition, ...]:
    """Return the conditions in the `Condition` of a statement.

    Raises:
        ValueError: they cannot be understood; the message says which.
    """
    if not isinstance(document, Mapping):
        raise ValueError("`Condition` is an object of operators")
    return tuple(condition for name, demands in document.items() for condition in _read_operator(name, demands))


def _read_operator(name: str, demands: Any) -> Iterator[Condition]:
    found = _NAME.fullmatch(name)
    if found is None or found[2] not in _OPERATORS or (found[2] == "Null" and (found[1] or found[3])):
        known = ", ".join(sorted(_OPERATORS))
        raise ValueError(f"the condition operator {name[:100]!r} is not known; there are {known}")
    if not isinstance(demands, Mapping) or not demands:
        raise ValueError(f"the condition {name} is an object of keys and values")
    for key, values in demands.items():
        try:
            texts = _read_values(found[2], values)
        except ValueError as error:
            raise ValueError(f"the condition {name} of {key[:100]!r}: {error}") from None
        yield Condition(found[2], key, texts, found[1], found[3] is not None)


def _read_values(operator: str, given: Any) -> tuple[str, ...]:
    values = given if isinstance(given, list) else [given]
    if not values or not all(isinstance(value, str | int | float) for value in values):
        raise ValueError("it needs a text or a list of texts")
    texts = tuple(value if isinstance(value, str) else json.dumps(value) for value in values)
    for text in texts:
        _OPERATORS[operator].check(text)
    return texts


# ── testing ──


def holds(condition: Condition, context: Context) -> bool:
    """Return whether the context is as a condition demands; one that denies something holds for keys without value.

    Raises:
        UnknownKey: the context does not have the one value of a variable in it.
    """
    known = _OPERATORS[condition.operator]
    test = known.test(condition.values, context)
    found = context.get(condition.key.lower(), ())
    values = [found] if isinstance(found, str) else found
    if condition.operator == "Null":
        return test("false" if values else "true")
    if not values and (condition.if_exists or condition.quantifier):
        return condition.if_exists or condition.quantifier == "ForAllValues"
    results = (test(value) for value in values)
    if condition.quantifier == "ForAllValues":
        return all(result != known.negated for result in results)
    if condition.quantifier == "ForAnyValue":
        return any(result != known.negated for result in results)
    return any(results) != known.negated


# ── operators ──


def _equals(values: Sequence[str], context: Context) -> Test:
    return {literal(value, context) for value in values}.__contains__


def _equals_ignoring_case(values: Sequence[str], context: Context) -> Test:
    wanted = {literal(value, context).lower() for value in values}
    return lambda text: text.lower() in wanted


def _like(values: Sequence[str], context: Context) -> Test:
    return Patterns([tokens(value, context) for value in values]).match


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text[:100]!r} is neither true nor false")
    return text.lower() == "true"


def _number(text: str) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text[:100]!r} is no number")
    return number


def _moment(text: str) -> float:
    """Unix seconds."""
    if _EPOCH.fullmatch(text):
        return float(text)
    found = interval(text)
    if found is None:
        raise ValueError(f"{text[:100]!r} is no date such as 2024-05-01T12:00:00Z")
    return found[0].timestamp()


def _comparing(
    read: Callable[[str], float], compare: Callable[[float, float], bool]
) -> Callable[[Sequence[str], Context], Test]:
    def test(values: Sequence[str], _context: Context) -> Test:
        limits = [read(value) for value in values]

        def compared(text: str) -> bool:
            try:
                value = read(text)
            except ValueError:
                return False  # what is no number compares with none
            return any(compare(value, limit) for limit in limits)

        return compared

    return test


def _ordered(name: str, read: Callable[[str], float]) -> dict[str, _Operator]:
    found = {f"{name}{order}": _Operator(read, _comparing(read, compare)) for order, compare in _ORDERS.items()}
    return {**found, f"{name}NotEquals": _Operator(read, _comparing(read, operator.eq), negated=True)}


_OPERATORS: Mapping[str, _Operator] = {
    "StringEquals": _Operator(check_variables, _equals),
    "StringNotEquals": _Operator(check_variables, _equals, negated=True),
    "StringEqualsIgnoreCase": _Operator(check_variables, _equals_ignoring_case),
    "StringNotEqualsIgnoreCase": _Operator(check_variables, _equals_ignoring_case, negated=True),
    "StringLike": _Operator(check_variables, _like),
    "StringNotLike": _Operator(check_variables, _like, negated=True),
    "Bool": _Operator(_truth, _comparing(_truth, operator.eq)),
    "Null": _Operator(_truth, _comparing(_truth, operator.eq)),
    **_ordered("Numeric", _number),
    **_ordered("Date", _moment),
}
