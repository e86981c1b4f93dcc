"""How users, groups and roles belong together: tables of links, and what may be done to them in a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hca_local.auth.errors import conflict, not_found

__all__ = [
    "GROUP_ROLES",
    "GROUP_USERS",
    "MOST_GROUPS",
    "USER_GROUPS",
    "USER_ROLES",
    "Kind",
    "Link",
    "connect",
    "disconnect",
    "exists",
    "linked",
    "need",
]

MOST_GROUPS = 9  # of one user

Kind = Literal["user", "group", "role"]


@dataclass(frozen=True)
class Link:
    """A table of links, seen `of` one kind `to` another."""

    table: str
    of: Kind
    to: Kind


USER_GROUPS = Link("user_groups", "user", "group")
USER_ROLES = Link("user_roles", "user", "role")
GROUP_USERS = Link("user_groups", "group", "user")
GROUP_ROLES = Link("group_roles", "group", "role")


def exists(db: sqlite3.Connection, kind: Kind, id: str) -> bool:
    """Tell whether there is a user, group or role of this name."""
    return db.execute(f"SELECT 1 FROM {kind}s WHERE id = ?", (id,)).fetchone() is not None  # noqa: S608 - our own text


def need(db: sqlite3.Connection, kind: Kind, ids: Iterable[str]) -> None:
    """Refuse names of which some are nobody's; the problem names these."""
    missing = [id for id in ids if not exists(db, kind, id)]
    if missing:
        raise not_found(kind, missing)


def linked(db: sqlite3.Connection, link: Link, id: str) -> list[str]:
    """Return the names of all that `id` is linked to, in order."""
    to = f"{link.to}_id"
    query = f"SELECT {to} FROM {link.table} WHERE {link.of}_id = ? ORDER BY {to}"  # noqa: S608 - our own text
    return [name for (name,) in db.execute(query, (id,))]


def connect(db: sqlite3.Connection, link: Link, id: str, names: Iterable[str]) -> None:
    """Link `id` to `names`, where it is not yet."""
    wanted = list(dict.fromkeys(names))
    need(db, link.to, wanted)
    query = f"INSERT OR IGNORE INTO {link.table} ({link.of}_id, {link.to}_id) VALUES (?, ?)"  # noqa: S608
    db.executemany(query, [(id, name) for name in wanted])
    if link.table == USER_GROUPS.table:
        _check_number(db, [id] if link.of == "user" else wanted)


def disconnect(db: sqlite3.Connection, link: Link, id: str, names: Iterable[str]) -> None:
    """End the links of `id` to `names`."""
    query = f"DELETE FROM {link.table} WHERE {link.of}_id = ? AND {link.to}_id = ?"  # noqa: S608 - our own text
    db.executemany(query, [(id, name) for name in names])


def _check_number(db: sqlite3.Connection, users: Iterable[str]) -> None:
    for user in users:
        (number,) = db.execute("SELECT count(*) FROM user_groups WHERE user_id = ?", (user,)).fetchone()
        if number > MOST_GROUPS:
            raise conflict(f"{user} would be in {number} groups; {MOST_GROUPS} is the most.")
