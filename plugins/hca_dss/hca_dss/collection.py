"""Downloads a collection: the bundles and files in it, and in the collections in it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import HcaError, TransferError
from hca_core.paths import check_sha256, check_uuid, safe_join
from hca_core.transfer.fetch import Existing
from hca_core.transfer.job import Progress
from hca_core.transfer.ledger import Ledger, open_ledger
from hca_core.transfer.pool import each
from hca_dss.bundle import Bundle, DSSFile
from hca_dss.bundles import READERS, BundleName, Planner
from hca_dss.delivery import Manner, deliver
from hca_dss.download import folder_at, free_bytes_in, refuse_unwritable
from hca_dss.places import Places
from hca_dss.plan import BundlePlan, Plan, Route, bytes_to_fetch, make_step, refuse_existing
from hca_dss.version import check_version

if TYPE_CHECKING:
    from hca_dss.client import DSSClient

FILES = "files"  # the folder of files that are in the collection, but not as part of a bundle


@dataclass(frozen=True)
class Item:
    """Something in a collection; `kind` is `bundle`, `file` or `collection`."""

    kind: str
    uuid: str
    version: str

    @property
    def name(self) -> str:
        """What people are told about it."""
        return f"{self.kind} {self.uuid}.{self.version}"

    @property
    def place(self) -> str:
        """Where it is saved below the download directory: the folder of a bundle, or a file."""
        own = f"{self.uuid}.{self.version}"
        return own if self.kind == "bundle" else f"{FILES}/{own}"


@dataclass(frozen=True)
class Unusable:
    """Something in a collection that cannot be downloaded, and why."""

    name: str
    error: HcaError


Read = Callable[[str, str], list[Any]]  # (UUID, version or nothing) -> the contents of that collection


def download_collection(
    client: DSSClient,
    uuid: str,
    replica: str,
    version: str | None = None,
    download_dir: str | os.PathLike[str] = "",
    *,
    num_retries: int = 10,
    min_delay_seconds: float = 0.25,
    jobs: int | None = None,
    limit_rate: str | None = None,
    dry_run: bool = False,
    existing: Existing = "skip",
    report: str | os.PathLike[str] | None = None,
    fail_fast: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Download all bundles and files of a collection, and of those in it, and return what they are.

    Each bundle becomes a folder, as `hca_dss.download.download` makes it. A file that is in the collection by itself
    becomes `files/<uuid>.<version>`: outside a bundle it has no name. Fragments of files cannot be downloaded. The
    other arguments are those of `hca_dss.download.download`.

    Raises:
        NotFoundError: there is no such collection.
        TransferError: items failed (its `report` knows which); all others are saved.
    """
    manner = Manner.of(
        client,
        existing=existing,
        num_retries=num_retries,
        min_delay_seconds=min_delay_seconds,
        jobs=jobs,
        limit_rate=limit_rate,
        progress=progress,
        fail_fast=fail_fast,
    )
    planner = Planner(client, replica, folder_at(download_dir), existing)
    found = list(walk(lambda *key: _contents(client, replica, *key), check_uuid(uuid), version or ""))
    summary = {"collection_uuid": check_uuid(uuid), "directory": str(planner.root)}
    if dry_run:
        return {**summary, **_dry(planner, found)}
    refuse_unwritable(planner.root)
    with open_ledger(report) as ledger:
        deliver(_plans(planner, found, ledger, fail_fast), planner.store, manner, ledger)
    ledger.report.raise_for_failures()
    return {**summary, "items": [_described(item, planner.root) for item in found if isinstance(item, Item)]}


def walk(read: Read, uuid: str, version: str = "") -> Iterator[Item | Unusable]:
    """Yield what is in a collection and in those in it, depth first, each thing once.

    Raises:
        HcaError: the collection itself cannot be read; a nested one that cannot is `Unusable`.
    """
    seen = {f"collection {uuid}.{version}"}
    unfinished = [iter(read(uuid, version))]
    while unfinished:
        content = next(unfinished[-1], None)
        if content is None:
            unfinished.pop()
            continue
        item = _item(content)
        if item.name in seen:
            continue
        seen.add(item.name)
        if isinstance(item, Unusable) or item.kind != "collection":
            yield item
            continue
        try:
            unfinished.append(iter(read(item.uuid, item.version)))
        except HcaError as error:
            yield Unusable(item.name, error)


