"""What happened to bundles: documents of single events, and journals in which they can be read again in order."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from hca_local.dss.document import index_document
from hca_local.dss.errors import illegal, not_found
from hca_local.dss.journals import Arrivals, Journal, Journals
from hca_local.dss.model import Bundle, File
from hca_local.dss.presign import Links
from hca_local.dss.records import Records
from hca_local.dss.versions import is_version
from hca_local.router import Answer, Call, Handler, page
from hca_local.s3.store import ObjectStore

__all__ = ["Event", "Events", "event_document"]

BUCKET = "dss-journals"
_FOLDER = "journals/"
_DEAD = ".dead"

Document = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """Something that happened to a version of a bundle: `type` is CREATE or TOMBSTONE.

    `arrivals` tell when that is so in a replica; in one that is not named it is so already.
    """

    type: str
    uuid: str
    version: str
    document: Document
    arrivals: Arrivals = field(default_factory=dict)


class Events:
    """Handlers of `/events`.

    `bundle_created` and `bundle_deleted` are to be called after the bundle was written, also if it was there before:
    what is known already is ignored. New events are passed to `notify` before they are recorded, so that none is
    lost.
    """

    def __init__(
        self,
        journals: Journals,
        records: Records,
        store: ObjectStore,
        links: Links,
        open_file: Callable[[File], BinaryIO],
        *,
        notify: Callable[[Event], None],
    ) -> None:
        self._journals = journals
        self._records = records
        self._store = store
        self._links = links
        self._open_file = open_file
        self._notify = notify
        self._recording = threading.Lock()
        store.create_bucket(BUCKET)
        self._sweep()

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {"get_events": self.list, "get_event": self.get}

    # ── recording ──

    def bundle_created(self, bundle: Bundle) -> None:
        """Record a bundle that was written."""
        key = bundle.uuid, bundle.version
        arrivals = self._records.arrivals(*key)
        if self._is_news(bundle):
            document = event_document(bundle, self._open_file)
            with self._recording:
                if self._is_news(bundle):
                    self._notify(Event("CREATE", *key, document, arrivals))
                    self._journals.add(key, document, arrivals)
        else:
            self._journals.hasten(key, arrivals)

    def bundle_deleted(self, uuid: str, version: str | None, tombstone: Mapping[str, Any]) -> None:
        """Record the deletion of a version of a bundle, or of all that there are and will be."""
        arrivals = self._records.arrivals(uuid, version, dead=True)
        with self._recording:
            for one in self._journals.living(uuid, version):
                document = _tombstone_document(uuid, one, tombstone)
                self._notify(Event("TOMBSTONE", uuid, one, document, arrivals))
            self._journals.bury(uuid, version, tombstone)

    def catch_up(self) -> None:
        """Record what was written before the service ended, and could not be recorded any more."""
        for uuid, version in self._records.keys() - self._journals.keys():
            found = self._records.bundle(uuid, version)
            if found is not None:
                self.bundle_created(found[0])
        tombstones = self._records.tombstones()
        for uuid, version in tombstones.keys() - self._journals.tombstones():
            self.bundle_deleted(uuid, version or None, tombstones[uuid, version])

    def _is_news(self, bundle: Bundle) -> bool:
        """Whether the bundle is alive, and not recorded yet."""
        key = bundle.uuid, bundle.version
        return not self._journals.knows(key) and self._journals.tombstone(key) is None

    # ── reading ──

    def get(self, call: Call) -> Answer:
        """Show the document of a living bundle, or of the deletion of a dead one (`.dead` after its version)."""
        uuid, given = call.arguments["uuid"], call.arguments["version"]
        version = given.removesuffix(_DEAD)
        found = self._journals.document((uuid, version), call.arguments["replica"])
        if found is None or found[1] is given.endswith(_DEAD):
            raise not_found("event", uuid, given)
        tombstone = self._journals.tombstone((uuid, version))
        return Answer(200, found[0] if tombstone is None else _tombstone_document(uuid, version, tombstone))

    def list(self, call: Call) -> Answer:
        """List the journals that overlap a span of time, a page at a time."""
        begin, end, limit = call.arguments["from_date"], call.arguments["to_date"], call.arguments["per_page"]
        _check_dates(begin, end)
        token = _checked_token(call.arguments["token"])
        found = self._journals.journals(call.arguments["replica"], token, begin, end, limit + 1, self._save)
        streams = [self._describe(journal) for journal in found[:limit]]
        following = {"token": _token(found[limit - 1], found[limit])} if len(found) > limit else None
        return page(call, {"event_streams": streams}, "event_streams", following)

    def _describe(self, journal: Journal) -> dict[str, Any]:
        events, offset = [], 0
        for uuid, timestamp, size in journal.events:
            events.append({"event_id": f"{uuid}.{timestamp}", "timestamp": timestamp, "offset": offset, "size": size})
            offset += size
        return {
            "journal_id": journal.name,
            "from_date": journal.from_date,
            "to_date": journal.to_date,
            "size": offset,
            "events": events,
            "stream_url": self._links.signed(BUCKET, _FOLDER + journal.id, {}),
        }

    # ── the bytes of journals ──

    def _save(self, id: str, content: Callable[[], bytes]) -> None:
        if self._store.head(BUCKET, _FOLDER + id) is None:
            self._store.put(BUCKET, _FOLDER + id, io.BytesIO(content()))

    def _sweep(self) -> None:
        """Delete the bytes of journals that are no more; until now, somebody might have had their address."""
        known = {_FOLDER + id for id in self._journals.ids()}
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
    time = first.place.partition("--")[0]
    return first.place if last.place.startswith(time) else time
