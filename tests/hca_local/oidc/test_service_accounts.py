from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from hca_core.errors import HcaError
from hca_local.oidc.store import Store

from .conftest import CHEAP


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "oidc", cost=CHEAP)
    yield found
    found.close()


def test_a_key_file_is_like_googles(store: Store) -> None:
    content = store.service_accounts.create("robot-1", token_uri="http://127.0.0.1:1/oauth/token")
    assert content["type"] == "service_account"
    assert content["client_email"] == "robot-1@local.iam.gserviceaccount.com"
    assert content["token_uri"] == "http://127.0.0.1:1/oauth/token"
    assert content["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    (kept,) = store.service_accounts.list()
    assert kept.kid == content["private_key_id"]
    assert kept.key().as_dict() == RSAKey.import_key(content["private_key"]).as_dict(private=False)


def test_googles_own_library_takes_the_key_file(store: Store) -> None:
    google = pytest.importorskip("google.oauth2.service_account")
    content = store.service_accounts.create("robot", token_uri="http://127.0.0.1:1/oauth/token")
    credentials = google.Credentials.from_service_account_info(content)
    assert credentials.service_account_email == content["client_email"]


def test_the_private_key_is_not_kept(store: Store, tmp_path: Path) -> None:
    store.keys.current()
    body = store.service_accounts.create("robot", token_uri="x")["private_key"].splitlines()[5].encode()
    assert not any(body in file.read_bytes() for file in (tmp_path / "oidc").iterdir())


def test_one_name_is_one_account(store: Store) -> None:
    store.service_accounts.create("robot", token_uri="x")
    with pytest.raises(HcaError, match="robot already"):
        store.service_accounts.create("robot", token_uri="x")


@pytest.mark.parametrize("name", ["", "Robot", "1robot", "robot-", "a@b", "x" * 31, "robot\n", "rö"])
def test_what_is_no_name(store: Store, name: str) -> None:
    with pytest.raises(HcaError, match="cannot be the name"):
        store.service_accounts.create(name, token_uri="x")


@pytest.mark.parametrize("name", ["robot", "robot@local.iam.gserviceaccount.com"])
def test_removing(store: Store, name: str) -> None:
    store.service_accounts.create("robot", token_uri="x")
    store.service_accounts.remove(name)
    assert store.service_accounts.list() == []
    with pytest.raises(HcaError, match="no service account"):
        store.service_accounts.remove(name)
