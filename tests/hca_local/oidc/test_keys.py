"""Signing keys: one at a time, and the former ones for as long as a token may last."""

from __future__ import annotations

import pytest

from hca_local.oidc.keys import LONGEST
from hca_local.problem import Problem

from .conftest import Service


def kids(service: Service) -> list[str]:
    return [key["kid"] for key in service.get("/.well-known/jwks.json").json()["keys"]]


def test_only_public_halves_are_shown(service: Service) -> None:
    service.provider.rotate_keys()
    found = service.get("/.well-known/jwks.json")
    assert found.headers["Access-Control-Allow-Origin"] == "*"
    assert len(found.json()["keys"]) == 2
    for key in found.json()["keys"]:
        assert key.keys() == {"kty", "n", "e", "kid", "use", "alg"}
        assert (key["use"], key["alg"]) == ("sig", "RS256")


def test_a_former_key_is_good_until_its_tokens_have_expired(service: Service) -> None:
    (first,) = kids(service)
    token = service.provider.mint("ada@lab.example", LONGEST)
    second = service.provider.rotate_keys()
    assert kids(service) == [second, first]
    service.clock.advance(LONGEST - 1)
    assert service.provider.from_token(token) is not None
    service.clock.advance(1)
    assert kids(service) == [second]
    with pytest.raises(Problem, match="unknown key"):
        service.provider.from_token(token)


def test_keys_survive_a_restart(service: Service) -> None:
    token = service.provider.mint("ada@lab.example")
    service.provider.rotate_keys()
    before = kids(service)
    service.restart()
    assert kids(service) == before
    assert service.provider.from_token(token) is not None


def test_rotating_forgets_keys_that_nobody_needs(service: Service) -> None:
    (first,) = kids(service)
    service.provider.rotate_keys()
    service.clock.advance(LONGEST)
    service.provider.rotate_keys()
    service.clock.advance(-LONGEST)
    assert first not in kids(service)
