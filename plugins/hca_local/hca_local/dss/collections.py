"""The operations on collections: named sets of links that belong to one user."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from hca_core.paths import private_dir
from hca_local.arguments import parse_json
from hca_local.database import Database
from hca_local.dss.document import MAX_METADATA
from hca_local.dss.errors import conflict, forbidden, not_found, unprocessable
from hca_local.dss.model import File
from hca_local.dss.pointers import resolve
from hca_local.dss.records import Records
from hca_local.problem import Problem
from hca_local.router import Answer, Call, Handler, page

__all__ = ["Collections"]

# A deleted collection keeps its versions, since other collections may link to them, but nobody sees it any more.
_MIGRATIONS = (
    """
    CREATE TABLE collections (
        uuid TEXT PRIMARY KEY, owner TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX owners ON collections (owner, uuid);
    CREATE TABLE versions (
        uuid TEXT NOT NULL REFERENCES collections (uuid), version TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (uuid, version)
    );
    """,
)
_WHOLE = ("file", "bundle", "collection")  # types of links; all others are to parts of JSON files
_CHANGEABLE = ("name", "description", "details")

Document = dict[str, Any]
Link = Mapping[str, Any]
Key = tuple[str, str]  # uuid, version


class Collections:
    """Handlers of `/collections`, which keep what they know in `root`; `new_version` tells the service's own time."""

    def __init__(
        self,
        root: Path,
        records: Records,
        open_file: Callable[[File], BinaryIO],
        *,
        new_version: Callable[[], str],
    ) -> None:
        self._database = Database(private_dir(root) / "collections.sqlite", _MIGRATIONS)
        self._records = records
        self._open_file = open_file
        self._new_version = new_version

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {
            "put_collection": self.put,
            "get_collection": self.get,
            "patch_collection": self.patch,
            "delete_collection": self.delete,
            "get_collections": self.list,
        }

    def close(self) -> None:
        """Close the file; no request may follow."""
        self._database.close()

    # ── writing ──

    def put(self, call: Call) -> Answer:
        """Write a collection, or another version of one."""
        key, owner = (call.arguments["uuid"].lower(), call.arguments["version"]), _email(call)
        document = {name: call.body[name] for name in _CHANGEABLE}
        document |= {"contents": _distinct(call.body["contents"]), "owner": owner}
        with self._database.read() as db:
            known = _is_known(db, key, document)
        if not known:
            self._check_links(document["contents"], call.arguments["replica"])
            with self._database.write() as db:
                known = _is_known(db, key, document)
                if not known:
                    db.execute("INSERT OR IGNORE INTO collections (uuid, owner) VALUES (?, ?)", (key[0], owner))
                    _insert(db, key, document)
        return Answer(200 if known else 201, _name(key))

    def patch(self, call: Call) -> Answer:
        """Write a new version of a collection, with links removed and then others added."""
        uuid, body = call.arguments["uuid"], call.body
        with self._database.read() as db:
            document = _need(db, uuid, call.arguments["version"], _email(call))
        document |= {name: body[name] for name in _CHANGEABLE if name in body}
        removed = {_canonical(_normal(link)) for link in body.get("remove_contents", ())}
        kept = [link for link in document["contents"] if _canonical(link) not in removed]
        added = _distinct(body.get("add_contents", ()))
        self._check_links(added, call.arguments["replica"])
        document["contents"] = _distinct([*kept, *added])
        with self._database.write() as db:
            _need_own(db, uuid, _email(call))
            key = uuid, self._unused_version(db, uuid)
            _insert(db, key, document)
        return Answer(200, _name(key))

    def _unused_version(self, db: sqlite3.Connection, uuid: str) -> str:
        while True:
            version = self._new_version()
            if _find(db, (uuid, version)) is None:
                return version

    def delete(self, call: Call) -> Answer:
        """Hide all versions of a collection for good."""
        uuid = call.arguments["uuid"]
        with self._database.write() as db:
            _need_own(db, uuid, _email(call))
            db.execute("UPDATE collections SET deleted = 1 WHERE uuid = ?", (uuid,))
        return Answer(200, {})

    # ── reading ──

    def get(self, call: Call) -> Answer:
        """Show a collection."""
        with self._database.read() as db:
            return Answer(200, _need(db, call.arguments["uuid"], call.arguments["version"], _email(call)))

    def list(self, call: Call) -> Answer:
        """List all versions of the user's collections, ordered by uuid and version."""
        start, limit = call.arguments["start_at"] or 0, call.arguments["per_page"]
        with self._database.read() as db:
            found = db.execute(
                "SELECT uuid, version FROM collections JOIN versions USING (uuid) WHERE owner = ? AND NOT deleted"
                " ORDER BY uuid, version LIMIT ? OFFSET ?",
                (_email(call), limit + 1, start),
            ).fetchall()
        following = {"start_at": start + limit} if len(found) > limit else None
        return page(call, {"collections": [_name(key) for key in found[:limit]]}, "collections", following)

    # ── links ──

    def _check_links(self, links: Sequence[Link], replica: str) -> None:
        """Refuse links of which one leads nowhere in a replica."""
        keys = {_key(link) for link in links if link["type"] not in ("bundle", "collection")}
        files = self._records.files(keys, replica=replica)
        for link in links:
            if not self._leads_somewhere(link, files, replica):
                raise _invalid(link, "does not exist")
        self._check_fragments([link for link in links if link["type"] not in _WHOLE], files)

    def _leads_somewhere(self, link: Link, files: Mapping[Key, File], replica: str) -> bool:
        if link["type"] == "bundle":
            return self._records.bundle(*_key(link), limit=0, replica=replica) is not None
        if link["type"] == "collection":
            with self._database.read() as db:
                return _find(db, _key(link)) is not None
        return _key(link) in files

    def _check_fragments(self, links: Iterable[Link], files: Mapping[Key, File]) -> None:
        by_file: dict[Key, list[tuple[Link, str]]] = {}
        for link in links:
            by_file.setdefault(_key(link), []).append((link, _pointer(link)))
        for key, pointers in by_file.items():
            try:
                content = self._content(files[key])
            except ValueError as error:
                raise _invalid(pointers[0][0], f"has no parts, for {error}") from None
            for link, pointer in pointers:
                _check_pointer(link, pointer, content)

    def _content(self, file: File) -> Any:
        if file.size > MAX_METADATA:
            raise ValueError(f"it has more than {MAX_METADATA} bytes")
        with self._open_file(file) as stream:
            try:
                return parse_json(stream.read())
            except ValueError as error:
                raise ValueError(f"it is not valid JSON: {error}") from None


def _pointer(link: Link) -> str:
    given = {link[name] for name in ("path", "fragment") if name in link}
    if len(given) != 1:
        problem = "needs a JSON pointer in `path`" if not given else "has a `path` and another `fragment`"
        raise _invalid(link, problem)
    return str(given.pop())


def _check_pointer(link: Link, pointer: str, content: Any) -> None:
    try:
        resolve(content, pointer)
    except ValueError as error:
        raise _invalid(link, f"has nothing at {pointer[:100]!r}: {error}") from None


def _invalid(link: Link, problem: str) -> Problem:
    uuid, version = _key(link)
    return unprocessable("invalid_link", f"The {link['type'][:100]} {uuid} version {version} {problem}.")


def _key(link: Link) -> Key:
    return link["uuid"], link["version"]


def _normal(link: Link) -> dict[str, Any]:
    return {**link, "uuid": link["uuid"].lower()}


def _distinct(links: Iterable[Link]) -> list[dict[str, Any]]:
    """The links in lower case, those that are equal in every field only once."""
    by_text: dict[str, dict[str, Any]] = {}
    for link in map(_normal, links):
        by_text.setdefault(_canonical(link), link)
    return list(by_text.values())


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# ── stored documents ──


def _is_known(db: sqlite3.Connection, key: Key, document: Document) -> bool:
    """Whether the very same is stored; refuses what cannot be stored."""
    uuid, version = key
    row = db.execute("SELECT owner, deleted FROM collections WHERE uuid = ?", (uuid,)).fetchone()
    if row is None:
        return False
    _check_owner(uuid, row[0], document["owner"])
    if row[1]:
        raise conflict("collection_tombstone_already_exists", f"Collection {uuid} was deleted.")
    stored = _find(db, key)
    if stored is not None and _canonical(stored) != _canonical(document):
        title = f"Collection {uuid} version {version} exists with other content."
        raise conflict("collection_already_exists", title)
    return stored is not None


def _need(db: sqlite3.Connection, uuid: str, version: str | None, email: str) -> Document:
    """The collection in the given or its newest version."""
    _need_own(db, uuid, email)
    if version is None:
        version = db.execute("SELECT max(version) FROM versions WHERE uuid = ?", (uuid,)).fetchone()[0]
    found = _find(db, (uuid, str(version)))
    if found is None:
        raise not_found("collection", uuid, version)
    return found


def _need_own(db: sqlite3.Connection, uuid: str, email: str) -> None:
    row = db.execute("SELECT owner FROM collections WHERE uuid = ? AND NOT deleted", (uuid,)).fetchone()
    if row is None:
        raise not_found("collection", uuid)
    _check_owner(uuid, row[0], email)


def _check_owner(uuid: str, owner: str, email: str) -> None:
    if owner != email:
        raise forbidden(f"Collection {uuid} does not belong to {email}.")


def _find(db: sqlite3.Connection, key: Key) -> Document | None:
    row = db.execute("SELECT document FROM versions WHERE uuid = ? AND version = ?", key).fetchone()
    return None if row is None else json.loads(row[0])


def _insert(db: sqlite3.Connection, key: Key, document: Document) -> None:
    db.execute("INSERT INTO versions VALUES (?, ?, ?)", (*key, json.dumps(document)))


def _name(key: Key) -> dict[str, str]:
    return dict(zip(("uuid", "version"), key, strict=True))


def _email(call: Call) -> str:
    assert call.user is not None
    return call.user.email
