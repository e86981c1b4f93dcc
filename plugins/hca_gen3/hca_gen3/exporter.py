"""Exports the records of a Gen3 commons, as data or as the files that the commons makes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import ApiError, ArgumentError, NotFoundError
from hca_core.transfer.durable import flush
from hca_core.transfer.private import replacing, sweep
from hca_gen3.commons import Commons, check_project, field

if TYPE_CHECKING:
    from hca_gen3.auth import Auth

__all__ = ["FORMATS", "Exporter", "write"]

FORMATS = ("json", "tsv")
_SMALL = 65536  # bytes: what is longer cannot be the export of nothing


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
        head = _head(pieces)
        if _is_empty(head, fileformat):
            check_project(self.commons, program, project)
        yield from chain(head, pieces)

    def record(self, program: str, project: str, uuid: str, fileformat: str) -> Iterator[bytes]:
        """Yield what the commons sends as one record, piece by piece; arguments as for `export_record`."""
        if not uuid or "," in uuid:
            raise ArgumentError(f"{uuid!r} is not the id of one record.")
        url = self.commons.url(program, project, "export")
        return self._pieces(url, {"ids": uuid, "format": _checked(fileformat)}, fileformat)

    def _pieces(self, url: str, params: dict[str, str], fileformat: str) -> Iterator[bytes]:
        from hca_core.http import exact_bytes

        response = self.commons.send("GET", url, params=params, stream=True)
        try:
            pieces = exact_bytes(response)
            yield from _whole(pieces, response.url) if fileformat == "json" else pieces
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


def _head(pieces: Iterator[bytes]) -> list[bytes]:
    """Take the first pieces: all of them, if they are few."""
    taken, size = [], 0
    while size < _SMALL and (piece := next(pieces, None)) is not None:
        taken.append(piece)
        size += len(piece)
    return taken


def _is_empty(head: list[bytes], fileformat: str) -> bool:
    """Return whether an export has no record; `head` is all of it, or its beginning."""
    body = b"".join(head)
    if len(body) >= _SMALL:
        return False
    return not (_rows(body) if fileformat == "tsv" else _listed(_document(body), "the node"))


def _whole(pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
    """Yield the pieces of a JSON document.

    Raises:
        ApiError: it is none, or ends too early, which the commons does not tell if it fails after it has begun.
    """
    brackets = _Brackets()
    for piece in pieces:
        brackets.read(piece)
        yield piece
    if not brackets.closed:
        raise ApiError(
            f"The answer of {url.partition('?')[0]} is not a whole JSON document.",
            status=200,
            url=url,
            hint="If it has begun well, the commons stopped in the middle of it: try again.",
        )


class _Brackets:
    """Tells whether all that a JSON document opens is `closed`; of the document nothing is kept."""

    _ESCAPE = re.compile(rb"\\.", re.DOTALL)

    def __init__(self) -> None:
        self._depth = 0
        self._begun = self._in_text = False
        self._rest = b""

    def read(self, piece: bytes) -> None:
        """Go on with the next bytes."""
        piece = self._rest + piece
        backslashes = len(piece) - len(piece.rstrip(b"\\"))
        self._rest = piece[-1:] if backslashes % 2 else b""  # what it escapes is in the next piece
        parts = self._ESCAPE.sub(b"", piece.removesuffix(self._rest)).split(b'"')
        outside = b"".join(parts[self._in_text :: 2])
        self._in_text ^= len(parts) % 2 == 0
        opened = outside.count(b"[") + outside.count(b"{")
        self._depth += opened - outside.count(b"]") - outside.count(b"}")
        self._begun |= opened > 0

    @property
    def closed(self) -> bool:
        return self._begun and self._depth == 0 and not self._in_text


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
