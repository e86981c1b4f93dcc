from __future__ import annotations

import hashlib
from typing import Any

import pytest

from hca_local.oidc import passwords
from hca_local.oidc.passwords import DEFAULT_COST, Cost, hash_password, verify_password

CHEAP = Cost(2, 1, 1)


def test_a_password_is_the_right_one_or_not() -> None:
    kept = hash_password("correct horse", CHEAP)
    assert "correct" not in kept
    assert verify_password("correct horse", kept, CHEAP)
    assert not verify_password("Correct horse", kept, CHEAP)
    assert not verify_password("", kept, CHEAP)
    assert not verify_password("correct horse", None, CHEAP)


def test_the_same_password_is_kept_differently() -> None:
    assert hash_password("correct horse", CHEAP) != hash_password("correct horse", CHEAP)


def test_what_was_kept_at_another_cost_is_still_right() -> None:
    assert verify_password("correct horse", hash_password("correct horse", Cost(4, 2, 2)), CHEAP)


def test_a_letter_may_be_composed_in_two_ways() -> None:
    assert verify_password("cafe\u0301 au lait", hash_password("caf\u00e9 au lait", CHEAP), CHEAP)


@pytest.mark.parametrize("kept", [None, hash_password("correct horse", DEFAULT_COST)])
def test_nobodys_password_is_as_much_work_as_somebodys(monkeypatch: pytest.MonkeyPatch, kept: str | None) -> None:
    work = []
    scrypt = hashlib.scrypt

    def counted(password: bytes, **options: Any) -> bytes:
        work.append({name: options[name] for name in "nrp"})
        return scrypt(password, **options)

    monkeypatch.setattr(passwords.hashlib, "scrypt", counted)
    assert not verify_password("wrong password", kept, DEFAULT_COST)
    assert work == [{"n": 2**14, "r": 8, "p": 5}]
