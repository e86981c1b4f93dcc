"""What happened to bundles: documents of single events, and journals in which they can be read again in order."""

from __future__ import annotations

import io
import json
import sqlite3
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from hca_core.paths import private_dir
from hca_local.database import Database
from hca_local.dss.document import index_document
from hca_local.dss.errors import illegal, not_found
from hca_local.dss.model import Bundle, File
from hca_local.dss.presign import Links
from hca_local.dss.versions import is_version
from hca_local.router import Answer, Call, Handler, page
from hca_local.s3.store import ObjectStore

__all__ = ["Event", "Events", "event_document"]

BUCKET = "dss-journals"
_FOLDER = "journals/"
JOURNAL_SIZE = 100  # events

# An event without journal is that of a bundle which was deleted since. A tombstone without version is for all versions.
# Journals are listed by `place`, that of their last event when they were made: a reader who walks through the list
# finds everything, even if journals are joined or lose events meanwhile.
_MIGRATIONS = (
    """
    CREATE TABLE journals (
        id TEXT PRIMARY KEY, version TEXT NOT NULL, place TEXT NOT NULL UNIQUE,
        from_date TEXT NOT NULL, to_date TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE events (
        uuid TEXT NOT NULL, version TEXT NOT NULL, document BLOB NOT NULL, journal TEXT,
        PRIMARY KEY (uuid, version)
    );
    CREATE INDEX contents ON events (journal, version, uuid);
    CREATE TABLE tombstones (
        uuid TEXT NOT NULL, version TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (uuid, version)
    ) WITHOUT ROWID;
    """,
)
_NEW = "new"  # the version of a journal that was never changed
_DEAD = ".dead"

Document = dict[str, Any]
Journal = tuple[str, str, str, str, str]  # id, version, place, from_date, to_date


@dataclass(frozen=True)
class Event:
    """Something that happened to a version of a bundle: `type` is CREATE or TOMBSTONE."""

    type: str
    uuid: str
    version: str
    document: Document


