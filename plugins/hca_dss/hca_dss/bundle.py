"""A bundle as the DSS describes it: which files it has, which of them are wanted, and whether they may be saved."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from hca_core.errors import ArgumentError, HcaError, TransferError
from hca_core.paths import check_name, check_sha256, check_uuid
from hca_dss.version import check_version

EVERYTHING = ("*",)
_DOCUMENT_NAMES = ("bundle.json", ".bundle.json")


class DSSFile(NamedTuple):
    """A file of a bundle. `size` is in bytes; `indexed` files are metadata, all others are data."""

    name: str
    uuid: str
    version: str
    sha256: str
    size: int
    indexed: bool
    replica: str

    @classmethod
    def for_bundle_manifest(cls, manifest_bytes: bytes, bundle_uuid: str, version: str, replica: str) -> DSSFile:
        """Return what stands for a bundle's own document, `bundle.json`, among its files."""
        sha256 = hashlib.sha256(manifest_bytes).hexdigest()
        return cls("bundle.json", bundle_uuid, version, sha256, len(manifest_bytes), False, replica)


@dataclass(frozen=True)
class Bundle:
    """A whole bundle: `files` in the DSS's order, `document` as the DSS answered, its pages merged."""

    uuid: str
    version: str
    files: tuple[DSSFile, ...]
    document: Mapping[str, Any]

    @classmethod
    def from_pages(cls, pages: Iterable[Any], replica: str) -> Bundle:
        """Make a bundle of the answers to `GET /bundles/{uuid}`, in order.

        Raises:
            TransferError: the answers are not pages of one bundle. Whether names and checksums are safe to use is
                decided by `select`, for the files that are wanted.
        """
        bodies = list(pages)
        parts = [_part(body) for body in bodies]
        if len({(part["uuid"], part["version"]) for part in parts}) != 1:
            raise TransferError("The DSS answered with pages of no bundle, or of different bundles.")
        entries = [entry for part in parts for entry in part["files"]]
        document = {**bodies[0], "bundle": {**parts[0], "files": entries}}
        uuid, version = _identity(parts[0])
        return cls(uuid, version, tuple(_file(entry, replica) for entry in entries), document)

    @property
    def folder_name(self) -> str:
        """The name of the folder that holds the bundle: `<uuid>.<version>`."""
        return f"{self.uuid}.{self.version}"

    def to_json(self) -> bytes:
        """Return the document as `bundle.json` holds it: indent 4, sorted keys, ASCII, no newline at the end."""
        found = bytearray()  # piece by piece: a list of all pieces would take five times as much memory
        for piece in json.JSONEncoder(indent=4, sort_keys=True).iterencode(self.document):
            found += piece.encode("ascii")
        return bytes(found)


def _part(body: Any) -> dict[str, Any]:
    part = body.get("bundle") if isinstance(body, Mapping) else None
    if (
        not isinstance(part, dict)
        or not isinstance(part.get("uuid"), str)
        or not isinstance(part.get("version"), str)
        or not isinstance(part.get("files"), list)
    ):
        raise TransferError("The DSS's answer does not describe a bundle.")
    return part


def _identity(part: Mapping[str, Any]) -> tuple[str, str]:
    try:
        return check_uuid(part["uuid"]), check_version(part["version"])
    except ArgumentError as error:
        raise TransferError(f"The DSS describes the bundle badly: {error.message}") from error


def _file(entry: Any, replica: str) -> DSSFile:
    kinds = {"name": str, "uuid": str, "version": str, "sha256": str, "size": int, "indexed": bool}
    wrong = [
        key for key, kind in kinds.items() if type(entry.get(key) if isinstance(entry, dict) else None) is not kind
    ]
    if wrong or entry["size"] < 0:
        name = entry.get("name") if isinstance(entry, dict) else entry
        raise TransferError(f"The DSS describes file {name!r} badly: {', '.join(wrong) or 'size'}.")
    return DSSFile(**{key: entry[key] for key in kinds}, replica=replica)


def select(
    files: Sequence[DSSFile],
    metadata_filter: Iterable[str] = EVERYTHING,
    data_filter: Iterable[str] = EVERYTHING,
    no_metadata: bool = False,
    no_data: bool = False,
) -> list[DSSFile]:
    """Return the files whose whole name matches a shell pattern for their kind, checked and safe to save.

    Patterns are case-sensitive, and `*` also matches `/`.

    Raises:
        ArgumentError: a filter is given for a kind of file that is excluded.
        TransferError: a wanted file has an unsafe name, identifier or checksum, or two names collide.
    """
    metadata = _patterns("metadata", metadata_filter, no_metadata)
    data = _patterns("data", data_filter, no_data)
    wanted = [file for file in files if _matches(file.name, metadata if file.indexed else data)]
    checked = [_checked(file) for file in wanted]
    _refuse_collisions(checked)
    return checked


def _patterns(kind: str, patterns: Iterable[str], excluded: bool) -> tuple[str, ...]:
    given = (patterns,) if isinstance(patterns, str) else tuple(patterns)
    if not excluded:
        return given
    if given != EVERYTHING:
        raise ArgumentError(f"no_{kind} and {kind}_filter contradict each other.", hint="Give one of the two.")
    return ()


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _checked(file: DSSFile) -> DSSFile:
    check_name(file.name)
    try:
        checked = file._replace(
            uuid=check_uuid(file.uuid), version=check_version(file.version), sha256=check_sha256(file.sha256)
        )
    except HcaError as error:
        raise TransferError(f"The DSS describes file {file.name!r} badly: {error.message}") from error
    return file if file == checked else checked  # one of two equal ones saves memory where there are many files


def _refuse_collisions(files: Iterable[DSSFile]) -> None:
    owners: dict[str, str] = {}
    for file in files:
        key = _place(file.name)
        if key in owners:
            raise _collision(owners[key], file.name)
        owners[key] = file.name
    for key, name in owners.items():
        for folder in _folders(key):
            if folder in owners:
                raise _collision(owners[folder], name)


def _place(name: str) -> str:
    """Return what a file system that ignores case and Unicode composition makes of a name."""
    return unicodedata.normalize("NFC", name).casefold()


def _folders(key: str) -> list[str]:
    parts = key.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _collision(one: str, other: str) -> TransferError:
    return TransferError(
        f"Files {one!r} and {other!r} of the bundle cannot both be saved: their names differ too little.",
        hint="Choose one of them with --metadata-filter or --data-filter.",
    )


def document_name(files: Iterable[DSSFile]) -> str:
    """Return where the bundle's document is saved: `bundle.json`, or `.bundle.json` if a file has that name.

    Raises:
        TransferError: the files take both names.
    """
    taken = {_place(file.name).split("/")[0] for file in files}
    free = next((name for name in _DOCUMENT_NAMES if name not in taken), None)
    if free is None:
        raise TransferError(
            f"Files of the bundle are called {' and '.join(_DOCUMENT_NAMES)}; its document finds no place.",
            hint="Exclude one of them with --metadata-filter or --data-filter.",
        )
    return free
