"""Asks a served API what nobody thought of, and compares every answer with its description.

A service is checked by a test of a few lines: `API = described(...)`, a fixture that returns a `Served`, and a test
under `@API.parametrize()` and `@SETTINGS` that calls `check`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, settings, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)

from hca_core.openapi.document import bundled

__all__ = ["SETTINGS", "Record", "Served", "check", "described"]

SEED = 20240501
EXAMPLES = 8  # requests that fit, and as many that do not, beside those at the limits of the description
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CHECKS = [not_a_server_error, response_headers_conformance]
CONTENT_CHECKS = [content_type_conformance, response_schema_conformance]
KNOWN = 0.7  # share of requests about something that is there
SIGNED = 0.97  # share of requests that are somebody's
TIMEOUT = 20  # seconds

Record = Mapping[str, Any]  # what belongs together, by the names of fields and parameters


@dataclass
class Served:
    """A service to ask.

    Nearly all requests have `headers`, which make them somebody's. `known` are things that it has, by the first part
    of the paths where they are; `always` are values that each body has instead of those that were made up.
    """

    url: str
    headers: Mapping[str, str]
    known: Mapping[str, Sequence[Record]]
    always: Record = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)


def described(description: str | dict[str, Any]) -> Any:
    """Return the API of a description (or of the one that a distribution ships there), to make a test per operation."""
    limits = {"max-examples": EXAMPLES, "deterministic": True, "database": "none"}
    config = SchemathesisConfig.from_dict({"seed": SEED, "generation": limits})
    document = bundled(description) if isinstance(description, str) else description
    return schemathesis.openapi.from_dict(document, config=config)


def check(case: Any, served: Served) -> None:
    """Send a request, often about something that is there, and check the answer."""
    chance = random.Random(case.as_curl_command())
    everything = [record for records in served.known.values() for record in records] or [{}]
    if chance.random() < KNOWN:
        record = chance.choice(served.known.get(case.operation.path.split("/")[1], everything))
        case.path_parameters, case.query = _plant(case.path_parameters, record), _plant(case.query, record)
    if chance.random() < KNOWN:
        case.body = _plant(case.body, chance.choice(everything))
    case.body = _plant(case.body, served.always)
    response = case.call(
        base_url=served.url,
        session=served.session,
        headers=dict(served.headers) if chance.random() < SIGNED else {},
        allow_redirects=False,
        timeout=TIMEOUT,
    )
    case.validate_response(response, checks=[*CHECKS, *(CONTENT_CHECKS if response.content else ())])
    _check_status(case, response)


def _plant(value: Any, record: Record) -> Any:
    """The value with what `record` knows in place of what was made up."""
    if isinstance(value, dict):
        return {
            name: record[name] if name in record and _alike(one, record[name]) else _plant(one, record)
            for name, one in value.items()
        }
    return [_plant(one, record) for one in value] if isinstance(value, list) else value


def _alike(made_up: Any, known: Any) -> bool:
    kinds = type(known) if isinstance(known, dict | list) else str | int
    return isinstance(made_up, kinds)


def _check_status(case: Any, response: Any) -> None:
    """Every status has its own line in the description; `default` is for what nobody foresaw."""
    if response.status_code == 405:  # a description cannot speak of methods that it does not have
        assert response.headers["allow"]
        return
    described = case.operation.definition.raw["responses"]
    status = str(response.status_code)
    assert status in described or f"{status[0]}XX" in described, (
        f"{case.operation.label} answers {response.status_code}, which is not described: {response.text[:300]}"
    )


@strategies.composite
def _versions(draw: Any) -> str:
    limits = ((1, 9999), (1, 12), (1, 28), (0, 23), (0, 59), (0, 59), (0, 999_999))
    year, month, day, hour, minute, second, fraction = (draw(strategies.integers(*one)) for one in limits)
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}{minute:02d}{second:02d}.{fraction:06d}Z"


schemathesis.openapi.format("DSS_VERSION", _versions())
