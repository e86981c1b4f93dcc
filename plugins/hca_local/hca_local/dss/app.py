"""The DSS as one WSGI application: its records, its operations, its rules about who may do what."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from hca_core.openapi.model import Api, Operation
from hca_local.dss.blobs import Blobs
from hca_local.dss.bundles import Bundles
from hca_local.dss.checkouts import Checkouts
from hca_local.dss.collections import Collections
from hca_local.dss.delivery import Delivery
from hca_local.dss.errors import forbidden, read_only
from hca_local.dss.events import Event, Events
from hca_local.dss.files import Files
from hca_local.dss.journals import Journals
from hca_local.dss.presign import Links
from hca_local.dss.records import Records
from hca_local.dss.search import OwnSearch, Search, SearchBackend
from hca_local.dss.subscriptions import Subscriptions
from hca_local.dss.versions import Versions, is_version
from hca_local.jobs import Jobs, Workers
from hca_local.router import RETRY_AFTER, Call, Format, Router

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from hca_local.router import KnowsUsers
    from hca_local.s3.signing import AccessKey
    from hca_local.s3.store import ObjectStore
    from hca_local.users import User

__all__ = ["ASYNC_THRESHOLD", "DssApp"]

ASYNC_THRESHOLD = 64 * 1024 * 1024  # bytes

_FORMATS = {"DSS_VERSION": Format(is_version, "illegal_version")}


class _Closable(Protocol):
    def close(self) -> None: ...


Part = TypeVar("Part", bound=_Closable)


def _is_hca(user: User) -> bool:
    return user.group == "hca"


def _is_hca_or_public(user: User) -> bool:
    return user.group in ("hca", "public")


# Who may perform an operation; any user may perform the others that need a token.
_RIGHTS: Mapping[str, Callable[[User], bool]] = {
    "put_file": _is_hca,
    "delete_bundle": lambda user: user.admin,
    **dict.fromkeys((f"{verb}_collection" for verb in ("put", "get", "patch", "delete")), _is_hca),
    "get_collections": _is_hca,
    **dict.fromkeys((f"{verb}_subscription" for verb in ("put", "get", "delete")), _is_hca_or_public),
    "get_subscriptions": _is_hca_or_public,
}


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class DssApp:
    """Serves the operations of `api`, and its description `document` with the address of this service in it.

    What it knows is kept in `root`, the bytes in buckets of `store`, which users reach at `s3_url` with addresses that
    `access_key` signs. `read_only` refuses all changes. `instance` names this run in `/internal/health`.

    Like in a cloud, things may take their time: copies for users come `checkout_seconds` after they were asked for,
    what is put into one replica comes into the other after `replication_seconds`, and a new file of more than
    `async_threshold` bytes is copied in the background. Searches are answered by the server at `elasticsearch_url`
    if there is one.

    Raises:
        HcaError: the records cannot be used, for example because a newer version of hca wrote them.
    """

    def __init__(
        self,
        api: Api,
        document: Mapping[str, Any],
        *,
        root: Path,
        store: ObjectStore,
        public_url: str,
        s3_url: str,
        access_key: AccessKey,
        users: KnowsUsers,
        read_only: bool = False,
        instance: str | None = None,
        retry_after: int = RETRY_AFTER,
        checkout_seconds: float = 0,
        replication_seconds: float = 0,
        async_threshold: int = ASYNC_THRESHOLD,
        elasticsearch_url: str | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        def clock() -> float:
            return now().timestamp()

        self._read_only = read_only
        self._opened = ExitStack()
        new_version = Versions(now)
        records = self._open(Records(root, replication_seconds=replication_seconds, now=clock))
        jobs = self._open(Jobs(root, clock))
        blobs, links = Blobs(store), Links(s3_url, access_key, clock)
        checkouts = Checkouts(records, blobs, jobs, seconds=checkout_seconds, retry_after=retry_after, now=clock)
        files = Files(records, blobs, checkouts, jobs, links, async_threshold=async_threshold)
        collections = self._open(Collections(root, records, blobs.open, new_version=new_version))
        subscriptions = self._open(Subscriptions(root, now=now))
        base_url = public_url + urlsplit(api.base_url).path
        delivery = self._open(
            Delivery(
                root, subscriptions, public_url=public_url, base_url=base_url, search_document=records.document, now=now
            )
        )
        backend = self._open(_backend(elasticsearch_url, records, root, now))
        journals = self._open(Journals(root, new_version=new_version, now=clock))

        def notify(event: Event) -> None:
            delivery.notify(event)
            backend.bundles_changed()

        events = Events(journals, records, store, links, blobs.open, notify=notify)
        bundles = Bundles(
            records,
            blobs,
            checkouts,
            links,
            public_url=public_url,
            new_version=new_version,
            on_created=events.bundle_created,
            on_deleted=events.bundle_deleted,
        )
        parts = (files, bundles, checkouts, Search(backend, records), collections, events, subscriptions)
        self._router = Router(
            api,
            {name: handler for part in parts for name, handler in part.handlers.items()},
            public_url=public_url,
            users=users,
            documents=_documents(api, document, public_url, instance),
            admit=self._admit,
            formats=_FORMATS,
            retry_after=retry_after,
        )
        events.catch_up()
        self._open(Workers(jobs, {**files.tasks, **checkouts.tasks}))
        delivery.start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._router(environ, start_response)

    def close(self) -> None:
        """End the jobs and close the records; no request may follow."""
        self._opened.close()

    def _open(self, part: Part) -> Part:
        """Return `part`, which will be closed with this application, the last one first."""
        return self._opened.enter_context(closing(part))

    def _admit(self, call: Call) -> None:
        if self._read_only and not _only_reads(call.operation):
            raise read_only()
        is_allowed = _RIGHTS.get(call.operation.name)
        if is_allowed and not (call.user and is_allowed(call.user)):
            raise forbidden(f"{call.user.email if call.user else 'Nobody'} may not use {call.operation.name}.")


def _backend(url: str | None, records: Records, root: Path, now: Callable[[], datetime]) -> SearchBackend:
    if url is None:
        return OwnSearch(records, now)
    from hca_local.dss.elastic import ElasticSearch

    # One server may hold the indices of several stacks.
    return ElasticSearch(url, records, name=f"hca-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}")


def _only_reads(operation: Operation) -> bool:
    return operation.method in ("GET", "HEAD") or operation.name == "post_search"


def _documents(api: Api, document: Mapping[str, Any], public_url: str, instance: str | None) -> dict[str, Any]:
    """What is served beside the operations, by path."""
    base_path = urlsplit(api.base_url).path
    public = urlsplit(public_url)
    here = {"host": public.netloc, "schemes": [public.scheme], "basePath": base_path or "/"}
    return {
        f"{base_path}/swagger.json": {**document, **here},
        "/version": {"version_info": {"version": version("hca-local")}},
        "/internal/health": {"Healthy": True, "instance": instance},
    }
