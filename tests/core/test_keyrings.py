"""Logins whose secrets are in a keyring: a fake one, behind the real library."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from hca_core.credentials.store import Login, TokenStore
from hca_core.errors import ConfigError

HOST = "dss.example.org"
LOGIN = Login("acc3ss", 5.0, "r3fr3sh", "https://auth.example.org/token", "client", "s3cr3t", subject="ada")


class FakeKeyring(KeyringBackend):
    """Keeps passwords in `kept`; a locked one refuses everything."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def _open(self) -> dict[tuple[str, str], str]:
        if self.locked:
            raise KeyringLocked("acc3ss r3fr3sh")
        return self.kept

    def get_password(self, service: str, username: str) -> str | None:
        return self._open().get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self._open().pop((service, username), None) is None:
            raise PasswordDeleteError("there is none")


@pytest.fixture
def fake() -> Iterator[FakeKeyring]:
    before, found = keyring.get_keyring(), FakeKeyring()
    keyring.set_keyring(found)
    yield found
    keyring.set_keyring(before)


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "credentials.json", keyring=True)


def test_secrets_are_in_the_keyring_and_the_rest_in_the_file(fake: FakeKeyring, store: TokenStore) -> None:
    store.put(HOST, LOGIN)
    assert store.get(HOST) == LOGIN
    assert list(fake.kept) == [("hca", HOST)]
    text = store.path.read_text()
    assert '"subject": "ada"' in text
    assert not any(secret in text for secret in ("acc3ss", "r3fr3sh", "s3cr3t"))


def test_the_setting_decides_where_new_logins_go(fake: FakeKeyring, tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    for settings, kept in [({"login": {"keyring": True}}, 1), ({"login": {"keyring": False}}, 0), ({}, 0)]:
        TokenStore.of_user(environ, settings).put(HOST, LOGIN)
        assert len(fake.kept) == kept
        assert TokenStore.of_user(environ).get(HOST) == LOGIN


def test_a_login_changes_and_ends_in_the_keyring(fake: FakeKeyring, store: TokenStore) -> None:
    store.put(HOST, LOGIN)
    store.update(HOST, lambda login: Login("acc3ss-2", 6.0))
    assert store.get(HOST) == Login("acc3ss-2", 6.0)
    assert store.remove(HOST) == Login("acc3ss-2", 6.0)
    assert fake.kept == {}
    assert store.get(HOST) is None


def test_logins_of_before_are_read_where_they_are(fake: FakeKeyring, store: TokenStore) -> None:
    TokenStore(store.path).put(HOST, LOGIN)
    assert store.get(HOST) == LOGIN
    assert fake.kept == {}


@pytest.mark.parametrize("left", [None, '{"refresh_token": "r"}', '{"access_token": 5}'])
def test_what_somebody_removed_from_the_keyring_is_no_login(
    fake: FakeKeyring, store: TokenStore, left: str | None
) -> None:
    store.put(HOST, LOGIN)
    fake.kept.clear()
    if left:
        fake.kept["hca", HOST] = left
    assert store.get(HOST) is None
    assert store.remove(HOST) is None
    assert store.path.read_text().count(HOST) == 0


@pytest.mark.parametrize("text", ["nonsense", "[1]"])
def test_what_is_not_ours(fake: FakeKeyring, store: TokenStore, text: str) -> None:
    store.put(HOST, LOGIN)
    fake.kept["hca", HOST] = text
    with pytest.raises(ConfigError, match="is not what hca wrote"):
        store.get(HOST)


def test_a_keyring_that_cannot_be_used(fake: FakeKeyring, store: TokenStore) -> None:
    fake.locked = True
    with pytest.raises(ConfigError) as caught:
        store.put(HOST, LOGIN)
    assert caught.value.message == "Logins cannot be kept in the keyring: the system's keyring said KeyringLocked."
    assert caught.value.key == "login.keyring"
    assert caught.value.__suppress_context__
    assert not store.path.exists()


def test_no_keyring_library(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError) as caught:
        store.put(HOST, LOGIN)
    assert caught.value.hint == "Run: pip install 'hca-core[keyring]'"


def test_a_file_without_such_logins_needs_no_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    store: Any = TokenStore(tmp_path / "credentials.json")
    store.put(HOST, LOGIN)
    assert store.get(HOST) == LOGIN
