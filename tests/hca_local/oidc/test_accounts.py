"""Accounts: making, finding, changing; several processes at a time."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hca_core.errors import HcaError
from hca_core.testing import Clock
from hca_local.oidc.store import Store
from hca_local.users import User

from .conftest import CHEAP, PASSWORD


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "oidc", now=Clock().now, cost=CHEAP)
    yield found
    found.close()


def test_an_account_is_found_by_address_and_by_id(store: Store) -> None:
    added = store.accounts.add("Ada@lab.example", PASSWORD, group="public", admin=True)
    assert added.user == User("Ada@lab.example", "public", admin=True)
    assert store.accounts.get("aDA@LAB.example") == added
    assert store.accounts.by_id(added.id) == added
    assert store.accounts.list() == [added]
    assert store.accounts.get("nobody@lab.example") is None
    assert store.accounts.by_id("local|0") is None


def test_one_address_is_one_account(store: Store) -> None:
    store.accounts.add("ada@lab.example", PASSWORD)
    with pytest.raises(HcaError, match="There is an account ADA@lab.example already"):
        store.accounts.add("ADA@lab.example", PASSWORD)


@pytest.mark.parametrize(
    "email",
    ["", "ada", "@lab.example", "ada@", "a da@lab.example", "ada@lab@example", "ada@lab..example", "a\n@b", "é@b",
     "ada+x@lab.example", "x" * 120 + "@lab.example", "ada@lab.example\n"],
)  # fmt: skip
def test_what_is_no_address(store: Store, email: str) -> None:
    with pytest.raises(HcaError, match="cannot be the e-mail address") as caught:
        store.accounts.add(email, PASSWORD)
    assert caught.value.hint
    assert store.accounts.list() == []


def test_a_service_account_is_no_persons_address(store: Store) -> None:
    with pytest.raises(HcaError, match="would be a service account"):
        store.accounts.add("robot@Local.iam.gserviceaccount.com", PASSWORD)


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1025])
def test_what_is_no_password(store: Store, password: str) -> None:
    with pytest.raises(HcaError, match="8 to 1024 characters"):
        store.accounts.add("ada@lab.example", password)
    store.accounts.add("bob@lab.example", PASSWORD)
    with pytest.raises(HcaError, match="8 to 1024 characters"):
        store.accounts.set_password("bob@lab.example", password)


@pytest.mark.parametrize("group", ["", "a b", "x" * 65, "é", "hca\n"])
def test_what_is_no_group(store: Store, group: str) -> None:
    with pytest.raises(HcaError, match="cannot be a group"):
        store.accounts.add("ada@lab.example", PASSWORD, group=group)


def test_authenticating(store: Store) -> None:
    added = store.accounts.add("ada@lab.example", PASSWORD)
    assert store.accounts.authenticate("ADA@lab.example", PASSWORD) == added
    assert store.accounts.authenticate("ada@lab.example", PASSWORD + " ") is None
    assert store.accounts.authenticate("nobody@lab.example", PASSWORD) is None
    store.accounts.set_password("ada@lab.example", "another password")
    assert store.accounts.authenticate("ada@lab.example", PASSWORD) is None
    assert store.accounts.authenticate("ada@lab.example", "another password") is not None
    store.accounts.set_disabled("ada@lab.example", True)
    assert store.accounts.authenticate("ada@lab.example", "another password") is None
    assert store.accounts.list()[0].disabled


def test_removing(store: Store) -> None:
    before = store.accounts.add("ada@lab.example", PASSWORD)
    store.accounts.remove("ADA@lab.example")
    assert store.accounts.list() == []
    assert store.accounts.add("ada@lab.example", PASSWORD).id != before.id


def test_admins(store: Store) -> None:
    store.accounts.add("ada@lab.example", PASSWORD)
    store.accounts.add("root@lab.example", PASSWORD, admin=True)
    assert store.accounts.admins() == ["root@lab.example"]


def test_who_is_not_there_cannot_be_changed(store: Store) -> None:
    for change in (
        lambda: store.accounts.set_password("nobody@lab.example", PASSWORD),
        lambda: store.accounts.set_disabled("nobody@lab.example", True),
        lambda: store.accounts.remove("nobody@lab.example"),
    ):
        with pytest.raises(HcaError, match="no account nobody@lab.example") as caught:
            change()
        assert caught.value.hint == "See `hca local user list`."


def test_halves_of_characters_are_nobodys(store: Store) -> None:
    assert store.accounts.get("\udcff@lab.example") is None
    with pytest.raises(HcaError, match="no account"):
        store.accounts.remove("\udcff@lab.example")


def test_the_file_holds_no_password(store: Store, tmp_path: Path) -> None:
    store.accounts.add("ada@lab.example", PASSWORD)
    files = [file for file in (tmp_path / "oidc").iterdir() if file.is_file()]
    assert not any(PASSWORD.encode() in file.read_bytes() for file in files)


_ADD = """
import sys
from pathlib import Path
from hca_local.oidc.passwords import Cost
from hca_local.oidc.store import Store
print("ready", flush=True)
sys.stdin.readline()
store = Store(Path(sys.argv[1]), cost=Cost(2, 1, 1))
for number in range(5):
    store.accounts.add(f"{sys.argv[2]}{number}@lab.example", "correct horse battery")
print(store.keys.current().kid)
store.close()
"""


def test_processes_add_accounts_to_a_new_folder_at_the_same_time(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _ADD, str(tmp_path / "oidc")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([*words, name], **pipes) for name in ("ada", "bob", "eve")]  # type: ignore[call-overload]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    kids = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    store = Store(tmp_path / "oidc", cost=CHEAP)
    assert len(store.accounts.list()) == 15
    assert kids == {store.keys.current().kid + "\n"}
    store.close()


def test_a_running_process_sees_what_another_one_changes(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "oidc", cost=CHEAP)
    other.accounts.add("ada@lab.example", PASSWORD)
    assert store.accounts.authenticate("ada@lab.example", PASSWORD)
    kid = other.keys.rotate()
    assert store.keys.current().kid == kid
    other.close()


def test_a_damaged_file_is_not_taken_for_a_password(tmp_path: Path, store: Store) -> None:
    store.accounts.add("ada@lab.example", PASSWORD)
    with sqlite3.connect(tmp_path / "oidc" / "provider.db") as db:
        db.execute("UPDATE accounts SET password = 'scrypt$2$1$1$AAAA$AAAA'")
    db.close()
    assert store.accounts.authenticate("ada@lab.example", PASSWORD) is None
