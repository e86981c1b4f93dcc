"""The operations on bundles: write, change, delete, read, list."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hca_local.dss.blobs import CHECKOUT_BUCKET, Blobs, bundle_key
from hca_local.dss.checkouts import Checkouts
from hca_local.dss.document import index_document
from hca_local.dss.errors import conflict, illegal, not_found
from hca_local.dss.model import Bundle, Entry
from hca_local.dss.presign import Links, direct_url
from hca_local.dss.records import Records
from hca_local.router import Answer, Call, Handler, page

__all__ = ["Bundles"]

_SHOWN = 5
_LONGEST_SEGMENT = 255  # bytes, what file systems take
_LONGEST_KEY = 1024  # bytes, what object stores take
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Wanted = Mapping[str, Any]  # an entry as a request gives it


class Bundles:
    """Handlers of `/bundles/{uuid}` and `/bundles/all`; `new_version` tells the service's own time."""

    def __init__(
        self,
        records: Records,
        blobs: Blobs,
        checkouts: Checkouts,
        links: Links,
        *,
        public_url: str,
        new_version: Callable[[], str],
        on_created: Callable[[Bundle], None],
        on_deleted: Callable[[str, str | None, Mapping[str, Any]], None],
    ) -> None:
        self._records = records
        self._blobs = blobs
        self._checkouts = checkouts
        self._links = links
        self._public_url = public_url
        self._new_version = new_version
        self._on_created = on_created
        self._on_deleted = on_deleted

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {
            "put_bundle": self.put,
            "get_bundle": self.get,
            "patch_bundle": self.patch,
            "delete_bundle": self.delete,
            "get_bundles_all": self.list,
        }

    # ── writing ──

    def put(self, call: Call) -> Answer:
        """Write a bundle."""
        (uuid, version, replica), body = _names(call), call.body
        bundle = Bundle(uuid, version, body["creator_uid"], self._entries(body["files"], replica))
        _check_names(bundle)
        created = self._store(bundle, replica)
        return Answer(201 if created else 200, {"version": version, "manifest": bundle.manifest()})

    def patch(self, call: Call) -> Answer:
        """Write a new version of a bundle, with files removed and then others added."""
        uuid, version, replica = _names(call)
        found = self._records.bundle(uuid, version, replica=replica)
        if found is None:
            raise not_found("bundle", uuid, version)
        removed = {(one["name"], one["uuid"].lower(), one["version"]) for one in call.body.get("remove_files", ())}
        kept = (one for one in found[0].entries if (one.name, one.file.uuid, one.file.version) not in removed)
        added = self._entries(call.body.get("add_files", ()), replica)
        bundle = Bundle(uuid, self._new_version(), found[0].creator_uid, (*kept, *added))
        _check_names(bundle)
        self._store(bundle, replica)
        return Answer(200, {"uuid": uuid, "version": bundle.version})

    def delete(self, call: Call) -> Answer:
        """Hide one version of a bundle, or all that there are and will be."""
        uuid, version, replica = _names(call)
        assert call.user is not None
        tombstone = {"email": call.user.email, "reason": call.body["reason"], "admin_deleted": True}
        if version is not None:
            tombstone["version"] = version
        stored = self._records.put_tombstone(uuid, version, tombstone, replica)
        if stored is None:
            raise not_found("bundle", uuid, version)
        if stored != tombstone:
            title = f"Bundle {uuid} was deleted before, by another person or for another reason."
            raise conflict("bundle_tombstone_already_exists", title)
        self._on_deleted(uuid, version, tombstone)
        return Answer(200, {})

    def _entries(self, wanted: Sequence[Wanted], replica: str) -> tuple[Entry, ...]:
        keys = [(one["uuid"].lower(), one["version"]) for one in wanted]
        files = self._records.files(keys, replica=replica)
        missing = [f"{uuid} version {version}" for uuid, version in keys if (uuid, version) not in files]
        if missing:
            raise illegal(f"These files do not exist: {_listed(missing)}.", "file_missing")
        return tuple(Entry(one["name"], one["indexed"], files[key]) for one, key in zip(wanted, keys, strict=True))

    def _store(self, bundle: Bundle, replica: str) -> bool:
        """Keep a bundle; return whether it was not there before."""
        stored, created = self._records.put_bundle(bundle, index_document(bundle, self._blobs.open), replica)
        if stored != bundle:
            title = f"Bundle {bundle.uuid} version {bundle.version} exists with other content."
            raise conflict("bundle_already_exists", title)
        self._on_created(bundle)
        return created

    # ── reading ──

    def get(self, call: Call) -> Answer:
        """Show a bundle, a page of files at a time."""
        uuid, version, replica = _names(call)
        if call.arguments["directurls"] and call.arguments["presignedurls"]:
            raise illegal("Choose one of directurls and presignedurls.", "only_one_urltype")
        start, limit = call.arguments["start_at"] or 0, call.arguments["per_page"]
        found = self._records.bundle(uuid, version, start=start, limit=limit, replica=replica)
        if found is None:
            raise not_found("bundle", uuid, version)
        bundle, total = found
        urls = None
        if call.arguments["directurls"] or call.arguments["presignedurls"]:
            not_yet = self._checkouts.wait_for_bundle(call, bundle)
            if not_yet is not None:
                return not_yet
            urls = self._urls(bundle, call.arguments)
        end = start + limit
        following = {"start_at": end, "version": bundle.version} if end < total else None
        return page(call, {"bundle": bundle.answer(urls)}, "bundle.files", following)

    def _urls(self, bundle: Bundle, arguments: Mapping[str, Any]) -> dict[str, str]:
        """The addresses that the request asks for, by file name."""
        keys = {entry.name: bundle_key(bundle, entry.name) for entry in bundle.entries}
        if arguments["directurls"]:
            return {name: direct_url(arguments["replica"], CHECKOUT_BUCKET, key) for name, key in keys.items()}
        return {name: self._links.signed(CHECKOUT_BUCKET, key, {}) for name, key in keys.items()}

    def list(self, call: Call) -> Answer:
        """List the living versions of all bundles, ordered by uuid and version."""
        prefix, limit = (call.arguments["prefix"] or "").lower(), call.arguments["per_page"]
        after, replica = _position(call.arguments["search_after"]), call.arguments["replica"]
        found = self._records.living(prefix, after, limit, replica=replica)
        following = {"search_after": "bundles/" + ".".join(found[-1]), "token": ""} if len(found) >= limit else None
        body: dict[str, Any] = {
            "dss_api": self._public_url,
            "object": "list",
            "per_page": limit,
            "search_prefix": f"bundles/{prefix}",
            "event_timestamp": self._new_version(),
            "bundles": [{"uuid": uuid, "version": version} for uuid, version in found],
            "page_count": len(found),
            "has_more": following is not None,
        }
        if following is not None:
            body |= {**following, "link": call.link(following)}
        return page(call, body, "bundles", following)