class Events:
    """Handlers of `/events`, which keep what they know in `root`.

    `bundle_created` and `bundle_deleted` are to be called after the bundle was written, also if it was there before:
    what is known already is ignored. New events are passed to `notify` before they are recorded, so that none is
    lost. `new_version` tells the service's own time; `journal_size` single events are joined to one journal.
    """

    def __init__(
        self,
        root: Path,
        store: ObjectStore,
        links: Links,
        open_file: Callable[[File], BinaryIO],
        *,
        new_version: Callable[[], str],
        notify: Callable[[Event], None],
        journal_size: int = JOURNAL_SIZE,
    ) -> None:
        self._store = store
        self._links = links
        self._open_file = open_file
        self._new_version = new_version
        self._notify = notify
        self._journal_size = journal_size
        self._recording = threading.Lock()
        store.create_bucket(BUCKET)
        self._database = Database(private_dir(root) / "events.sqlite", _MIGRATIONS)
        self._sweep()

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {"get_events": self.list, "get_event": self.get}

    def close(self) -> None:
        """Close the file; no request may follow."""
        self._database.close()

    # ── recording ──

    def bundle_created(self, bundle: Bundle) -> None:
        """Record a bundle that was written."""
        if self._is_news(bundle):
            document = event_document(bundle, self._open_file)
            with self._recording:
                if self._is_news(bundle):
                    self._notify(Event("CREATE", bundle.uuid, bundle.version, document))
                    self._record(bundle, document)

    def bundle_deleted(self, uuid: str, version: str | None, tombstone: Mapping[str, Any]) -> None:
        """Record the deletion of a version of a bundle, or of all that there are and will be."""
        with self._recording:
            with self._database.read() as db:
                living = _living(db, uuid, version)
            for one, _ in living:
                self._notify(Event("TOMBSTONE", uuid, one, _tombstone_document(uuid, one, tombstone)))
            with self._database.write() as db:
                row = (uuid, version or "", json.dumps(dict(tombstone)))
                db.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?)", row)
                for one, journal in living:
                    db.execute("UPDATE events SET journal = NULL WHERE uuid = ? AND version = ?", (uuid, one))
                    self._rewrite(db, journal)

    def _is_news(self, bundle: Bundle) -> bool:
        """Whether the bundle is alive, and not recorded yet."""
        with self._database.read() as db:
            key = bundle.uuid, bundle.version
            return not _is_recorded(db, *key) and _tombstone(db, *key) is None

    def _record(self, bundle: Bundle, document: Document) -> None:
        with self._database.write() as db:
            _add(db, bundle.uuid, bundle.version, json.dumps(document).encode())
            self._join(db)

    def _join(self, db: sqlite3.Connection) -> None:
        """Make one journal of those with single events, once there are enough."""
        single = [row[0] for row in db.execute("SELECT id FROM journals WHERE version = ?", (_NEW,))]
        if len(single) < self._journal_size or len(single) < 2:
            return
        [row] = db.execute(
            "SELECT max(place), min(from_date), max(to_date) FROM journals WHERE version = ?", (_NEW,)
        ).fetchall()
        joint = _new_id()
        db.execute("DELETE FROM journals WHERE version = ?", (_NEW,))
        db.execute("INSERT INTO journals VALUES (?, ?, ?, ?, ?)", (joint, self._new_version(), *row))
        db.executemany("UPDATE events SET journal = ? WHERE journal = ?", [(joint, one) for one in single])

    def _rewrite(self, db: sqlite3.Connection, journal: str) -> None:
        """Give a journal that has lost an event another id, or remove it if that was the last one."""
        [dates] = db.execute("SELECT min(version), max(version) FROM events WHERE journal = ?", (journal,)).fetchall()
        if dates[0] is None:
            db.execute("DELETE FROM journals WHERE id = ?", (journal,))
            return
        changed = _new_id()
        db.execute(
            "UPDATE journals SET id = ?, version = ?, from_date = ?, to_date = ? WHERE id = ?",
            (changed, self._new_version(), *dates, journal),
        )
        db.execute("UPDATE events SET journal = ? WHERE journal = ?", (changed, journal))

    # ── reading ──

    def get(self, call: Call) -> Answer:
        """Show the document of a living bundle, or of the deletion of a dead one (`.dead` after its version)."""
        uuid, given = call.arguments["uuid"], call.arguments["version"]
        version = given.removesuffix(_DEAD)
        with self._database.read() as db:
            row = db.execute(
                "SELECT document, journal FROM events WHERE uuid = ? AND version = ?", (uuid, version)
            ).fetchone()
            if row is None or (row[1] is None) != given.endswith(_DEAD):
                raise not_found("event", uuid, given)
            tombstone = _tombstone(db, uuid, version)
        if tombstone is not None:
            return Answer(200, _tombstone_document(uuid, version, tombstone))
        return Answer(200, json.loads(row[0]))

    def list(self, call: Call) -> Answer:
        """List the journals that overlap a span of time, a page at a time."""
        begin, end, limit = call.arguments["from_date"], call.arguments["to_date"], call.arguments["per_page"]
        _check_dates(begin, end)
        token = _checked_token(call.arguments["token"])
        with self._database.read() as db:
            found = db.execute(
                "SELECT id, version, place, from_date, to_date FROM journals"
                " WHERE place >= ? AND to_date >= ? AND (? IS NULL OR from_date < ?) ORDER BY place LIMIT ?",
                (token, begin or "", end, end, limit + 1),
            ).fetchall()
            streams = [self._describe(db, journal) for journal in found[:limit]]
        following = {"token": _token(found[limit - 1], found[limit])} if len(found) > limit else None
        return page(call, {"event_streams": streams}, "event_streams", following)

    def _describe(self, db: sqlite3.Connection, journal: Journal) -> dict[str, Any]:
        id, version, _, begin, end = journal
        events, offset = [], 0
        rows = db.execute(
            "SELECT uuid, version, length(document) FROM events WHERE journal = ? ORDER BY version, uuid", (id,)
        )
        for bundle, timestamp, size in rows:
            place = {"timestamp": timestamp, "offset": offset, "size": size}
            events.append({"event_id": f"{bundle}.{timestamp}", **place})
            offset += size
        return {
            "journal_id": f"{begin}--{end}--{version}--{id}",
            "from_date": begin,
            "to_date": end,
            "size": offset,
            "events": events,
            "stream_url": self._stream_url(db, id),
        }

    # ── the bytes of journals ──

    def _stream_url(self, db: sqlite3.Connection, journal: str) -> str:
        key = _FOLDER + journal
        if self._store.head(BUCKET, key) is None:
            rows = db.execute("SELECT document FROM events WHERE journal = ? ORDER BY version, uuid", (journal,))
            self._store.put(BUCKET, key, io.BytesIO(b"".join(row[0] for row in rows)))
        return self._links.signed(BUCKET, key, {})

    def _sweep(self) -> None:
        """Delete the bytes of journals that are no more; until now, somebody might have had their address."""
        with self._database.read() as db:
            known = {_FOLDER + row[0] for row in db.execute("SELECT id FROM journals")}
        after = ""
        while found := self._store.list(BUCKET, prefix=_FOLDER, start_after=after):
            after = found[-1].key
            for one in found:
                if one.key not in known:
                    self._store.delete(BUCKET, one.key)


