"""Users, groups and roles, in one SQLite file; whatever was written is on the disk when a method returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hca_core.paths import private_dir
from hca_local.auth.errors import conflict, not_found
from hca_local.auth.links import (
    GROUP_ROLES,
    USER_GROUPS,
    USER_ROLES,
    Kind,
    Link,
    connect,
    disconnect,
    exists,
    linked,
    need,
)
from hca_local.database import Database

__all__ = ["DEFAULT_GROUP", "Policy", "Principal", "Record", "Records", "Status"]

DEFAULT_GROUP = "user_default"  # new users join it, if it is there

_MIGRATIONS = (
    """
    CREATE TABLE users (
        id TEXT PRIMARY KEY, policy TEXT, owner TEXT REFERENCES users (id), status TEXT NOT NULL DEFAULT 'enabled'
    ) WITHOUT ROWID;
    CREATE TABLE groups (id TEXT PRIMARY KEY, policy TEXT, owner TEXT REFERENCES users (id)) WITHOUT ROWID;
    CREATE TABLE roles (id TEXT PRIMARY KEY, policy TEXT, owner TEXT REFERENCES users (id)) WITHOUT ROWID;
    CREATE INDEX group_owners ON groups (owner, id);
    CREATE INDEX role_owners ON roles (owner, id);
    CREATE TABLE user_groups (
        user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
        PRIMARY KEY (user_id, group_id)
    ) WITHOUT ROWID;
    CREATE TABLE user_roles (
        user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
        PRIMARY KEY (user_id, role_id)
    ) WITHOUT ROWID;
    CREATE TABLE group_roles (
        group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
        role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
        PRIMARY KEY (group_id, role_id)
    ) WITHOUT ROWID;
    CREATE INDEX group_users ON user_groups (group_id, user_id);
    CREATE INDEX role_users ON user_roles (role_id, user_id);
    CREATE INDEX role_groups ON group_roles (role_id, group_id);
    """,
)

Status = Literal["enabled", "disabled"]


@dataclass(frozen=True)
class Record:
    """A user, a group or a role; `policy` is JSON, `status` only users have."""

    id: str
    policy: str | None
    status: Status | None = None


@dataclass(frozen=True)
class Policy:
    """A policy as JSON, and whose it is."""

    kind: Kind
    id: str
    text: str


@dataclass(frozen=True)
class Principal:
    """Somebody who wants to do something, with all policies that count: also those of the groups and their roles.

    `known` means that there is such a user. Others are treated like users without any history.
    """

    id: str
    known: bool
    enabled: bool
    groups: Sequence[str]
    roles: Sequence[str]
    policies: Sequence[Policy]


class Records:
    """What the service knows, kept in `root`; for any number of threads.

    Each method does all that it says, or raises a Problem and does nothing.
    """

    def __init__(self, root: Path) -> None:
        self._database = Database(private_dir(root) / "auth.sqlite", _MIGRATIONS)

    def close(self) -> None:
        """Close the file; nothing may be asked afterwards."""
        self._database.close()

    def is_new(self) -> bool:
        """Tell whether there has never been a user."""
        with self._database.read() as db:
            return db.execute("SELECT 1 FROM users LIMIT 1").fetchone() is None

    # ── single ones ──

    def create(
        self,
        kind: Kind,
        id: str,
        *,
        policy: str | None = None,
        owner: str | None = None,
        links: Mapping[Link, Iterable[str]] | None = None,
    ) -> None:
        """Add a user, a group or a role, with its links; a user joins the default group as well."""
        with self._database.write() as db:
            if not _insert(db, kind, id, policy, owner):
                raise conflict(f"There is a {kind} {id} already.")
            for link, names in (links or {}).items():
                connect(db, link, id, names)

    def ensure(
        self, kind: Kind, id: str, *, policy: str | None = None, links: Mapping[Link, Iterable[str]] | None = None
    ) -> None:
        """Add a user, a group or a role if it is not there, and links if it has them not."""
        with self._database.write() as db:
            _insert(db, kind, id, policy, None)
            for link, names in (links or {}).items():
                connect(db, link, id, names)

    def get(self, kind: Kind, id: str) -> Record:
        """Return a user, a group or a role."""
        columns = "id, policy, status" if kind == "user" else "id, policy"
        with self._database.read() as db:
            need(db, kind, [id])
            return Record(*db.execute(f"SELECT {columns} FROM {kind}s WHERE id = ?", (id,)).fetchone())  # noqa: S608

    def set_policy(self, kind: Kind, id: str, policy: str) -> None:
        """Replace the policy of a user, a group or a role."""
        self._change(kind, id, f"UPDATE {kind}s SET policy = ? WHERE id = ?", policy, id)  # noqa: S608 - our own text

    def set_status(self, id: str, status: Status) -> None:
        """Enable or disable a user."""
        self._change("user", id, "UPDATE users SET status = ? WHERE id = ?", status, id)

    def enable(self, id: str) -> None:
        """Let a user in again who was disabled; others are left as they are."""
        with self._database.write() as db:
            db.execute("UPDATE users SET status = 'enabled' WHERE id = ?", (id,))

    def is_enabled(self, id: str) -> bool:
        """Tell whether somebody, who need not be a user, is not disabled."""
        with self._database.read() as db:
            query = "SELECT 1 FROM users WHERE id = ? AND status = 'disabled'"
            return db.execute(query, (id,)).fetchone() is None

    def delete(self, kind: Literal["group", "role"], id: str) -> None:
        """Remove a group or a role, and all its links."""
        self._change(kind, id, f"DELETE FROM {kind}s WHERE id = ?", id)  # noqa: S608 - our own text

    def _change(self, kind: Kind, id: str, query: str, *values: str) -> None:
        with self._database.write() as db:
            if not db.execute(query, values).rowcount:
                raise not_found(kind, [id])

    # ── links ──

    def connect(self, link: Link, id: str, names: Sequence[str]) -> bool:
        """Link `id` to `names`, unless it is to any of them already; return whether that was done."""
        return self._relink(link, id, names, there=False)

    def disconnect(self, link: Link, id: str, names: Sequence[str]) -> bool:
        """End the links of `id` to `names`, if it is linked to all of them; return whether that was done."""
        return self._relink(link, id, names, there=True)

    def _relink(self, link: Link, id: str, names: Sequence[str], *, there: bool) -> bool:
        """Make or end links, of which all must be there or none."""
        with self._database.write() as db:
            need(db, link.of, [id])
            need(db, link.to, names)
            before = set(linked(db, link, id))
            if any((name in before) != there for name in names):
                return False
            (disconnect if there else connect)(db, link, id, names)
        return True

    # ── lists: at most `limit` names, in order, those after `after` ──

    def names(self, kind: Kind, after: str, limit: int) -> list[str]:
        """Return the names of users, groups or roles."""
        query = f"SELECT id FROM {kind}s WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 - our own text
        with self._database.read() as db:
            return [name for (name,) in db.execute(query, (after, limit))]

    def linked(self, link: Link, id: str, after: str, limit: int) -> list[str]:
        """Return the names of what `id` is linked to."""
        with self._database.read() as db:
            need(db, link.of, [id])
            return [name for name in linked(db, link, id) if name > after][:limit]

    def owned(self, user: str, kind: Literal["group", "role"], after: str, limit: int) -> list[str]:
        """Return the names of the groups or roles that a user has made."""
        query = f"SELECT id FROM {kind}s WHERE owner = ? AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 - our own text
        with self._database.read() as db:
            need(db, "user", [user])
            return [name for (name,) in db.execute(query, (user, after, limit))]

    # ── who counts as what ──

    def principal(self, id: str) -> Principal:
        """Return what is known about somebody, who need not be a user."""
        with self._database.read() as db:
            row = db.execute("SELECT policy, status FROM users WHERE id = ?", (id,)).fetchone()
            policy, status = row or (None, "enabled")
            groups = linked(db, USER_GROUPS, id) if row else _default_groups(db)
            roles = linked(db, USER_ROLES, id)
            inherited = {role for group in groups for role in linked(db, GROUP_ROLES, group)}
            found = [Policy("user", id, policy)] if policy else []
            found += _policies(db, "group", groups)
            found += _policies(db, "role", sorted(inherited.union(roles)))
        return Principal(id, row is not None, status == "enabled", groups, roles, found)


def _insert(db: sqlite3.Connection, kind: Kind, id: str, policy: str | None, owner: str | None) -> bool:
    if exists(db, kind, id):
        return False
    db.execute(f"INSERT INTO {kind}s (id, policy, owner) VALUES (?, ?, ?)", (id, policy, owner))  # noqa: S608
    if kind == "user":
        connect(db, USER_GROUPS, id, _default_groups(db))
    return True


def _default_groups(db: sqlite3.Connection) -> list[str]:
    return [DEFAULT_GROUP] if exists(db, "group", DEFAULT_GROUP) else []


def _policies(db: sqlite3.Connection, kind: Kind, names: Iterable[str]) -> list[Policy]:
    query = f"SELECT policy FROM {kind}s WHERE id = ?"  # noqa: S608 - our own text
    found = [(name, db.execute(query, (name,)).fetchone()[0]) for name in names]
    return [Policy(kind, name, text) for name, text in found if text is not None]