def _item(content: Any) -> Item | Unusable:
    fields = content if isinstance(content, Mapping) else {}
    kind, uuid, version = (str(fields.get(key))[:100] for key in ("type", "uuid", "version"))
    fragment = fields.get("fragment", fields.get("path"))
    try:
        item = Item(kind, check_uuid(uuid), check_version(version))
    except HcaError as error:
        return Unusable(
            f"{kind} {uuid}.{version}", TransferError(f"The collection describes it badly: {error.message}")
        )
    if kind in ("bundle", "file", "collection"):
        return item
    refusal = TransferError("It is a fragment of a file, which cannot be downloaded.", hint="Download the whole file.")
    return Unusable(f"{item.name} {str(fragment)[:100]}", refusal)


def _contents(client: DSSClient, replica: str, uuid: str, version: str) -> list[Any]:
    wanted = {"version": check_version(version)} if version else {}
    answer = client.get_collection(uuid=uuid, replica=replica, **wanted)
    # Deployments answer with the collection itself; the API description has it one level deeper.
    body = answer.get("collection", answer) if isinstance(answer, Mapping) else answer
    contents = body.get("contents") if isinstance(body, Mapping) else None
    if not isinstance(contents, list) or None in contents:
        raise TransferError(f"The DSS's answer does not describe collection {uuid}.")
    return contents


def _plans(planner: Planner, found: list[Item | Unusable], ledger: Ledger, fail_fast: bool) -> Iterator[Plan]:
    for item in found:
        if isinstance(item, Unusable):
            ledger.fail(item.name, planner.root, item.error)
            if fail_fast:
                return
    items = [item for item in found if isinstance(item, Item)]
    wanted = [(BundleName(item.uuid, item.version), _all_files) for item in items if item.kind == "bundle"]
    yield from planner.plans(wanted, ledger, fail_fast)
    files = [item for item in items if item.kind == "file"]
    for item, planned in each(files, lambda item: (item, _plan_file(planner, item)), jobs=READERS):
        if isinstance(planned, Plan):
            yield planned
        else:
            ledger.fail(item.name, planner.root / item.place, planned)
            if fail_fast:
                return


def _all_files(bundle: Bundle) -> tuple[DSSFile, ...]:
    return bundle.files


def _plan_file(planner: Planner, item: Item) -> Plan | HcaError | OSError:
    """Return how a file gets to its place, or why it cannot."""
    try:
        target = safe_join(planner.root, item.place)
        if planner.existing == "error":
            refuse_existing([target])
        response = planner.client.head_file(uuid=item.uuid, replica=planner.replica, version=item.version)
        file = _described_by(response.headers, item, planner.replica)
        route = Route(planner.client.api.base_url, planner.store)
        folder = Places(planner.root).root
        return Plan(folder, (make_step(file, route, folder, planner.existing),))
    except (HcaError, OSError) as error:
        return error


def _described_by(headers: Mapping[str, str], item: Item, replica: str) -> DSSFile:
    size = headers.get("X-DSS-SIZE", "")
    if not re.fullmatch(r"\d{1,18}", size, re.ASCII):
        raise TransferError(f"The DSS does not tell the size of {item.name}.")
    sha256 = check_sha256(headers.get("X-DSS-SHA256", ""))
    return DSSFile(item.place, item.uuid, item.version, sha256, int(size), False, replica)


def _dry(planner: Planner, found: list[Item | Unusable]) -> dict[str, Any]:
    ledger = Ledger()
    plans = list(_plans(planner, found, ledger, fail_fast=False))
    steps = [step for plan in plans if not isinstance(plan, BundlePlan) for step in plan.steps]
    return {
        "bundles": [plan.summary() for plan in plans if isinstance(plan, BundlePlan)],
        "files": [
            {"uuid": step.file.uuid, "path": str(step.target), "size": step.file.size, "action": step.outlook.action}
            for step in steps
        ],
        "total_bytes": sum(plan.total_bytes for plan in plans),
        "bytes_to_fetch": bytes_to_fetch(plans),
        "free_bytes": free_bytes_in(planner.root),
        "failed": [failure.as_record() for failure in ledger.report.failures],
    }


def _described(item: Item, root: Path) -> dict[str, str]:
    return {"type": item.kind, "uuid": item.uuid, "version": item.version, "path": str(root / item.place)}