def event_document(bundle: Bundle, open_file: Callable[[File], BinaryIO]) -> Document:
    """Return what is told about a new bundle: its manifest, and the contents of all of its JSON files by group."""
    metadata = (entry for entry in bundle.entries if entry.file.content_type.startswith("application/json"))
    searched = replace(bundle, entries=tuple(replace(entry, indexed=True) for entry in metadata))
    return {
        "event_type": "CREATE",
        "bundle_info": {"uuid": bundle.uuid, "version": bundle.version},
        "manifest": bundle.manifest(),
        "files": json.loads(index_document(searched, open_file))["files"],
    }


def _tombstone_document(uuid: str, version: str, tombstone: Mapping[str, Any]) -> Document:
    return {"event_type": "TOMBSTONE", "bundle_info": {"uuid": uuid, "version": version}, **tombstone}


def _is_recorded(db: sqlite3.Connection, uuid: str, version: str) -> bool:
    return db.execute("SELECT 1 FROM events WHERE uuid = ? AND version = ?", (uuid, version)).fetchone() is not None


def _living(db: sqlite3.Connection, uuid: str, version: str | None) -> list[tuple[str, str]]:
    """The versions whose events are in journals, with the ids of these; only the given one, or all."""
    return db.execute(
        "SELECT version, journal FROM events WHERE uuid = ? AND (? IS NULL OR version = ?) AND journal IS NOT NULL"
        " ORDER BY version",
        (uuid, version, version),
    ).fetchall()


def _tombstone(db: sqlite3.Connection, uuid: str, version: str) -> Document | None:
    row = db.execute(
        "SELECT document FROM tombstones WHERE uuid = ? AND version IN ('', ?) ORDER BY version DESC", (uuid, version)
    ).fetchone()
    return None if row is None else json.loads(row[0])


def _add(db: sqlite3.Connection, uuid: str, version: str, document: bytes) -> None:
    """Keep an event, in a journal of its own."""
    journal = _new_id()
    place = f"{version}--{uuid}"
    db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (uuid, version, document, journal))
    db.execute("INSERT INTO journals VALUES (?, ?, ?, ?, ?)", (journal, _NEW, place, version, version))


def _new_id() -> str:
    return str(uuid.uuid4())


def _check_dates(begin: str | None, end: str | None) -> None:
    for name, date in (("from_date", begin), ("to_date", end)):
        if date is not None and not is_version(date):
            raise illegal(f"{name}: there is no date {date[:100]!r}.")
    if begin is not None and end is not None and begin > end:
        raise illegal("from_date is after to_date.", "bad_request")


def _checked_token(token: str | None) -> str:
    if token is None:
        return ""
    if not is_version(token.partition("--")[0]):
        raise illegal(f"token: {token[:100]!r} does not come from this service.", "illegal_token")
    return token


def _token(last: Journal, first: Journal) -> str:
    """Where a page begins: the time is enough unless the page before ends at the same one."""
    time = first[2].partition("--")[0]
    return first[2] if last[2].startswith(time) else time
