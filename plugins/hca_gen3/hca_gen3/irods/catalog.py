"""What an iRODS catalog knows of a collection: its files and the collections in it, page by page."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from hca_core.errors import NotFoundError, TransferError
from hca_core.redact import readable
from hca_gen3.irods.session import translated
from hca_gen3.irods.zone import Zone

if TYPE_CHECKING:
    from irods.query import Query
    from irods.session import iRODSSession

__all__ = ["IrodsFile", "check_collection", "collections_in", "files_in"]

_GOOD = "1"  # the status of a replica that is up to date
_MD5 = re.compile(r"[0-9a-f]{32}")
_DIGESTS = {"sha2": ("sha256", 32), "sha512": ("sha512", 64), "sha1": ("sha1", 20)}  # in hashlib, and its bytes
_LONGEST_PATH = 1087  # bytes; iRODS itself allows no more


@dataclass(frozen=True)
class IrodsFile:
    """A data object: `size` in bytes, `modified` in seconds since 1970, `checksum` as the catalog has it, or empty."""

    path: str
    size: int
    modified: int
    checksum: str = ""

    @property
    def identity(self) -> str:
        """Which content this is: it changes whenever the catalog knows that the content has."""
        return f"irods:{self.path}:{self.version}"

    @property
    def version(self) -> str:
        """What tells this content from others of the same path."""
        return f"{self.size}-{self.modified}-{self.checksum}"

    @property
    def scheme(self) -> str:
        """What the catalog calls the kind of its checksum; that of an MD5 has no name."""
        return self.checksum.rpartition(":")[0]

    def digest(self) -> dict[str, str]:
        """Return the checksum in hex under its name in `hashlib`; nothing, if there is none or we cannot calculate it.

        Raises:
            TransferError: it is malformed.
        """
        if not self.checksum or self.scheme not in ("", *_DIGESTS):
            return {}
        found = _md5(self.checksum) if not self.scheme else _decoded(self.scheme, self.checksum.rpartition(":")[2])
        if not found:
            raise TransferError(
                f"What the catalog has as its checksum is none: {readable(self.checksum, 60)!r}.",
                hint="Have it registered again: `ichksum -f` calculates it.",
            )
        return found

    def url(self, zone: Zone) -> str:
        """Return the address of this content; `from_url` reads it."""
        known = urlencode({"size": self.size, "modified": self.modified, "checksum": self.checksum})
        return f"{zone.address}{quote(self.path)}?{known}"

    @classmethod
    def from_url(cls, url: str) -> IrodsFile:
        """Return what `url` was made of."""
        parts = urlsplit(url)
        known = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return cls(unquote(parts.path), int(known["size"]), int(known["modified"]), known["checksum"])


def _md5(checksum: str) -> dict[str, str]:
    return {"md5": checksum.lower()} if _MD5.fullmatch(checksum.lower()) else {}


def _decoded(scheme: str, encoded: str) -> dict[str, str]:
    algorithm, size = _DIGESTS[scheme]
    try:
        digest = base64.b64decode(encoded, validate=True)
    except ValueError:
        return {}
    return {algorithm: digest.hex()} if len(digest) == size else {}


def check_collection(session: iRODSSession, zone: Zone, path: str) -> None:
    """Raise a NotFoundError if there is no collection at `path` that the user may see."""
    from irods.models import Collection

    with translated(zone, f"collection {path}"):
        found = list(session.query(Collection.id).filter(Collection.name == _quotable(path)))
    if not found:
        raise NotFoundError(
            f"{zone.address}: collection {path} does not exist, or you may not see it.",
            status=404,
            hint=f"Datasets are looked for in {zone.root}, which is irods_project_root.",
        )


def files_in(session: iRODSSession, zone: Zone, path: str) -> list[IrodsFile]:
    """Return the files of a collection, sorted by name, as far as they are not in collections inside of it."""
    from irods.models import Collection, DataObject

    columns = (
        DataObject.name,
        DataObject.size,
        DataObject.modify_time,
        DataObject.checksum,
        DataObject.replica_number,
        DataObject.replica_status,
    )
    with translated(zone, f"collection {path}"):
        rows = _rows(session, session.query(*columns).filter(Collection.name == _quotable(path)))
    best: dict[str, dict[Any, Any]] = {}
    for row in sorted(rows, key=lambda row: (row[DataObject.replica_status] != _GOOD, row[DataObject.replica_number])):
        best.setdefault(row[DataObject.name], row)
    return [
        IrodsFile(
            f"{path}/{name}",
            _count(best[name][DataObject.size], path, name),
            int(best[name][DataObject.modify_time].timestamp()),
            best[name][DataObject.checksum] or "",
        )
        for name in sorted(best)
    ]


def collections_in(session: iRODSSession, zone: Zone, path: str) -> Iterator[str]:
    """Yield the names of the collections in a collection, sorted.

    Raises:
        TransferError: the server names one that is somewhere else.
    """
    from irods.models import Collection

    inside = Collection.parent_name == _quotable(path)
    with translated(zone, f"collection {path}"):
        found = [row[Collection.name] for row in _rows(session, session.query(Collection.name).filter(inside))]
    for one in sorted(found):
        if not str(one).startswith(f"{path}/") or len(one.encode()) > _LONGEST_PATH:
            raise TransferError(f"{zone.address} lists collection {str(one)[:200]!r} inside {path}.")
        yield one[len(path) + 1 :]


def _rows(session: iRODSSession, query: Query) -> list[dict[Any, Any]]:
    from xml.etree.ElementTree import ParseError

    from irods.message import ET, XML_Parser_Type

    try:
        return list(query)
    except ParseError:
        # Servers send names as they are, also with characters that XML forbids. The parser that minds nothing takes
        # eight times as long, so it is the second choice.
        ET(XML_Parser_Type.QUASI_XML, session.server_version)
        try:
            return list(query)
        finally:
            ET(None)


def _quotable(path: str) -> str:
    # The query language of iRODS has no way to write an apostrophe; what follows one could be another condition.
    if "'" in path:
        raise TransferError(f"iRODS cannot look into collection {path!r}: its name has an apostrophe.")
    return path


def _count(size: Any, path: str, name: str) -> int:
    if type(size) is not int or size < 0:
        raise TransferError(f"The catalog says that {path}/{name} has {str(size)[:40]!r} bytes.")
    return size