def _names(call: Call) -> tuple[str, Any, str]:
    """The uuid, the version (a text or None) and the replica that a request names."""
    return call.arguments["uuid"], call.arguments["version"], call.arguments["replica"]


def _position(search_after: str | None) -> tuple[str, str]:
    if search_after is None:
        return "", ""
    folder, _, name = search_after.partition("/")
    uuid, dot, version = name.partition(".")
    if folder != "bundles" or not dot:
        raise illegal(f"search_after: {search_after[:100]!r} is not `bundles/<uuid>.<version>`.")
    return uuid.lower(), version


def _check_names(bundle: Bundle) -> None:
    for entry in bundle.entries:
        problem = _problem(entry.name, bundle_key(bundle, entry.name))
        if problem:
            raise illegal(f"The file name {entry.name[:200]!r} {problem}.")
    repeated = [name for name, count in Counter(entry.name for entry in bundle.entries).items() if count > 1]
    if repeated:
        raise illegal(f"More than one file is called {_listed(repeated)}.", "duplicate_filename")


def _problem(name: str, key: str) -> str | None:
    """What is wrong with a name beside what the description says."""
    if _CONTROL.search(name):
        return "has control characters"
    if len(key.encode()) > _LONGEST_KEY:
        return "is too long"
    if any(len(segment.encode()) > _LONGEST_SEGMENT for segment in name.split("/")):
        return f"has a part of more than {_LONGEST_SEGMENT} bytes"
    return None


def _listed(names: Iterable[str]) -> str:
    names = sorted(set(names))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name[:100] for name in names[:_SHOWN]) + more
