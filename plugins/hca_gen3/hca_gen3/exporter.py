"""Exports the records of a Gen3 commons, as data or as the files that the commons makes."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import ApiError, ArgumentError, NotFoundError
from hca_core.transfer.durable import flush
from hca_core.transfer.private import replacing, sweep
from hca_gen3.commons import Commons, check_project, field
from hca_gen3.exported import SMALL, checked, head

if TYPE_CHECKING:
    from hca_gen3.auth import Auth

__all__ = ["FORMATS", "Exporter", "write"]

FORMATS = ("json", "tsv")


class Exporter:
    """Exports from the commons that `auth` is for. Nothing is sent before the first one."""

    def __init__(self, auth: Auth) -> None:
        self.commons = Commons(auth)

    def export_node(
        self,
        program: str,
        project: str,
        node_type: str,
        fileformat: str,
        filename: str | os.PathLike[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Return all records of a node type in a project; with `filename`, what the commons sent is kept there as well.

        `fileformat` is `json` or `tsv`; the values of the latter are text.

        Raises:
            NotFoundError: there is no such program or project.
            ApiError: the dictionary has no such node type, or the answer is not whole.
        """
        body = self._kept(self.node(program, project, node_type, fileformat), filename)
        return _rows(body) if fileformat == "tsv" else _listed(_document(body), node_type)

    def export_record(
        self, program: str, project: str, uuid: str, fileformat: str, filename: str | os.PathLike[str] | None = None
    ) -> dict[str, Any]:
        """Return one record; the arguments are as for `export_node`.

        Raises:
            NotFoundError: the project has no such record.
        """
        body = self._kept(self.record(program, project, uuid, fileformat), filename)
        found = _rows(body) if fileformat == "tsv" else _listed({"data": _document(body)}, uuid)
        if not found:
            raise NotFoundError(f"The project {program}-{project} has no record {uuid}.", status=404)
        return found[0]

    def save(self, data: Any, fileformat: str, path: str | os.PathLike[str]) -> None:
        """Write data to a file; the only `fileformat` is `json`.

        Raises:
            ArgumentError: it is another one.
        """
        if fileformat != "json":
            raise ArgumentError(f"File format not supported: {fileformat!r}.", hint="The only one is json.")
        write([json.dumps(data, indent=4).encode()], Path(path))

    def node(self, program: str, project: str, node_type: str, fileformat: str) -> Iterator[bytes]:
        """Yield what the commons sends as all records of a node type, piece by piece; arguments as `export_node`."""
        url = f"{self.commons.url(program, project, 'export')}/"
        pieces = self._pieces(url, {"node_label": node_type, "format": _checked(fileformat)}, fileformat)
        first = head(pieces)
        if _is_empty(b"".join(first), fileformat):
            check_project(self.commons, program, project)
        yield from chain(first, pieces)

    def record(self, program: str, project: str, uuid: str, fileformat: str) -> Iterator[bytes]:
        """Yield what the commons sends as one record, piece by piece; arguments as for `export_record`."""
        if not uuid or "," in uuid:
            raise ArgumentError(f"{uuid!r} is not the id of one record.")
        url = self.commons.url(program, project, "export")
        return self._pieces(url, {"ids": uuid, "format": _checked(fileformat)}, fileformat)

    def _pieces(self, url: str, params: dict[str, str], fileformat: str) -> Iterator[bytes]:
        response = self.commons.send("GET", url, params=params, stream=True)
        try:
            yield from checked(response, fileformat)
        finally:
            response.close()

    def _kept(self, pieces: Iterator[bytes], filename: str | os.PathLike[str] | None) -> bytes:
        if filename is None:
            return b"".join(pieces)
        write(pieces, Path(filename))
        return Path(filename).read_bytes()


def write(pieces: Iterable[bytes], target: Path) -> None:
    """Write bytes to a file that gets its name when it is complete and safely on the disk."""
    sweep(target.parent)
    with replacing(target) as (fresh, file):
        for piece in pieces:
            file.write(piece)
        flush([fresh])


def _checked(fileformat: str) -> str:
    if fileformat not in FORMATS:
        raise ArgumentError(f"The file format {fileformat!r} is neither json nor tsv.")
    return fileformat


def _is_empty(begin: bytes, fileformat: str) -> bool:
    """Return whether an export has no record; `begin` is all of it, if it is small."""
    if len(begin) >= SMALL:
        return False
    return not (_rows(begin) if fileformat == "tsv" else _listed(_document(begin), "the node"))


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError("What the commons has exported is not whole, or no JSON.", status=200) from None


def _listed(document: Any, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = field(document, "data", list, f"the export of {what}")
    if not all(isinstance(record, dict) for record in found):
        raise ApiError(f"The export of {what} has something else than records in it.", status=200)
    return found


def _rows(body: bytes) -> list[dict[str, Any]]:
    text = io.StringIO(body.decode("utf-8-sig", "replace"), newline="")
    try:
        return list(csv.DictReader(text, dialect="excel-tab"))
    except csv.Error as error:
        raise ApiError(f"What the commons has exported cannot be read: {error}.", status=200) from error
